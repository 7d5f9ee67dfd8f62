//! The span of each request: what it says, and what is inside it. Requests cross a real bus.

#[path = "../support/mod.rs"]
mod support;
mod recorder;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::task::{FutureObj, Spawn, SpawnError};
use published01::{SlotBus, SlotBusConfig};
use recorder::{listen, request, span_of, spans_of};
use slotbus::hub::{CallError, Hub, SlotState};
use slotbus::routing::OnDisconnect;
use slotbus::testing::Gate;
use slotbus::{Body, Deadline, Path, RequestId, Router, TraceContext, handler, routes};
use support::{Worker, bytes, name, service};
use tokio::sync::oneshot;
use tower::Layer;
use tracing::Level;
use uuid::Uuid;

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
        service(async |request: http::Request<Body>| match request.uri().path() {
            "/panics" => panic!("on purpose"),
            "/long" => http::Response::builder().header("x", "y".repeat(200_000)).body(Body::empty()).unwrap(),
            _ => std::future::pending().await,
        })
    };
    let worker = Worker::start(&name, serve());
    let (panicked, builder) = request("/panics");
    assert_eq!(call(&hub, builder).await.status(), 500);
    let span = span_of(&panicked).await;
    assert_eq!(span.field("http.response.status_code"), Some("500"));
    let logged = format!("a handler panicked: on purpose request_id={panicked}");
    assert!(span.events.iter().any(|(message, _)| *message == logged), "{:?}", span.events);

    let (long, builder) = request("/long");
    assert_eq!(call(&hub, builder).await.status(), 500);
    let span = span_of(&long).await;
    assert_eq!(span.field("http.response.status_code"), Some("500"), "the status that was sent");
    assert!(span.events.iter().any(|(message, _)| message.contains("replaced")), "{:?}", span.events);

    let mut patience = Duration::from_millis(30);
    let span = loop {
        let (overdue, builder) = request("/");
        let builder = builder.extension(Deadline(Instant::now() + patience));
        let answer = hub.call(builder.body(Body::empty()).unwrap()).await;
        assert!(
            matches!(answer, Err(CallError::TimedOut(_) | CallError::Unclaimed(_))) || answer.unwrap().status() == 504
        );
        while hub.slots().iter().any(|&slot| slot != SlotState::Free) {
            tokio::task::yield_now().await;
        }
        if !spans_of(&overdue).is_empty() {
            break span_of(&overdue).await;
        }
        // It was taken back before the worker had claimed it.
        patience *= 2;
    };
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
async fn the_panic_of_a_handler_that_finishes_for_nobody_is_told_inside_its_span() {
    listen();
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let gate = Gate::new();
    let held = gate.clone();
    let panics = OnDisconnect::Finish.layer(service(move |_| {
        let held = held.clone();
        async move {
            held.pass().await;
            panic!("over an order")
        }
    }));
    let worker = Worker::start(&name, panics);
    let (id, builder) = request("/");
    let calling = tokio::spawn(hub.call(builder.body(Body::empty()).unwrap()));
    gate.wait_for(1).await;
    calling.abort();
    while hub.slots().iter().any(|&slot| slot != SlotState::Free) {
        tokio::task::yield_now().await;
    }
    gate.open();
    let said = "a handler panicked after its request was answered: over an order";
    while !spans_of(&id).iter().flat_map(|span| &span.events).any(|(message, _)| message == said) {
        tokio::task::yield_now().await;
    }
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
        let sent = Instant::now();
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
        // After the span has ended, which it may a moment after its caller has the answer.
        let most = sent.elapsed().as_nanos() as u64;
        let (queued, latency) = (span.number("queue_time_ns").unwrap(), span.number("latency_ns").unwrap());
        assert!(queued >= least, "{queued} of at least {least} ns");
        assert!(latency + queued <= most, "the waiting is no part of the latency: {latency} and {queued} of {most} ns");
        worker.stop().await;
    }
}
