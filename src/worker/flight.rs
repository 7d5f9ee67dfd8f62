//! A request in hand: its future and its lease travel together, from the first poll to the answer.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use http::StatusCode;

use crate::protocol::OutgoingReply;
use crate::slot::ClaimedSlot;

/// How many requests are in hand.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    state: Mutex<GaugeState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct GaugeState {
    in_hand: usize,
    waiting: usize,
    closed: bool,
}

impl Gauge {
    /// Counts one more request, until the result is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> InHand {
        self.lock().in_hand += 1;
        InHand(Arc::clone(self))
    }

    /// How many are in hand.
    pub(super) fn in_hand(&self) -> usize {
        self.lock().in_hand
    }

    /// Waits until fewer than `limit` are in hand; false when `deadline` came first, or `close`.
    pub(super) fn wait_for_room(&self, limit: usize, deadline: Instant) -> bool {
        self.wait(deadline, |state| state.in_hand < limit || state.closed).in_hand < limit
    }

    /// Waits until none is in hand, at most until `deadline`.
    pub(super) fn wait_empty(&self, deadline: Instant) {
        drop(self.wait(deadline, |state| state.in_hand == 0));
    }

    fn wait(&self, deadline: Instant, done: impl Fn(&GaugeState) -> bool) -> MutexGuard<'_, GaugeState> {
        let mut state = self.lock();
        state.waiting += 1;
        while !done(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.waiting -= 1;
        state
    }

    /// Ends the waiting of pumps for room.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, GaugeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request in hand.
#[derive(Debug)]
pub(super) struct InHand(Arc<Gauge>);

impl Drop for InHand {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.in_hand -= 1;
        let notify = state.waiting > 0;
        drop(state);
        if notify {
            self.0.changed.notify_all();
        }
    }
}

/// Runs a request's future and answers with what it resolves to; with 500 when it panics or is dropped.
pub(super) struct Flight<F> {
    future: F,
    /// Present until the future has ended. Dropped with the flight it is answered 500.
    lease: Option<ClaimedSlot>,
    _in_hand: InHand,
}

impl<F: Future<Output = OutgoingReply>> Flight<F> {
    pub(super) fn new(future: F, lease: ClaimedSlot, in_hand: InHand) -> Self {
        Self { future, lease: Some(lease), _in_hand: in_hand }
    }
}

impl<F: Future<Output = OutgoingReply>> Future for Flight<Pin<Box<F>>> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { future, lease, _in_hand } = self.get_mut();
        let ended = match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(reply)) => Ok(reply),
            Err(panic) => Err(panic),
        };
        if let Some(lease) = lease.take() {
            match ended {
                Ok(reply) => drop(lease.answer(reply)),
                Err(panic) => answer_panic(lease, &*panic),
            }
        }
        Poll::Ready(())
    }
}

/// Answers a request whose handler panicked. The panic's message goes to the log, not to the caller.
pub(super) fn answer_panic(lease: ClaimedSlot, panic: &(dyn Any + Send)) {
    tracing::error!("a handler panicked: {}", panic_message(panic));
    lease.problem(StatusCode::INTERNAL_SERVER_ERROR, "the handler panicked");
}

/// What a panic said.
pub(super) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)")
}
