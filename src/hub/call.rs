//! One call: wait for a slot, dispatch, wait for the answer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use http::{Request, Response, request};

use super::board::Entry;
use super::error::CallError;
use super::pool::Permit;
use super::shared::{DeadlineKey, Shared};
use super::watcher;
use crate::body::{Body, BoxError};
use crate::http::{collect_request, reply_to_response, request_to_call};
use crate::protocol::{OutgoingCall, Reply, Segments};
use crate::slot::Progress;

/// Sends `request` and resolves to its response; `permit` is the slot that was waited for before, if any.
pub(super) async fn call<B>(
    shared: Arc<Shared>,
    request: Request<B>,
    mut permit: Option<Permit>,
) -> Result<Response<Body>, CallError>
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    let timeout = shared.timeout;
    let method = request.method().clone();
    let inner = {
        let shared = Arc::clone(&shared);
        async move {
            let (parts, body) = collect(request, &shared, &mut permit).await?;
            let call = request_to_call(parts, body, || shared.next_id())?;
            let reply = Answer::dispatch(shared, permit, &call).await?.await?;
            Ok(reply_to_response(reply, &method)?)
        }
    };
    // A timed-out call is a dropped one: what it holds gives up by itself.
    let deadline = Instant::now().checked_add(timeout);
    Timed { shared, timeout, deadline, key: None, inner: std::pin::pin!(inner) }.await
}

/// Collects the request's body. A slot that was waited for before goes to others while the body is not there yet.
async fn collect<B>(
    request: Request<B>,
    shared: &Shared,
    permit: &mut Option<Permit>,
) -> Result<(request::Parts, Segments), CallError>
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    let mut collecting = std::pin::pin!(collect_request(request, shared.bus.body_limit()));
    let collected = std::future::poll_fn(|cx| {
        let collected = collecting.as_mut().poll(cx);
        if collected.is_pending() {
            *permit = None;
        }
        collected
    });
    Ok(collected.await?)
}

/// A call with a deadline, kept by the watcher.
struct Timed<'a, F> {
    shared: Arc<Shared>,
    timeout: Duration,
    /// `None` for a time-out that the clock cannot reach.
    deadline: Option<Instant>,
    key: Option<DeadlineKey>,
    inner: Pin<&'a mut F>,
}

impl<T, F: Future<Output = Result<T, CallError>>> Future for Timed<'_, F> {
    type Output = Result<T, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { shared, timeout, deadline, key, inner } = &mut *self;
        if let Poll::Ready(output) = inner.as_mut().poll(cx) {
            return Poll::Ready(output);
        }
        let Some(deadline) = *deadline else { return Poll::Pending };
        if Instant::now() >= deadline {
            return Poll::Ready(Err(CallError::TimedOut(*timeout)));
        }
        if shared.watch.set_deadline(deadline, key, cx.waker().clone()) {
            // The watcher is parked on the bell for longer: a ring of our own makes it look.
            shared.bus.bus().responses().ring();
        }
        // After the deadline is set, which closing wakes: either this sees it, or is woken.
        if shared.watch.lock().closed { Poll::Ready(Err(CallError::Closed)) } else { Poll::Pending }
    }
}

impl<F> Drop for Timed<'_, F> {
    fn drop(&mut self) {
        let Self { shared, key, .. } = self;
        if let Some(key) = key.take() {
            shared.watch.clear_deadline(key);
        }
    }
}

/// A dispatched request. Dropped, it takes the request back or leaves a zombie in its slot.
struct Answer {
    shared: Arc<Shared>,
    /// Present until the answer was taken.
    permit: Option<Permit>,
    spun: bool,
    /// Since when the answer is waited for without success.
    waiting_since: Option<Instant>,
    /// Counted among those that wait for others to take rings.
    interested: bool,
}

impl Answer {
    async fn dispatch(shared: Arc<Shared>, permit: Option<Permit>, call: &OutgoingCall) -> Result<Self, CallError> {
        let mut waited = permit;
        loop {
            let permit = match waited.take() {
                Some(permit) => permit,
                None => shared.pool.acquire().await?,
            };
            let index = permit.slot();
            let Some(reserved) = shared.bus.reserve(index) else {
                // A free slot whose word is not FREE was written by somebody who is no hub, and may be again.
                tracing::error!(bus = %shared.bus.bus().name(), slot = %index, "a free slot was written to: it is not used any more");
                permit.forget();
                continue;
            };
            let written = reserved.write(call)?;
            // The entry is locked over the announcement, so whoever sees DONE sees whose it is.
            let mut entry = shared.board.entry(index);
            *entry = Entry::Pending { slot: written.announce(), waker: None, orphaned: false };
            drop(entry);
            return Ok(Self { shared, permit: Some(permit), spun: false, waiting_since: None, interested: false });
        }
    }

