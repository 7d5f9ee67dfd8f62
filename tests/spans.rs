//! The span of each request: what it says, and what is inside it. Requests cross a real bus.

mod support;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use futures::task::{FutureObj, Spawn, SpawnError};
use http::Request;
use published01::{SlotBus, SlotBusConfig};
use slotbus::hub::{CallError, Hub, SlotState};
use slotbus::{Body, Deadline, Path, RequestId, Router, TraceContext, handler, routes};
use support::{Worker, bytes, name, service};
use tokio::sync::oneshot;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use uuid::Uuid;

/// A span of the crate's own as it was made, recorded in and closed.
#[derive(Clone, Debug)]
struct Seen {
    level: Level,
    is_root: bool,
    fields: BTreeMap<&'static str, String>,
    /// Messages of events inside, with the thread they came from.
    events: Vec<(String, ThreadId)>,
    is_closed: bool,
}

impl Seen {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.field(name).map(|text| text.parse().expect("a number"))
    }
}

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}

/// Spans by the number this layer gave them, since ids are used again.
static SEEN: Mutex<Vec<Seen>> = Mutex::new(Vec::new());
static OPEN: Mutex<Option<HashMap<u64, usize>>> = Mutex::new(None);

/// Keeps all spans of the target `slotbus`.
struct Recorder;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn number_of(id: &Id) -> Option<usize> {
    lock(&OPEN).as_ref().and_then(|open| open.get(&id.into_u64()).copied())
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.level() <= &Level::DEBUG
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().target() != "slotbus" {
            return;
        }
        let is_root = context.span(id).expect("it is new").parent().is_none();
        let level = *attributes.metadata().level();
        let mut seen = Seen { level, is_root, fields: BTreeMap::new(), events: Vec::new(), is_closed: false };
        attributes.record(&mut seen);
        let mut all = lock(&SEEN);
        all.push(seen);
        lock(&OPEN).get_or_insert_default().insert(id.into_u64(), all.len() - 1);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        if let Some(number) = number_of(id) {
            values.record(&mut lock(&SEEN)[number]);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let inside =
            context.event_scope(event).and_then(|scope| scope.from_root().find_map(|span| number_of(&span.id())));
        let Some(number) = inside else { return };
        struct Message(String);
        impl Visit for Message {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        lock(&SEEN)[number].events.push((message.0, std::thread::current().id()));
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        let number = lock(&OPEN).as_mut().and_then(|open| open.remove(&id.into_u64()));
        if let Some(number) = number {
            lock(&SEEN)[number].is_closed = true;
        }
    }
}

fn listen() {
    static LISTENING: OnceLock<()> = OnceLock::new();
    LISTENING.get_or_init(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Recorder)).unwrap();
    });
}

/// A request with an id of its own, by which its span is found.
fn request(path: &str) -> (RequestId, http::request::Builder) {
    let id = RequestId::from(Uuid::new_v4());
    (id, Request::get(path).extension(id))
}

fn spans_of(id: &RequestId) -> Vec<Seen> {
    lock(&SEEN).iter().filter(|seen| seen.field("request_id") == Some(id.as_str())).cloned().collect()
}

/// The only span of a request, once it is closed: that may be after the caller has its answer.
async fn span_of(id: &RequestId) -> Seen {
    loop {
        let spans = spans_of(id);
        if let [span] = &spans[..]
            && span.is_closed
        {
            return span.clone();
        }
        assert!(spans.len() <= 1, "a request has one span: {spans:?}");
        tokio::task::yield_now().await;
    }
}

async fn call(hub: &Hub, request: http::request::Builder) -> http::Response<Body> {
    hub.call(request.body(Body::empty()).unwrap()).await.unwrap()
}

/// Says so when it is dropped.
struct Last;

