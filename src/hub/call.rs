//! One call: wait for a slot, dispatch, wait for the answer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use http::{Request, Response, StatusCode};

use super::board::Entry;
use super::pool::{Closed, Permit};
use super::shared::{DeadlineKey, Shared};
use super::watcher;
use crate::body::{Body, BoxError};
use crate::http::{CollectError, collect_request, reply_to_response, request_to_call};
use crate::protocol::{OutgoingCall, Reply, ReplyError, WireError};
use crate::slot::{DispatchError, Progress};

/// Why a call brought no response of its handler.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The hub was closed.
    #[error("the hub was closed")]
    Closed,
    /// No answer came in time. The handler may still run.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The request has no place on the wire; it was not sent.
    #[error("the request cannot be sent")]
    Wire(#[from] WireError),
    /// The request's body is longer than the hub's limit; it was not sent.
    #[error("the request body exceeds the limit of {0} bytes")]
    BodyTooLarge(usize),
    /// The request's body failed; nothing was sent.
    #[error("the request body failed")]
    Body(#[source] BoxError),
    /// There was no memory for the request; it was not sent.
    #[error("there is no room in /dev/shm for the request")]
    NoRoom(#[source] BoxError),
    /// The worker died while it ran the request.
    #[error("the worker died while it ran the request")]
    WorkerDied,
    /// A worker of the published kind gave the slot back without an answer.
    #[error("the worker gave the request back without an answer")]
    Abandoned,
    /// The worker's answer is no HTTP response.
    #[error("the worker's answer is no response")]
    Reply(#[from] ReplyError),
}

impl CallError {
    /// The status that tells an HTTP client about it, as a gateway would (RFC 9110 section 15.6).
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Closed => StatusCode::SERVICE_UNAVAILABLE,
            Self::TimedOut(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::Wire(WireError::Method(_)) => StatusCode::NOT_IMPLEMENTED,
            Self::Wire(WireError::BodyTooLarge { .. }) | Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Wire(WireError::HeaderValue(_)) | Self::Body(_) => StatusCode::BAD_REQUEST,
            Self::Wire(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::NoRoom(_) => StatusCode::INSUFFICIENT_STORAGE,
            Self::WorkerDied | Self::Abandoned | Self::Reply(_) => StatusCode::BAD_GATEWAY,
        }
    }
}

impl From<Closed> for CallError {
    fn from(Closed: Closed) -> Self {
        Self::Closed
    }
}

impl From<CollectError> for CallError {
    fn from(error: CollectError) -> Self {
        match error {
            CollectError::TooLarge(limit) => Self::BodyTooLarge(limit),
            CollectError::Body(error) => Self::Body(error),
        }
    }
}

impl From<DispatchError> for CallError {
    fn from(error: DispatchError) -> Self {
        match error {
            DispatchError::Wire(error) => Self::Wire(error),
            DispatchError::NoRoom(error) => Self::NoRoom(error.into()),
        }
    }
}

/// Sends `request` and resolves to its response; `permit` is the slot that was waited for before, if any.
pub(super) async fn call<B>(
    shared: Arc<Shared>,
    request: Request<B>,
    permit: Option<Permit>,
) -> Result<Response<Body>, CallError>
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    let timeout = shared.timeout;
    let inner = {
        let shared = Arc::clone(&shared);
        async move {
            let (parts, body) = collect_request(request, shared.bus.body_limit()).await?;
            let call = request_to_call(parts, body, || shared.next_id())?;
            let permit = match permit {
                Some(permit) => permit,
                None => shared.pool.acquire().await?,
            };
            let reply = Answer::dispatch(shared, permit, &call)?.await?;
            Ok(reply_to_response(reply)?)
        }
    };
    // A timed-out call is a dropped one: what it holds gives up by itself.
    match (Timed { shared, deadline: Instant::now() + timeout, key: None, inner: std::pin::pin!(inner) }).await {
        Some(result) => result,
        None => Err(CallError::TimedOut(timeout)),
    }
}

/// A future with a deadline, kept by the watcher; resolves to `None` when it comes first.
struct Timed<'a, F> {
    shared: Arc<Shared>,
    deadline: Instant,
    key: Option<DeadlineKey>,
    inner: Pin<&'a mut F>,
}

impl<F: Future> Future for Timed<'_, F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { shared, deadline, key, inner } = &mut *self;
        if let Poll::Ready(output) = inner.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        if Instant::now() >= *deadline {
            return Poll::Ready(None);
        }
        if shared.watch.set_deadline(*deadline, key, cx.waker()) {
            // The watcher is parked on the bell for longer: a ring of our own makes it look.
            shared.bus.bus().responses().ring();
        }
        Poll::Pending
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
    fn dispatch(shared: Arc<Shared>, permit: Permit, call: &OutgoingCall) -> Result<Self, CallError> {
        let index = permit.slot();
        {
            // The entry is locked over the dispatch, so whoever sees DONE sees whose it is.
            let mut entry = shared.board.entry(index);
            // A slot of the pool that is not FREE was written by somebody who is no hub.
            let reserved = shared.bus.reserve(index).ok_or(CallError::Abandoned)?;
            let slot = reserved.dispatch(call)?;
            *entry = Entry::Pending { slot, waker: None, orphaned: false };
        }
        Ok(Self { shared, permit: Some(permit), spun: false, waiting_since: None, interested: false })
    }

    /// Looks at the slot; takes the answer if it is there, else leaves `waker` to be woken.
    fn look(&mut self, waker: Option<&Waker>) -> Poll<Result<Reply, CallError>> {
        let Self { shared, permit, .. } = self;
        let index = permit.as_ref().expect("polled after it was ready").slot();
        let mut entry = shared.board.entry(index);
        let Entry::Pending { slot, waker: registered, orphaned } = &mut *entry else {
            unreachable!("the entry is this caller's until it takes the answer")
        };
        let result = match slot.progress(&shared.bus) {
            _ if *orphaned => Err(CallError::WorkerDied),
            Progress::Finished => slot.finished(&shared.bus).take().map_err(CallError::Reply),
            Progress::Abandoned => {
                slot.reset(&shared.bus);
                Err(CallError::Abandoned)
            }
            Progress::Waiting | Progress::Claimed(_) => {
                if let Some(waker) = waker {
                    *registered = Some(waker.clone());
                }
                return Poll::Pending;
            }
        };
        *entry = Entry::Idle;
        drop(entry);
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
            shared.watch.notify();
        }
        found.map_or(Poll::Pending, Poll::Ready)
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
        // Registered first and looked at after, so that an answer between the two is seen.
        if let Poll::Ready(result) = this.look(Some(cx.waker())) {
            if let Some(since) = this.waiting_since {
                this.shared.spin.parked_for(since.elapsed());
            }
            return Poll::Ready(result);
        }
        if this.shared.watch.lock().closed {
            return Poll::Ready(Err(CallError::Closed));
        }
        if !std::mem::replace(&mut this.interested, true) {
            this.shared.add_interest();
        }
        Poll::Pending
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else { return };
        let shared = &self.shared;
        let mut entry = shared.board.entry(permit.slot());
        let Entry::Pending { slot, orphaned, .. } = std::mem::take(&mut *entry) else {
            unreachable!("the entry is this caller's until it takes the answer")
        };
        let gone = orphaned || slot.withdraw(&shared.bus);
        if !gone {
            match slot.progress(&shared.bus) {
                Progress::Finished => drop(slot.finished(&shared.bus)),
                Progress::Abandoned => slot.reset(&shared.bus),
                Progress::Waiting | Progress::Claimed(_) => {
                    *entry = Entry::Zombie { slot, permit };
                    drop(entry);
                    // The zombie keeps the interest of its caller, or gets one of its own.
                    if !std::mem::take(&mut self.interested) {
                        self.shared.add_interest();
                    }
                    return;
                }
            }
        }
        drop(entry);
        drop(permit);
        self.lose_interest();
    }
}

/// Drives `future` to its end on this thread.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
