//! What a request costs the worker's allocator. Counted for each thread by itself, so what the hub and other tests do
//! meanwhile does not matter.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use slotbus::hub::Hub;
use slotbus::{Body, Json, Router, State, handler, routes};
use tokio::sync::oneshot;
use tower::Service;
use tower::layer::util::Identity;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use uuid::Uuid;

/// The system's allocator, with a count of what each thread takes from it. A block that grows counts once more.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static TAKEN: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    TAKEN.set(TAKEN.get() + 1);
}

// SAFETY: every call goes to the system's allocator with the arguments it came with; counting neither allocates nor
// unwinds, as the counter is made without code to run before or after its thread.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises, passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promises, passed on; the block came from the system's allocator.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises, passed on; the block came from the system's allocator.
        unsafe { System.dealloc(block, layout) }
    }
}

/// What the pump's thread had taken when the last request reached its handler.
static AT_HANDLER: AtomicU64 = AtomicU64::new(0);

#[handler(GET, "/")]
async fn counted() -> &'static str {
    AT_HANDLER.store(TAKEN.get(), Ordering::SeqCst);
    "Hello, World!"
}

#[handler(POST, "/bytes")]
async fn counted_bytes(body: Bytes) -> Bytes {
    AT_HANDLER.store(TAKEN.get(), Ordering::SeqCst);
    body
}

#[handler(POST, "/text")]
async fn counted_text(_: String) -> &'static str {
    AT_HANDLER.store(TAKEN.get(), Ordering::SeqCst);
    "Hello, World!"
}

#[handler(POST, "/json")]
async fn counted_json(Json(number): Json<u8>) -> Json<u8> {
    AT_HANDLER.store(TAKEN.get(), Ordering::SeqCst);
    Json(number)
}

#[handler(GET, "/state")]
async fn counted_state(_: State<u8>) -> &'static str {
    AT_HANDLER.store(TAKEN.get(), Ordering::SeqCst);
    "Hello, World!"
}

#[handler(GET, "/")]
async fn hello() -> &'static str {
    "Hello, World!"
}

#[handler(POST, "/")]
async fn mirror(Json(number): Json<u8>) -> Json<u8> {
    Json(number)
}

fn post() -> Request<Body> {
    let request = Request::post("/").header("content-type", "application/json").header("accept-language", "de");
    request.body(Body::from("7")).unwrap()
}