impl Drop for Last {
    fn drop(&mut self) {
        tracing::info!("dropped");
    }
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

#[handler(GET, "/users/{id}")]
async fn user(Path(id): Path<u32>, trace: Option<TraceContext>) -> String {
    tracing::info!("inside");
    format!("{id} {}", trace.map_or_else(|| "untraced".to_owned(), |trace| trace.to_string()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_one_span_with_its_method_route_id_status_and_times() {
    listen();
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let router: Router = Router::new().nest("/v1", Router::new().routes(routes![user]));
    let worker = Worker::start(&name, router);
    let start = Instant::now();
    let (id, request) = request("/v1/users/7?q=secret");
    let response = call(&hub, request).await;
    assert_eq!(bytes(response).await, "7 untraced");
    let span = span_of(&id).await;
    let most = start.elapsed().as_nanos() as u64;
    assert_eq!((span.level, span.is_root), (Level::DEBUG, true));
    let (latency, queued) = (span.number("latency_ns").unwrap(), span.number("queue_time_ns").unwrap());
    assert!(latency > 0 && latency + queued <= most, "{latency} + {queued} of {most} ns");
    let fields: Vec<_> = span.fields.iter().filter(|(name, _)| !name.ends_with("_ns")).collect();
    let expected: BTreeMap<_, _> = [
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("http.route", "/v1/users/{id}"),
        ("request_id", id.as_str()),
        ("url.path", "/v1/users/7"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into();
    assert_eq!(fields, expected.iter().collect::<Vec<_>>());
    assert_eq!(span.events.len(), 1, "{:?}", span.events);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trace_of_a_request_is_on_its_span_and_in_its_handler() {
    listen();
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::start(&name, Router::<()>::new().routes(routes![user]));
    let traceparent = format!("00-{TRACE}-{PARENT}-01");
    let (id, traced) = request("/users/1");
    let response = call(&hub, traced.header("traceparent", &traceparent)).await;
    assert_eq!(bytes(response).await, format!("1 {traceparent}"));
    let span = span_of(&id).await;
    assert_eq!((span.field("trace_id"), span.field("parent_id")), (Some(TRACE), Some(PARENT)));

    let (id, malformed) = request("/users/1");
    let response = call(&hub, malformed.header("traceparent", traceparent.to_uppercase())).await;
    assert_eq!(bytes(response).await, "1 untraced");
    let span = span_of(&id).await;
    assert_eq!((span.field("trace_id"), span.field("parent_id")), (None, None));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handlers_events_are_inside_its_span_also_after_an_await_on_another_thread() {
    listen();
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::start(
        &name,
        service(|_| {
            tracing::info!("called");
            async {
                let _last = Last;
                tracing::info!("polled on the pump");
                let (tell, told) = oneshot::channel();
                tokio::spawn(async move { tell.send(()) });
                told.await.unwrap();
                tracing::info!("polled by the executor");
                http::Response::new(Body::empty())
            }
        }),
    );
    let mut hopped = false;
    for _ in 0..100 {
        let (id, request) = request("/");
        call(&hub, request).await;
        let span = span_of(&id).await;
        let messages: Vec<_> = span.events.iter().map(|(message, _)| message.as_str()).collect();
        assert_eq!(messages, ["called", "polled on the pump", "polled by the executor", "dropped"]);
        hopped |= span.events[1].1 != span.events[2].1;
    }
    assert!(hopped, "some handler went on on another thread");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_span_of_a_request_without_a_route_has_none_unless_its_service_says_so() {
    listen();
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::start(&name, Router::<()>::new().routes(routes![user]));
    let (id, unknown) = request("/nowhere");
    call(&hub, unknown).await;
    let span = span_of(&id).await;
    assert_eq!((span.field("http.route"), span.field("http.response.status_code")), (None, Some("404")));
    worker.stop().await;

    let says = service(async |_| {
        tracing::Span::current().record("http.route", "/{anything}");
        http::Response::new(Body::empty())
    });
    let worker = Worker::start(&name, says);
    let (id, known) = request("/something");
    call(&hub, known).await;
    assert_eq!(span_of(&id).await.field("http.route"), Some("/{anything}"));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_span_of_a_request_that_ends_otherwise_says_how() {
    listen();
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let serve = || {
        service(async |request: Request<Body>| match request.uri().path() {
            "/panics" => panic!("on purpose"),
            "/long" => return http::Response::builder().header("x", "y".repeat(200_000)).body(Body::empty()).unwrap(),
            _ => std::future::pending().await,
        })
    };
    let worker = Worker::start(&name, serve());
    let (panicked, builder) = request("/panics");
    assert_eq!(call(&hub, builder).await.status(), 500);
    assert_eq!(span_of(&panicked).await.field("http.response.status_code"), Some("500"));

    let (long, builder) = request("/long");
    assert_eq!(call(&hub, builder).await.status(), 500);
    let span = span_of(&long).await;
    assert_eq!(span.field("http.response.status_code"), Some("500"), "the status that was sent");
    assert!(span.events.iter().any(|(message, _)| message.contains("replaced")), "{:?}", span.events);

    let (overdue, builder) = request("/");
    let builder = builder.extension(Deadline(Instant::now() + Duration::from_millis(30)));
    let answer = hub.call(builder.body(Body::empty()).unwrap()).await;
    assert!(matches!(answer, Err(CallError::TimedOut(_))) || answer.unwrap().status() == 504);
    let span = span_of(&overdue).await;
    assert!([Some("499"), Some("504")].contains(&span.field("http.response.status_code")), "{span:?}");

    let (given_up, builder) = request("/");
    let calling = tokio::spawn(hub.call(builder.body(Body::empty()).unwrap()));
    while spans_of(&given_up).is_empty() {
        tokio::task::yield_now().await;
    }
    calling.abort();
    assert_eq!(span_of(&given_up).await.field("http.response.status_code"), Some("499"));
    worker.stop().await;

    let worker = Worker::with(&name, serve(), |serve| serve.drain_timeout(Duration::ZERO));
    let (shut_down, builder) = request("/");
    let calling = tokio::spawn(hub.call(builder.body(Body::empty()).unwrap()));
    while spans_of(&shut_down).is_empty() {
        tokio::task::yield_now().await;
    }
    worker.stop().await;
    assert_eq!(calling.await.unwrap().unwrap().status(), 503);
    assert_eq!(span_of(&shut_down).await.field("http.response.status_code"), Some("503"));
}

/// Drops what it is to run.
struct Refuser;

impl Spawn for Refuser {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        drop(future);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_its_executor_drops_is_dropped_inside_its_span() {
    listen();
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let waits = service(async |_| {
        let _last = Last;
        std::future::pending().await
    });
    let worker = Worker::with(&name, waits, |serve| serve.executor(Refuser));
    let (id, builder) = request("/");
    assert_eq!(call(&hub, builder).await.status(), 500);
    let span = span_of(&id).await;
    assert_eq!(span.field("http.response.status_code"), Some("500"));
    assert_eq!(span.events.iter().map(|(message, _)| message.as_str()).collect::<Vec<_>>(), ["dropped"]);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_published_hub_a_span_has_no_queue_time() {
    listen();
    let name = name();
    let hub = SlotBus::create(SlotBusConfig::builder().name(&name).build()).unwrap();
    hub.start_response_watcher();
    let worker = Worker::start(&name, Router::<()>::new().routes(routes![user]));
    let id = RequestId::from(Uuid::new_v4());
    let meta = published01::types::RequestMeta {
        path: "/users/7".to_owned(),
        route_pattern: "/users/:id".to_owned(),
        path_params: vec![("id".to_owned(), "7".to_owned())],
        query: None,
        headers: Vec::new(),
    };
    assert_eq!(hub.dispatch(id.as_str(), "GET", &meta, b"").unwrap().await.unwrap().status, 200);
    let span = span_of(&id).await;
    assert_eq!((span.field("http.route"), span.field("queue_time_ns")), (Some("/users/{id}"), None));
    assert!(span.number("latency_ns").unwrap() > 0);
    worker.stop().await;
    hub.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn queue_time_counts_from_ready_to_the_claim() {
    listen();
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    for body in [0, 100_000] {
        let (id, builder) = request("/");
        let calling = tokio::spawn(hub.call(builder.body(Body::from(vec![0; body])).unwrap()));
        while !hub.slots().contains(&SlotState::Ready) {
            tokio::task::yield_now().await;
        }
        let ready = Instant::now();
        while ready.elapsed() < Duration::from_millis(20) {
            tokio::task::yield_now().await;
        }
        let least = ready.elapsed().as_nanos() as u64;
        let worker = Worker::start(&name, service(async |_| http::Response::new(Body::empty())));
        calling.await.unwrap().unwrap();
        let span = span_of(&id).await;
        let (queued, latency) = (span.number("queue_time_ns").unwrap(), span.number("latency_ns").unwrap());
        assert!(queued >= least, "{queued} of at least {least} ns");
        assert!(latency < queued, "the waiting is no part of the latency: {latency} and {queued} ns");
        worker.stop().await;
    }
}
