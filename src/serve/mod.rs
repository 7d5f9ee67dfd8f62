//! [`serve`]: joins a tower service with a worker.

mod adapter;
#[cfg(all(feature = "register", not(loom)))]
mod behind_hub;
mod error;
mod executor;
mod future;
// Loom's models are built with a tokio that has no signals.
#[cfg(all(feature = "tokio", not(loom)))]
mod signal;
#[cfg(feature = "tokio")]
mod tokio_executor;

use std::fmt;
use std::future::{Future, IntoFuture, Pending, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::task::Spawn;
use http::{Request, Response};
use tower::Service;

pub(crate) use self::adapter::HttpService;
pub use self::error::Error;
use self::executor::SpawnExecutor;
pub use self::future::ServeFuture;
#[cfg(all(feature = "tokio", not(loom)))]
pub use self::signal::shutdown_signal;
use crate::body::{Body, BoxError};
pub use crate::protocol::NAME_VARIABLE;
use crate::protocol::{BusName, DEFAULT_PREFIX, Limits, SUPERVISOR_VARIABLE};
use crate::worker::{Access, Executor, TrustedPeers, Worker, WorkerOptions};

/// The longest request or response body, in bytes, unless [`Serve::message_limit`] says otherwise: 64 MiB.
pub const DEFAULT_MESSAGE_LIMIT: usize = 64 << 20;

/// Serves `service` on a bus: awaits requests from its hub and answers each exactly once.
///
/// Any tower service of HTTP will do: a [`Router`](crate::Router), an `axum::Router`, `tower_http`'s `ServeDir`,
/// `tower::service_fn`, a `ServiceBuilder` stack. Its errors need no adapter: a time-out is answered 504, an overload
/// 503, anything else 500.
///
/// Handlers are polled first on a thread that claims requests, inside the runtime's context; what is not ready then
/// goes to the runtime.
///
/// ```no_run
/// # async fn run() -> Result<(), slotbus::Error> {
/// let hello = tower::service_fn(|_: http::Request<slotbus::Body>| async {
///     Ok::<_, std::convert::Infallible>(http::Response::new(slotbus::Body::from("hello")))
/// });
/// slotbus::serve(hello).name("greeter").with_graceful_shutdown(slotbus::shutdown_signal()).await
/// # }
/// ```
pub fn serve<S, R>(service: S) -> Serve<S>
where
    S: Service<Request<Body>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    R: http_body::Body + Send + 'static,
    R::Data: Send,
    R::Error: Into<BoxError>,
{
    Serve { service, shutdown: pending(), options: Options::default() }
}

/// How long a pump spins before it parks, unless [`Serve::spin`] says otherwise.
const DEFAULT_SPIN: Duration = Duration::from_micros(20);

fn default_pumps() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4))
}

/// A worker about to be started; `.await` starts it. Made by [`serve`].
#[must_use = "a worker does nothing until it is awaited"]
pub struct Serve<S, F = Pending<()>> {
    service: S,
    shutdown: F,
    options: Options,
}

/// What the builder's methods set.
#[derive(Clone)]
struct Options {
    name: Option<String>,
    prefix: String,
    pumps: usize,
    concurrency: Option<usize>,
    spin: Duration,
    connect_timeout: Option<Duration>,
    drain_timeout: Duration,
    body_limit: Option<usize>,
    limits: Limits,
    group: Option<u32>,
    trust: Option<TrustedPeers>,
    executor: Option<Arc<dyn Executor>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: None,
            prefix: DEFAULT_PREFIX.to_owned(),
            pumps: default_pumps(),
            concurrency: None,
            spin: DEFAULT_SPIN,
            connect_timeout: None,
            drain_timeout: Duration::from_secs(30),
            body_limit: None,
            limits: DEFAULT_MESSAGE_LIMIT.into(),
            group: None,
            trust: None,
            executor: None,
        }
    }
}