    /// Looks at the slot; takes the answer if it is there, else leaves `waker` to be woken.
    fn look(&mut self, waker: Option<&Waker>) -> Poll<Result<Reply, CallError>> {
        let Self { shared, permit, .. } = self;
        let index = permit.as_ref().expect("polled after it was ready").slot();
        let mut entry = shared.board.entry(index);
        let Entry::Pending { slot, waker: registered, orphaned } = &mut *entry else {
            unreachable!("the entry is this caller's until it takes the answer")
        };
        let (orphaned, progress) = (*orphaned, slot.progress(&shared.bus));
        if !orphaned && matches!(progress, Progress::Waiting | Progress::Claimed(_)) {
            if let Some(waker) = waker {
                let former = registered.replace(waker.clone());
                drop(entry);
                drop(former);
            }
            return Poll::Pending;
        }
        let taken = std::mem::take(&mut *entry);
        // Unlocked before the copying: the slot is still this caller's, by its permit.
        drop(entry);
        let Entry::Pending { slot, .. } = taken else { unreachable!("it was pending above") };
        let result = match progress {
            _ if orphaned => Err(CallError::WorkerDied),
            Progress::Finished => slot.finished(&shared.bus).take().map_err(CallError::Reply),
            _ => {
                slot.reset(&shared.bus);
                Err(CallError::Abandoned)
            }
        };
        // The slot is back in the pool before the caller sees its answer.
        self.permit = None;
        self.lose_interest();
        Poll::Ready(result)
    }

    /// Spins on the own slot, if nobody else of this process spins; takes rings and wakes others meanwhile.
    fn spin(&mut self) -> Poll<Result<Reply, CallError>> {
        let shared = Arc::clone(&self.shared);
        if !shared.spinning.try_raise() {
            return Poll::Pending;
        }
        let found = shared.spin.until(|| {
            if shared.bus.bus().responses().try_take() && shared.interested.get() > 0 {
                watcher::look(&shared);
            }
            match self.look(None) {
                Poll::Ready(result) => Some(result),
                Poll::Pending => None,
            }
        });
        shared.spinning.lower();
        if shared.interested.get() > 0 {
            // The rings are nobody's now.
            shared.wake_watcher();
        }
        found.map_or(Poll::Pending, Poll::Ready)
    }

    fn take_interest(&mut self) {
        if !std::mem::replace(&mut self.interested, true) {
            self.shared.add_interest();
        }
    }

    fn lose_interest(&mut self) {
        if std::mem::take(&mut self.interested) {
            self.shared.drop_interest();
        }
    }
}

impl Future for Answer {
    type Output = Result<Reply, CallError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if !std::mem::replace(&mut this.spun, true) {
            let started = Instant::now();
            if let Poll::Ready(result) = this.spin() {
                return Poll::Ready(result);
            }
            this.waiting_since = Some(started);
        }
        // Interest, waker, look, in this order: a ring that comes after the look is taken by somebody who sees the
        // interest, scans, and finds the waker.
        this.take_interest();
        if let Poll::Ready(result) = this.look(Some(cx.waker())) {
            if let Some(since) = this.waiting_since {
                this.shared.spin.parked_for(since.elapsed());
            }
            return Poll::Ready(result);
        }
        if this.shared.watch.lock().closed {
            return Poll::Ready(Err(CallError::Closed));
        }
        Poll::Pending
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if self.permit.is_none() {
            return;
        }
        // A zombie waits for a ring as its caller did; the interest comes before the look here too.
        self.take_interest();
        let permit = self.permit.take().expect("it was looked at above");
        let Self { shared, .. } = self;
        let mut entry = shared.board.entry(permit.slot());
        let Entry::Pending { slot, orphaned, .. } = std::mem::take(&mut *entry) else {
            unreachable!("the entry is this caller's until it takes the answer")
        };
        if !orphaned && !slot.withdraw(&shared.bus) {
            match slot.progress(&shared.bus) {
                Progress::Finished => drop(slot.finished(&shared.bus)),
                Progress::Abandoned => slot.reset(&shared.bus),
                Progress::Waiting | Progress::Claimed(_) => {
                    *entry = Entry::Zombie { slot, _permit: permit };
                    return;
                }
            }
        }
        // The entry is idle before the slot is back in the pool.
        drop(entry);
        drop(permit);
        self.lose_interest();
    }
}
