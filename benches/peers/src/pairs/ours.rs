//! This crate on both sides.

use std::time::{Duration, Instant};

use axum::routing::{get, post};
use bytes::Bytes;
use futures::FutureExt;
use http::{HeaderName, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use slotbus::hub::{Hub, HubBuilder};
use slotbus::{Body, Router, TrustedPeers, handler, routes};

use crate::drive::{Caller, Engine, LIMIT, Sample, Tally, closed, drive_engine, drive_tasks, runtime};
use crate::load::{HELLO, Load, Pace};
use crate::process::{Servers, Setup};

/// What the variants of this crate differ in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    service: Service,
    callers: Callers,
    zero_copy: bool,
}

#[derive(Clone, Copy, Debug)]
enum Service {
    Router,
    Axum,
}

#[derive(Clone, Copy, Debug)]
enum Callers {
    Tasks,
    Threads,
}

impl Options {
    pub(super) const ROUTER: Self = Self { service: Service::Router, callers: Callers::Tasks, zero_copy: false };
    pub(super) const AXUM: Self = Self { service: Service::Axum, ..Self::ROUTER };
    pub(super) const TRUSTED: Self = Self { zero_copy: true, ..Self::ROUTER };
    pub(super) const THREADS: Self = Self { callers: Callers::Threads, ..Self::ROUTER };
}

/// Header that names the process which answered.
pub(crate) const WORKER: HeaderName = HeaderName::from_static("x-worker");

/// How long `/worker/later` waits.
const WAIT: Duration = Duration::from_millis(1);
/// How long `/worker/computed` computes.
const WORK: Duration = Duration::from_millis(100);

#[handler(GET, "/hello")]
async fn hello() -> &'static str {
    HELLO
}

/// Tells which process answers.
#[handler(GET, "/worker")]
async fn worker() -> ([(HeaderName, String); 1], &'static str) {
    ([(WORKER, std::process::id().to_string())], HELLO)
}

/// As `worker`, after [`WAIT`].
#[handler(GET, "/worker/later")]
async fn later() -> ([(HeaderName, String); 1], &'static str) {
    tokio::time::sleep(WAIT).await;
    worker().await
}

/// As `worker`, after [`WORK`] without letting its thread go.
#[handler(GET, "/worker/computed")]
async fn computed() -> ([(HeaderName, String); 1], &'static str) {
    let start = Instant::now();
    while start.elapsed() < WORK {
        std::hint::spin_loop();
    }
    worker().await
}

#[handler(POST, "/echo")]
async fn echo(body: Bytes) -> Bytes {
    body
}

#[tokio::main]
pub(super) async fn serve(options: Options, setup: &Setup) {
    let bus = setup.place.name();
    let ended = match options.service {
        Service::Router => {
            let serve = slotbus::serve(Router::new().routes(routes![hello, worker, later, computed, echo])).name(bus);
            if options.zero_copy { serve.zero_copy(promise()).await } else { serve.await }
        }
        Service::Axum => {
            let app = axum::Router::new().route("/hello", get(|| async { HELLO }));
            let app = app.route("/echo", post(|body: Bytes| async { body }));
            slotbus::serve(app).name(bus).await
        }
    };
    ended.expect("the worker runs until it is killed");
}

#[allow(unsafe_code, reason = "the promise that makes zero copies possible")]
fn promise() -> TrustedPeers {
    // SAFETY: both processes run this executable, which writes to no body it lent.
    unsafe { TrustedPeers::promise() }
}

/// The hub of `setup`, to be made after a last wish.
pub(crate) fn hub(setup: &Setup, wish: impl FnOnce(HubBuilder) -> HubBuilder) -> Hub {
    wish(Hub::builder(setup.place.name()).timeout(LIMIT)).create().expect("the bus can be made")
}

pub(super) fn measure(options: Options, setup: &Setup, pace: Pace, length: Duration) -> Sample {
    let hub = hub(setup, |hub| if options.zero_copy { hub.zero_copy(promise()) } else { hub });
    let servers = Servers::start(setup, 1);
    let callers = (0..setup.in_flight).map(|_| HubCaller::new(&hub, setup.load)).collect();
    match options.callers {
        Callers::Tasks => runtime().block_on(drive_tasks(callers, pace, length, &servers)).0,
        Callers::Threads => drive_engine(&mut Threads(callers), pace, length, &servers),
    }
}

/// Calls the hub, whose own time-out is the limit.
pub(crate) struct HubCaller {
    hub: Hub,
    request: Request<Full<Bytes>>,
    answer_len: usize,
}

impl HubCaller {
    pub(crate) fn new(hub: &Hub, load: Load) -> Self {
        Self { hub: hub.clone(), request: load.request(), answer_len: load.answer_len() }
    }

    /// Asks which worker answers; `path` is one that says so.
    pub(crate) fn for_worker(hub: &Hub, path: &'static str) -> Self {
        let mut caller = Self::new(hub, Load::Get);
        *caller.request.uri_mut() = http::Uri::from_static(path);
        caller
    }

    /// Sends the request; its response, if it is the right one.
    pub(crate) async fn response(&self) -> Option<Response<()>> {
        let (parts, body) = self.hub.call(self.request.clone()).await.ok()?.into_parts();
        self.is_right(parts.status, body).await.then(|| Response::from_parts(parts, ()))
    }

    async fn is_right(&self, status: StatusCode, body: Body) -> bool {
        status == StatusCode::OK && length(body).await == Some(self.answer_len)
    }

    fn call_blocking(&self) -> bool {
        let Ok(response) = self.hub.call_blocking(self.request.clone()) else { return false };
        let (parts, body) = response.into_parts();
        // The body is here already.
        self.is_right(parts.status, body).now_or_never() == Some(true)
    }
}

/// Reads `body` to its end, as it comes, and says how long it was.
pub(super) async fn length<B: http_body::Body + Unpin>(mut body: B) -> Option<usize> {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let data = frame.ok()?.into_data().ok();
        length += data.map_or(0, |data| bytes::Buf::remaining(&data));
    }
    Some(length)
}

impl Caller for HubCaller {
    async fn call(&mut self) -> bool {
        self.response().await.is_some()
    }
}

/// One thread for each call in flight.
struct Threads(Vec<HubCaller>);

impl Engine for Threads {
    fn call(&mut self) -> bool {
        self.0[0].call_blocking()
    }

    fn closed(&mut self, end: std::time::Instant) -> Tally {
        let Self(callers) = self;
        if let [caller] = callers.as_slice() {
            return closed(end, || caller.call_blocking());
        }
        std::thread::scope(|scope| {
            let run = |caller: &'_ HubCaller| closed(end, || caller.call_blocking());
            let threads: Vec<_> = callers.iter().map(|caller| scope.spawn(move || run(caller))).collect();
            let mut tally = Tally::new();
            for thread in threads {
                tally.add(thread.join().expect("a caller does not panic"));
            }
            tally
        })
    }
}
