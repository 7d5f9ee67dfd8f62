//! A request in hand: its future and its lease travel together, from the first poll to the answer.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use http::StatusCode;
use pin_project_lite::pin_project;

use super::waiting_room::WaitingRoom;
use crate::observe::Observation;
use crate::protocol::OutgoingReply;
use crate::slot::{ClaimedSlot, Fate};
use crate::sync::{Flag, OrderedCounter};

/// How many requests are in hand.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    in_hand: OrderedCounter,
    closed: Flag,
    /// Threads that wait for the number to fall.
    room: WaitingRoom,
}

impl Gauge {
    /// Counts one more request, until the result is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> InHand {
        self.in_hand.enter();
        InHand(Arc::clone(self))
    }

    /// How many are in hand.
    #[inline]
    pub(super) fn in_hand(&self) -> usize {
        usize::try_from(self.in_hand.peek()).expect("a request leaves after it entered")
    }

    /// Waits until fewer than `limit` are in hand; false when `deadline` came first, or `close`.
    pub(super) fn wait_for_room(&self, limit: usize, deadline: Instant) -> bool {
        self.wait(deadline, || self.in_hand() < limit || self.closed.is_raised());
        self.in_hand() < limit
    }

    /// Waits until none is in hand, at most until `deadline`.
    pub(super) fn wait_empty(&self, deadline: Instant) {
        self.wait(deadline, || self.in_hand() == 0);
    }

    fn wait(&self, deadline: Instant, done: impl Fn() -> bool) {
        let mut waiting = self.room.enter();
        while !done() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            waiting.sleep_at_most(left);
        }
    }

    /// Ends the waiting of pumps for room.
    pub(super) fn close(&self) {
        self.closed.raise();
        self.room.call_all();
    }
}

/// One request in hand.
#[derive(Debug)]
pub(super) struct InHand(Arc<Gauge>);

impl Drop for InHand {
    fn drop(&mut self) {
        let Self(gauge) = self;
        gauge.in_hand.leave();
        if !gauge.room.is_empty() {
            gauge.room.call_all();
        }
    }
}

pin_project! {
    /// Runs a request's future and answers with what it resolves to; with 500 when it panics or is dropped.
    ///
    /// A request whose caller gives up or whose deadline passes is answered then, and its future dropped, unless its
    /// handler is to run to its end: then what it resolves to is dropped.
    ///
    /// It is made once and used again by the next request while futures end at their first poll: what it holds is put where it
    /// stays.
    #[project = FlightProjection]
    pub(super) struct Flight<F> {
        // Present until it has ended or is not wanted any more.
        #[pin]
        future: Option<F>,
        // Present until the request is answered. Dropped with the flight it is answered 500.
        lease: Option<ClaimedSlot>,
        // The first poll comes right after the claim, when there is nothing to look at yet.
        was_polled: bool,
        in_hand: Option<InHand>,
        observation: Observation,
    }

    impl<F> PinnedDrop for Flight<F> {
        fn drop(this: Pin<&mut Self>) {
            this.clear();
        }
    }
}

impl<F> Flight<F> {
    /// One without a request.
    pub(super) fn empty() -> Pin<Box<Self>> {
        let observation = Observation::default();
        Box::pin(Self { future: None, lease: None, was_polled: false, in_hand: None, observation })
    }

    /// Takes in a request, and the future that `call` makes of it; false when that panics, and the request is answered 500.
    #[inline]
    #[must_use = "a flight that has not begun is not to be polled"]
    pub(super) fn begin(
        mut self: Pin<&mut Self>,
        lease: ClaimedSlot,
        in_hand: InHand,
        call: impl FnOnce() -> F,
    ) -> bool {
        let this = self.as_mut().project();
        debug_assert!(this.lease.is_none() && this.in_hand.is_none(), "the request before has gone");
        *this.observation = lease.observation().clone();
        *this.was_polled = false;
        *this.lease = Some(lease);
        *this.in_hand = Some(in_hand);
        let called = {
            let (mut future, _inside) = (this.future, this.observation.enter());
            in_room(this.lease.as_ref(), || future.set(Some(call())))
        };
        let Err(panic) = called else { return true };
        let this = self.project();
        let _inside = this.observation.enter();
        answer_panic(this.lease.take().expect("it was put there above"), &*panic);
        false
    }

    /// Lets go of everything. A request that is observed ends inside its span.
    #[inline]
    pub(super) fn clear(self: Pin<&mut Self>) {
        let FlightProjection { mut future, lease, in_hand, observation, was_polled: _ } = self.project();
        {
            // Not while this thread unwinds: what has panicked may be who observes.
            let _inside = if std::thread::panicking() { None } else { observation.enter() };
            future.set(None);
            *lease = None;
        }
        *in_hand = None;
        *observation = Observation::default();
    }
}

impl<F: Future<Output = OutgoingReply>> Future for Flight<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let FlightProjection { mut future, lease, was_polled, in_hand: _, observation } = self.project();
        let _inside = observation.enter();
        if std::mem::replace(was_polled, true)
            && let Some((lease, fate)) = take_if_fated(lease, cx)
        {
            if !lease.finishes() {
                // Before the answer, so that nothing of the request runs when its slot is free.
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| future.set(None))) {
                    log_panicked_drop(&*panic);
                }
            }
            lease.end(fate);
        }
        let Some(running) = future.as_mut().as_pin_mut() else { return Poll::Ready(()) };
        let ended = match in_room(lease.as_ref(), || running.poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(reply)) => Ok(reply),
            Err(panic) => Err(panic),
        };
        if let Some(lease) = lease.take() {
            match ended {
                Ok(reply) => drop(lease.answer(reply)),
                Err(panic) => answer_panic(lease, &*panic),
            }
        } else if let Err(panic) = ended {
            tracing::error!("a handler panicked after its request was answered: {}", panic_message(&*panic));
        }
        Poll::Ready(())
    }
}

/// Runs a part of a handler, which may write a long body where it need not be copied. An error is what it panicked with.
#[inline]
fn in_room<R>(lease: Option<&ClaimedSlot>, run: impl FnOnce() -> R) -> std::thread::Result<R> {
    let run = || catch_unwind(AssertUnwindSafe(run));
    match lease.and_then(ClaimedSlot::room) {
        Some(room) => room.enter(run),
        None => run(),
    }
}

/// The lease, if something became of its request; else the task of `cx` is woken when it does.
fn take_if_fated(lease: &mut Option<ClaimedSlot>, cx: &Context<'_>) -> Option<(ClaimedSlot, Fate)> {
    let fate = lease.as_ref()?.fate(cx.waker())?;
    lease.take().map(|lease| (lease, fate))
}

/// Logs the panic of a future that was dropped.
pub(super) fn log_panicked_drop(panic: &(dyn Any + Send)) {
    tracing::error!("a handler's future panicked when it was dropped: {}", panic_message(panic));
}

/// Answers a request whose handler panicked. The panic's message goes to the log, not to the caller.
fn answer_panic(lease: ClaimedSlot, panic: &(dyn Any + Send)) {
    let request_id = lease.request_id();
    tracing::error!(
        request_id = request_id.map(tracing::field::display),
        "a handler panicked: {}",
        panic_message(panic)
    );
    lease.problem(StatusCode::INTERNAL_SERVER_ERROR, "the handler panicked");
}

/// What a panic said.
pub(super) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)")
}