impl<S, F> Serve<S, F> {
    /// The name of the bus. Without it the variable `SLOTBUS_NAME` names it, unless that is empty.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.options.name = Some(name.into());
        self
    }

    /// The prefix of the bus, `slotbus` by default; the published `slotbus-hub` binary uses `hub`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.options.prefix = prefix.into();
        self
    }

    /// How many threads claim requests: at least 1, by default the number of cores, between 2 and 4.
    ///
    /// Handlers that are ready at their first poll run on these threads, so more of them help when handlers compute.
    pub fn pumps(mut self, pumps: usize) -> Self {
        self.options.pumps = pumps.max(1);
        self
    }

    /// The most requests in hand at once; at most, and by default, as many as the region has slots, less two behind a
    /// published hub, which needs them for its pings.
    ///
    /// A worker that is full leaves requests to other workers on the same bus.
    pub fn concurrency_limit(mut self, limit: usize) -> Self {
        self.options.concurrency = Some(limit.max(1));
        self
    }

    /// How long a waiting thread spins before it parks: 20 µs by default, 50 µs at most, zero to park at once. After
    /// a long row of requests that came in time, and now and then after ones that came just too late, it spins two and a half
    /// times as long.
    ///
    /// Spinning saves a hot caller the 30 to 60 µs of waking a parked thread. It adapts to traffic, one thread does it
    /// at a time, and a machine with one core never does.
    pub fn spin(mut self, spin: Duration) -> Self {
        self.options.spin = spin;
        self
    }

    /// Runs unfinished handlers on `executor` instead of tokio.
    ///
    /// Each is polled first by the thread that has received its request, in the context of the tokio runtime where `serve` is awaited,
    /// if it is in one.
    pub fn executor<E: Spawn + Send + Sync + 'static>(mut self, executor: E) -> Self {
        self.options.executor = Some(Arc::new(SpawnExecutor(executor)));
        self
    }

    /// How long to wait for the hub's region at the start; for ever by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.options.connect_timeout = Some(timeout);
        self
    }

    /// How long a shutdown waits for requests in hand before it answers them 503: 30 s by default.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.options.drain_timeout = timeout;
        self
    }

    /// How many bytes of a request body extractors such as `Bytes` and `Json` accept: 2 MiB by default, as in axum.
    ///
    /// It is axum-core's `DefaultBodyLimit`, which routes may change for themselves: by a layer, or by `body_limit` in the
    /// attribute of a handler. None of them makes room beyond [`message_limit`](Self::message_limit).
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.options.body_limit = Some(bytes);
        self
    }

    /// The longest body either way, in bytes: 64 MiB by default.
    ///
    /// A longer request is answered 413, a longer response is replaced by a 500, and both are logged.
    pub fn message_limit(mut self, bytes: usize) -> Self {
        self.options.limits.body = bytes;
        self
    }

    /// The most headers of a message either way: 256 by default, 8,192 at most. A request with more is answered 431, a
    /// response with more is replaced by a 500.
    pub fn header_limit(mut self, headers: usize) -> Self {
        self.options.limits.headers = headers.min(Limits::MOST_HEADERS);
        self
    }

    /// The most bytes that response bodies which do not fit into the region take in `/dev/shm` at once: 256 MiB by default.
    ///
    /// A response that would exceed it is replaced by a 507. An eighth of it, 32 MiB at most, may stay kept for later ones.
    pub fn overflow_limit(mut self, bytes: u64) -> Self {
        self.options.limits.overflow = bytes;
        self
    }

    /// Serves a bus of another user, as far as it belongs to the group with this number; see
    /// [`HubBuilder::group`](crate::hub::HubBuilder::group).
    ///
    /// Every member of the group can then pretend to be the hub. Long responses have mode 0660 and this group.
    pub fn group(mut self, gid: u32) -> Self {
        self.options.group = Some(gid);
        self
    }

    /// Has request bodies of 16 KiB and more lent to handlers instead of copied, where the hub proves life and death by
    /// locks, as this crate's does.
    ///
    /// Such a body is read where the hub wrote it. Its slot stays taken until the last clone of its bytes is dropped, so a
    /// handler that keeps a body copies it. The promise is in [`TrustedPeers`](crate::TrustedPeers).
    pub fn zero_copy(mut self, promise: TrustedPeers) -> Self {
        self.options.trust = Some(promise);
        self
    }

    /// Stops when `signal` resolves: no request is claimed any more, those in hand are answered.
    pub fn with_graceful_shutdown<G>(self, signal: G) -> Serve<S, G>
    where
        G: Future<Output = ()> + Send + 'static,
    {
        let Self { service, shutdown: _, options } = self;
        Serve { service, shutdown: signal, options }
    }

    /// The service as a worker runs it, and what goes in and out of it.
    #[cfg(all(feature = "tokio", not(loom)))]
    pub(crate) fn into_http_service(self) -> (HttpService<S>, Limits) {
        let Options { body_limit, limits, .. } = self.options;
        (HttpService::new(self.service, body_limit, limits), limits)
    }

    fn bus_name(&self) -> Result<BusName, Error> {
        Ok(BusName::new(&self.options.prefix, &self.chosen_name()?)?)
    }

    /// The name that was given, or stands in the environment.
    pub(crate) fn chosen_name(&self) -> Result<String, Error> {
        let from_environment = || std::env::var(NAME_VARIABLE).ok().filter(|name| !name.is_empty());
        self.options.name.clone().or_else(from_environment).ok_or(Error::NoName)
    }
}

