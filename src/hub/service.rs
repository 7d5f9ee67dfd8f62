//! The hub's handle: a tower service.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use tower::Service;

use super::blocking;
use super::builder::{CreateError, HubBuilder};
use super::call;
use super::error::CallError;
use super::lives::{Lives, Options};
use super::manner::Manner;
use super::pool::{Acquire, Permit};
#[cfg(all(feature = "gateway", not(loom)))]
use super::sent::Sent;
use super::shared::Shared;
use crate::body::{Body, BoxError};
use crate::protocol::{BusName, SlotState};

/// Makes a bus and sends requests over it.
///
/// A hub is cheap to clone; clones share the bus, which goes when the last of them is dropped or one is
/// [closed](Hub::close). Calls wait for a free slot first come, first served.
///
/// As a tower service, a handle that is ready holds a slot's permit until it is called or dropped.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let hub = slotbus::hub::Hub::builder("greeter").create()?;
/// let request = http::Request::get("/hello").body(slotbus::Body::empty())?;
/// let response = hub.call(request).await?;
/// assert_eq!(response.status(), 200);
/// # Ok(())
/// # }
/// ```
pub struct Hub {
    handle: Arc<Handle>,
    /// The life that took calls when this handle was made, or was last ready.
    ///
    /// What it shares is changed by atomics and under locks; only a recorder's counters do not promise that they are fit for use
    /// after a panic.
    life: AssertUnwindSafe<Weak<Shared>>,
    /// What `poll_ready` has got so far.
    readiness: Readiness,
}

#[derive(Debug, Default)]
enum Readiness {
    #[default]
    None,
    Waiting(Acquire),
    Ready(Permit),
}

// With whatever features.
const _: () = {
    const fn is<T: Send + Sync + UnwindSafe + RefUnwindSafe>() {}
    is::<Hub>();
};

/// Closes the hub when the last of its clones is dropped.
struct Handle(Arc<Lives>);

impl Hub {
    /// Starts describing the hub of the bus called `name`.
    pub fn builder(name: impl Into<String>) -> HubBuilder {
        HubBuilder::new(name.into())
    }

    pub(super) fn start(options: Options) -> Result<Self, CreateError> {
        let lives = Lives::start(options)?;
        Ok(Self::of(&lives.current(), Arc::new(Handle(lives))))
    }

    fn of(life: &Arc<Shared>, handle: Arc<Handle>) -> Self {
        Self { handle, life: AssertUnwindSafe(Arc::downgrade(life)), readiness: Readiness::None }
    }