fn get() -> Request<Body> {
    let request = Request::get("/")
        .header("host", "sessions.example.com")
        .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
        .header("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
        .header("accept-encoding", "gzip, deflate, br, zstd")
        .header("x-request-start", "t=1760000000.123");
    request.body(Body::empty()).unwrap()
}

fn median(mut counts: Vec<u64>) -> u64 {
    counts.sort_unstable();
    counts[counts.len() / 2]
}

/// Serves `service` with one pump and otherwise as by default, runs `calls` on a thread, and stops.
async fn served<S, T>(service: S, calls: impl FnOnce(Hub) -> T + Send + 'static) -> T
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    T: Send + 'static,
{
    let name = format!("test-{}", Uuid::new_v4());
    let hub = Hub::builder(&name).create().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serve = slotbus::serve(service).name(name).pumps(1).with_graceful_shutdown(async {
        let _ = stopped.await;
    });
    let worker = tokio::spawn(serve.into_future());
    let caller = hub.clone();
    let result = tokio::task::spawn_blocking(move || calls(caller)).await.unwrap();
    drop(stop);
    worker.await.unwrap().unwrap();
    result
}

/// What the whole of a GET takes on the pump's thread.
async fn cost_of_a_get() -> u64 {
    cost_of_each(get).await
}

/// What the whole of each of these requests takes there.
async fn cost_of_each(request: fn() -> Request<Body>) -> u64 {
    // All handlers write to the same place.
    static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _alone = ALONE.lock().await;
    let app = Router::new().routes(routes![counted, counted_bytes, counted_text, counted_json, counted_state]);
    let counts = served(app.with_state(7), move |hub| {
        // From one handler to the next, on the only pump there is: the rest of one request and the start of another.
        let counts = (0..500).map(|_| {
            assert_eq!(hub.call_blocking(request()).unwrap().status(), 200);
            AT_HANDLER.load(Ordering::SeqCst)
        });
        counts.collect::<Vec<_>>()
    });
    median(counts.await.windows(2).map(|pair| pair[1] - pair[0]).collect())
}

/// Metrics know a request by an allocation of their own.
const FOR_METRICS: u64 = cfg!(feature = "metrics") as u64;

/// A subscriber to what is at INFO and above, and when told so to what others than this crate say at DEBUG.
struct Elsewhere;

static AT_DEBUG: AtomicBool = AtomicBool::new(false);

impl Subscriber for Elsewhere {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let others_at_debug = AT_DEBUG.load(Ordering::SeqCst) && !metadata.target().starts_with("slotbus");
        *metadata.level() <= if others_at_debug { Level::DEBUG } else { Level::INFO }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(if AT_DEBUG.load(Ordering::SeqCst) { LevelFilter::DEBUG } else { LevelFilter::INFO })
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        panic!("the span {} was made", attributes.metadata().name());
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_get_costs_the_worker_2_allocations_and_with_a_subscriber_to_anything_else_no_more() {
    let cost = cost_of_a_get().await;
    eprintln!("{cost} allocations for a GET");
    assert!(cost <= 2 + FOR_METRICS, "{cost} allocations");
    tracing::subscriber::set_global_default(Elsewhere).unwrap();
    assert_eq!(cost_of_a_get().await, cost, "at INFO no span is made, and nothing for one");
    AT_DEBUG.store(true, Ordering::SeqCst);
    tracing::callsite::rebuild_interest_cache();
    assert_eq!(cost_of_a_get().await, cost, "nor at DEBUG for others");
}

/// Counts what the service in it takes, from the call to the answer.
#[derive(Clone)]
struct Metered<S> {
    service: S,
    taken: Arc<AtomicU64>,
}

impl<S> Service<Request<Body>> for Metered<S>
where
    S: Service<Request<Body>, Error = Infallible, Future: Send + 'static>,
{
    type Response = S::Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<S::Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let before = TAKEN.get();
        let future = self.service.call(request);
        let (called, taken) = (TAKEN.get() - before, Arc::clone(&self.taken));
        Box::pin(async move {
            // Neither handler waits, so this is one thread's count.
            let before = TAKEN.get();
            let response = future.await;
            taken.store(called + TAKEN.get() - before, Ordering::SeqCst);
            response
        })
    }
}

/// What one answer takes of a service whose requests come through a bus.
async fn cost_of<S>(service: S, request: fn() -> Request<Body>) -> u64
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static,
{
    let taken = Arc::<AtomicU64>::default();
    served(Metered { service, taken: Arc::clone(&taken) }, move |hub| {
        let costs = (0..100).map(|_| {
            assert_eq!(hub.call_blocking(request()).unwrap().status(), 200);
            taken.load(Ordering::SeqCst)
        });
        median(costs.collect())
    })
    .await
}

/// [`post`] to another path, with a content length as clients send it.
fn post_to(path: &'static str) -> Request<Body> {
    let mut request = post();
    *request.uri_mut() = http::Uri::from_static(path);
    request.headers_mut().insert("content-length", http::HeaderValue::from_static("1"));
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_body_and_a_state_cost_no_allocation_beside_what_is_made_of_them() {
    let state = || {
        let mut request = get();
        *request.uri_mut() = http::Uri::from_static("/state");
        request
    };
    let (bytes, text, json) = (|| post_to("/bytes"), || post_to("/text"), || post_to("/json"));
    let costs =
        [cost_of_each(state).await, cost_of_each(bytes).await, cost_of_each(text).await, cost_of_each(json).await];
    eprintln!("{costs:?} allocations with a state, bytes, text and json");
    assert_eq!(costs, [2, 3, 4, 5].map(|cost| cost + FOR_METRICS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_router_allocates_at_most_half_of_what_axums_does() {
    let ours = cost_of(Router::<()>::new().routes(routes![hello]), get).await;
    let axums = cost_of(axum::Router::<()>::new().route("/", axum::routing::get(hello)), get).await;
    eprintln!("{ours} allocations in this router, {axums} in axum's");
    assert!(ours * 2 <= axums, "{ours} allocations, and axum's {axums}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_mapping_of_rejections_costs_an_answer_no_allocation() {
    // Behind a layer, as that keeps what it may have to refuse while the handler runs, and with a mapping of its own below.
    let app = || Router::<()>::new().routes(routes![hello, mirror]).layer(Identity::new());
    let mapped = || Router::new().merge(app().map_rejection(|refusal, _| refusal.status()));
    for request in [get, post] {
        let without = cost_of(app(), request).await;
        let with = cost_of(mapped().map_rejection(|refusal, _| refusal.status()), request).await;
        eprintln!("{without} allocations without a mapping, {with} with two");
        assert_eq!(with, without);
    }
}

#[handler(GET, "/options", timeout = "1h", body_limit = "1KiB", on_disconnect = finish)]
async fn with_options() -> &'static str {
    "Hello, World!"
}

/// What one answer of a router without a bus takes.
fn taken(app: &Router, path: &str) -> u64 {
    let mut app = app.clone();
    let request = Request::get(path).body(Body::empty()).unwrap();
    let before = TAKEN.get();
    let future = app.call(request);
    assert_eq!(futures::executor::block_on(future).unwrap().status(), 200);
    TAKEN.get() - before
}

#[test]
fn a_look_up_allocates_as_little_among_1000_routes_as_alone() {
    let costs = [1, 10, 1000].map(|routes| {
        let nest = |app: Router, i| app.nest(&format!("/place-{i}"), Router::new().routes(routes![hello]));
        let app = (0..routes).fold(Router::new(), nest);
        taken(&app, "/place-0");
        taken(&app, &format!("/place-{}", routes - 1))
    });
    assert_eq!(costs, [costs[0]; 3]);
}

#[test]
fn options_of_a_handler_that_never_waits_cost_two_allocations_at_most() {
    let app: Router = Router::new().routes(routes![hello, with_options]);
    taken(&app, "/");
    let (without, with) = (taken(&app, "/"), taken(&app, "/options"));
    eprintln!("{without} allocations without options, {with} with all");
    assert!(with <= without + 2);
}