impl<S, F> fmt::Debug for Serve<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("name", &self.options.name)
            .field("prefix", &self.options.prefix)
            .finish_non_exhaustive()
    }
}

impl<S, R, F> IntoFuture for Serve<S, F>
where
    S: Service<Request<Body>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    R: http_body::Body + Send + 'static,
    R::Data: Send,
    R::Error: Into<BoxError>,
    F: Future<Output = ()> + Send + 'static,
{
    type Output = Result<(), Error>;
    type IntoFuture = ServeFuture;

    fn into_future(self) -> ServeFuture {
        ServeFuture::new(async move {
            let name = self.bus_name()?;
            let Self { service, shutdown, options } = self;
            let executor = match options.executor {
                Some(executor) => where_it_is_served(executor),
                None => default_executor()?,
            };
            let service = HttpService::new(service, options.body_limit, options.limits);
            let options = WorkerOptions {
                name,
                pumps: options.pumps,
                concurrency: options.concurrency,
                spin: options.spin,
                connect_timeout: options.connect_timeout,
                drain_timeout: options.drain_timeout,
                limits: options.limits,
                access: Access::of(options.group),
                trust: options.trust,
                kept_by: std::env::var(SUPERVISOR_VARIABLE).ok().and_then(|pid| pid.parse().ok()),
            };
            let mut worker = Worker::start(options, service, executor)?;
            let mut shutdown = std::pin::pin!(shutdown);
            let mut draining = false;
            let ended = std::future::poll_fn(|cx| {
                if !draining && shutdown.as_mut().poll(cx).is_ready() {
                    draining = true;
                    worker.drain();
                }
                Pin::new(worker.done()).poll(cx)
            });
            match ended.await {
                Ok(ended) => Ok(ended?),
                Err(_) => panic!("the worker's supervisor panicked"),
            }
        })
    }
}

#[cfg(feature = "tokio")]
fn default_executor() -> Result<Arc<dyn Executor>, Error> {
    let executor = tokio_executor::TokioExecutor::current().ok_or(Error::NoExecutor)?;
    Ok(Arc::new(executor))
}

/// An executor of the user's, whose tasks begin in the context of the runtime that this is called in.
#[cfg(feature = "tokio")]
fn where_it_is_served(executor: Arc<dyn Executor>) -> Arc<dyn Executor> {
    tokio_executor::InRuntime::current(executor)
}

#[cfg(not(feature = "tokio"))]
fn where_it_is_served(executor: Arc<dyn Executor>) -> Arc<dyn Executor> {
    executor
}

#[cfg(not(feature = "tokio"))]
fn default_executor() -> Result<Arc<dyn Executor>, Error> {
    Err(Error::NoExecutor)
}
