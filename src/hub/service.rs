//! The hub's handle: a tower service.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use http::{Request, Response};
use tower::Service;

use super::answer::Manner;
use super::blocking;
use super::builder::HubBuilder;
use super::call;
use super::error::CallError;
use super::pool::{Acquire, Permit};
use super::shared::Shared;
use super::watcher;
use crate::body::{Body, BoxError};
use crate::protocol::{BusName, Status};
use crate::slot::{HubBus, TrustedPeers};

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

/// Closes the hub when the last of its clones is dropped.
struct Handle {
    shared: Arc<Shared>,
    watcher: Mutex<Option<JoinHandle<()>>>,
}

/// What a slot is doing, for tables and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotState {
    /// Free.
    Free,
    /// A request is being written.
    Writing,
    /// A request waits for a worker.
    Ready,
    /// A worker runs the request.
    Claimed,
    /// The response waits to be read.
    Done,
    /// A word that is no state of the protocol.
    Unknown(u32),
}

impl fmt::Display for SlotState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Free => f.pad("free"),
            Self::Writing => f.pad("writing"),
            Self::Ready => f.pad("ready"),
            Self::Claimed => f.pad("claimed"),
            Self::Done => f.pad("done"),
            Self::Unknown(word) => write!(f, "unknown ({word:#x})"),
        }
    }
}

impl From<Status> for SlotState {
    fn from(status: Status) -> Self {
        match status {
            Status::Free => Self::Free,
            Status::Writing => Self::Writing,
            Status::Ready => Self::Ready,
            Status::Claimed(_) => Self::Claimed,
            Status::Done => Self::Done,
            Status::Unknown(word) => Self::Unknown(word),
        }
    }
}

impl Hub {
    /// Starts describing the hub of the bus called `name`.
    pub fn builder(name: impl Into<String>) -> HubBuilder {
        HubBuilder::new(name.into())
    }

    pub(super) fn start(
        bus: HubBus,
        timeout: Duration,
        spin: Duration,
        trust: Option<TrustedPeers>,
    ) -> std::io::Result<Self> {
        let name = format!("slotbus-hub-{}", bus.bus().name().name());
        let shared = Arc::new(Shared::new(bus, timeout, spin, trust));
        let watcher = thread::Builder::new().name(name).spawn({
            let shared = Arc::clone(&shared);
            move || watcher::watch(&shared)
        })?;
        let handle = Handle { shared, watcher: Mutex::new(Some(watcher)) };
        Ok(Self { handle: Arc::new(handle), readiness: Readiness::None })
    }

    /// The bus's name.
    pub fn name(&self) -> &BusName {
        self.handle.shared.bus.bus().name()
    }

    /// Sends `request` and resolves to its response.
    ///
    /// A [`RequestId`](crate::RequestId) among the request's extensions becomes its id, a [`Route`](super::Route) tells
    /// the worker which of its routes was matched. The body is collected before anything is sent.
    ///
    /// Dropping the future gives up: a request that no worker has claimed is taken back, of one that runs the answer is
    /// dropped when it comes.
    ///
    /// # Errors
    /// [`CallError`] says what kept the response away; [`CallError::status`] is what a gateway answers for it.
    pub fn call<B>(&self, request: Request<B>) -> impl Future<Output = Result<Response<Body>, CallError>> + use<B>
    where
        B: http_body::Body,
        B::Error: Into<BoxError>,
    {
        call::call(Arc::clone(&self.handle.shared), request, None, Manner::Yield)
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
        blocking::block_on(call::call(Arc::clone(&self.handle.shared), request, None, Manner::Park))
    }

    /// What each slot is doing now.
    pub fn slots(&self) -> Vec<SlotState> {
        let bus = &self.handle.shared.bus;
        bus.slots().map(|slot| bus.status(slot).into()).collect()
    }

    /// Closes the hub for all its clones: waiting calls fail with [`CallError::Closed`], workers let go, and the bus's
    /// names are free for another hub.
    pub fn close(&self) {
        self.handle.close();
    }
}

impl Handle {
    fn close(&self) {
        let Self { shared, watcher } = self;
        let Some(watcher) = watcher.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        shared.close();
        // A waker that the watcher runs may drop the last handle: it cannot wait for itself.
        if watcher.thread().id() == thread::current().id() {
            return;
        }
        while !watcher.is_finished() {
            // It sleeps in one of two places.
            shared.wake_watcher();
            shared.bus.bus().responses().ring();
            thread::sleep(watcher::NOTICE);
        }
        // A panic there is a bug of ours and was printed.
        let _ = watcher.join();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

impl Clone for Hub {
    fn clone(&self) -> Self {
        Self { handle: Arc::clone(&self.handle), readiness: Readiness::None }
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
                Readiness::None => Readiness::Waiting(self.handle.shared.pool.acquire()),
                Readiness::Waiting(acquire) => Readiness::Ready(ready!(Pin::new(acquire).poll(cx))?),
                Readiness::Ready(_) => return Poll::Ready(Ok(())),
            };
        }
    }

    fn call(&mut self, request: Request<B>) -> HubFuture {
        let permit = match std::mem::take(&mut self.readiness) {
            Readiness::Ready(permit) => Some(permit),
            Readiness::None | Readiness::Waiting(_) => panic!("`poll_ready` must be ready before `call`"),
        };
        HubFuture(Box::pin(call::call(Arc::clone(&self.handle.shared), request, permit, Manner::Yield)))
    }
}

/// A call that was made through the hub's tower service.
#[must_use = "futures do nothing unless polled"]
pub struct HubFuture(Pin<Box<dyn Future<Output = Result<Response<Body>, CallError>> + Send>>);

impl Future for HubFuture {
    type Output = Result<Response<Body>, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for HubFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HubFuture")
    }
}