    /// Keeps everybody from learning which life takes calls.
    #[cfg(all(test, not(loom)))]
    pub(super) fn hold(&self) -> impl Sized + '_ {
        self.handle.0.hold()
    }

    /// The life that takes calls. Without a lock, unless the one that this handle knows was retired: that happens only when its
    /// successor stands behind the lock, see `Lives::succeed`.
    #[inline]
    pub(super) fn current(&self) -> Arc<Shared> {
        let known = self.life.upgrade().filter(|life| !life.retired.is_raised());
        known.unwrap_or_else(|| self.handle.0.current())
    }

    /// The bus's name.
    pub fn name(&self) -> &BusName {
        self.handle.0.name()
    }

    /// Sends `request` and resolves to its response.
    ///
    /// A [`RequestId`](crate::RequestId) among the request's extensions becomes its id, a [`Route`](super::Route) tells
    /// the worker which of its routes was matched. The body is collected before anything is sent.
    ///
    /// A [`Deadline`](crate::Deadline) among the extensions shortens the hub's time-out for this call. Dropping the future gives
    /// up: a request that no worker has claimed is taken back; the handler of one that runs is dropped within 20 ms, unless it
    /// is to [finish](crate::routing::OnDisconnect::Finish), and then its answer is. The future is no handle: with the last of those
    /// the hub is closed, and the call fails.
    ///
    /// # Errors
    /// [`CallError`] says what kept the response away; [`CallError::status`] is what a gateway answers for it.
    pub fn call<B>(&self, request: Request<B>) -> impl Future<Output = Result<Response<Body>, CallError>> + use<B>
    where
        B: http_body::Body,
        B::Error: Into<BoxError>,
    {
        call::call(self.current(), request, None, Manner::Yield, None)
    }

    /// As [`Hub::call`]; `sent` tells whether a worker may have seen the request, also when the future was dropped.
    #[cfg(all(feature = "gateway", not(loom)))]
    pub(crate) fn call_noting<B>(
        &self,
        request: Request<B>,
        sent: Sent,
    ) -> impl Future<Output = Result<Response<Body>, CallError>> + use<B>
    where
        B: http_body::Body,
        B::Error: Into<BoxError>,
    {
        call::call(self.current(), request, None, Manner::Yield, Some(sent))
    }

    /// Sends `request` and blocks this thread until its response is there.
    ///
    /// # Errors
    /// As [`Hub::call`].
    pub fn call_blocking<B>(&self, request: Request<B>) -> Result<Response<Body>, CallError>
    where
        B: http_body::Body,
        B::Error: Into<BoxError>,
    {
        blocking::block_on(call::call(self.current(), request, None, Manner::Park, None))
    }

    /// What each slot is doing now.
    pub fn slots(&self) -> Vec<SlotState> {
        let bus = &self.current().bus;
        bus.slots().map(|slot| bus.status(slot).into()).collect()
    }

    /// Whether a worker of ours is attached.
    #[cfg(all(feature = "tokio", not(loom)))]
    pub(crate) fn has_workers(&self) -> bool {
        self.current().bus.bus().has_workers()
    }

    /// Whether it was closed, or has stopped because its region was removed or is another hub's, which its log names: it takes no
    /// call any more, and whoever wants one makes another.
    pub fn is_closed(&self) -> bool {
        self.handle.0.is_closed()
    }

    /// Closes the hub for all its clones: waiting calls fail with [`CallError::Closed`], or with
    /// [`CallError::Interrupted`] when a worker has claimed them, workers let go, and the bus's
    /// names are free for another hub.
    pub fn close(&self) {
        self.handle.0.close();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Clone for Hub {
    fn clone(&self) -> Self {
        Self::of(&self.current(), Arc::clone(&self.handle))
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("name", self.name()).finish_non_exhaustive()
    }
}

impl<B> Service<Request<B>> for Hub
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = CallError;
    type Future = HubFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        loop {
            self.readiness = match &mut self.readiness {
                Readiness::None => {
                    let life = self.current();
                    if self.life.as_ptr() != Arc::as_ptr(&life) {
                        *self.life = Arc::downgrade(&life);
                    }
                    Readiness::Waiting(life.pool.acquire())
                }
                Readiness::Waiting(acquire) => match ready!(Pin::new(acquire).poll(cx)) {
                    Ok(permit) => Readiness::Ready(permit),
                    // The region was retired: its successor has slots.
                    Err(_) if !self.handle.0.is_closed() => Readiness::None,
                    Err(closed) => return Poll::Ready(Err(closed.into())),
                },
                Readiness::Ready(_) => return Poll::Ready(Ok(())),
            };
        }
    }

    fn call(&mut self, request: Request<B>) -> HubFuture {
        let permit = match std::mem::take(&mut self.readiness) {
            Readiness::Ready(permit) => Some(permit),
            Readiness::None | Readiness::Waiting(_) => panic!("`poll_ready` must be ready before `call`"),
        };
        let calling = Box::pin(call::call(self.current(), request, permit, Manner::Yield, None));
        HubFuture { calling, _handle: Arc::clone(&self.handle) }
    }
}

/// A call that was made through the hub's tower service. It keeps the hub as a clone does: who is asked once is often dropped while it
/// is.
#[must_use = "futures do nothing unless polled"]
pub struct HubFuture {
    calling: Pin<Box<dyn Future<Output = Result<Response<Body>, CallError>> + Send>>,
    _handle: Arc<Handle>,
}

impl Future for HubFuture {
    type Output = Result<Response<Body>, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.calling.as_mut().poll(cx)
    }
}

impl fmt::Debug for HubFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HubFuture")
    }
}
