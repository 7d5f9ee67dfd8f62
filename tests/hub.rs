//! A hub and a worker of this crate, both in this process, over a real bus.

mod support;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use slotbus::error::WireError;
use slotbus::hub::{CallError, Hub, SlotState};
use slotbus::testing::{Gate, TestBus};
use slotbus::{Body, Version};
use support::objects::{mappings, objects};
use support::{Worker, bytes, get_request, name};
use tokio::sync::mpsc;
use tower::{Service, ServiceExt};

fn app() -> Router {
    Router::new()
        .route("/hello", get(|| async { "hello" }))
        .route("/echo", post(|body: Bytes| async move { body }))
        .route(
            "/later",
            post(|body: Bytes| async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                body
            }),
        )
        .route(
            "/panic",
            get(|| async {
                if true {
                    panic!("on purpose")
                }
            }),
        )
}

/// Holds requests to `/slow` at `gate`.
fn app_behind(gate: &Gate) -> Router {
    let gate = gate.clone();
    let slow = move || async move {
        gate.pass().await;
        "done"
    };
    app().route("/slow", get(slow))
}

#[tokio::test]
async fn a_target_without_a_path_is_refused_at_once_though_no_worker_is_there() {
    let hub = Hub::builder(name()).create().unwrap();
    let error = hub.call(get_request("hello")).await.unwrap_err();
    assert!(matches!(error, CallError::Wire(WireError::Target(_))), "{error:?}");
    assert_eq!(error.status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_answered_inline_later_and_by_overflow_in_both_versions() {
    for version in [Version::V1, Version::V2] {
        let name = name();
        let hub = Hub::builder(&name).version(version).create().unwrap();
        let worker = Worker::start(&name, app());
        assert_eq!(bytes(hub.call(get_request("/hello")).await.unwrap()).await, "hello");
        for path in ["/echo", "/later"] {
            for size in [0, 1, 1 << 10, 64 << 10, 1 << 20] {
                let body = Bytes::from(vec![size as u8; size]);
                let request = Request::post(path).body(Body::from(body.clone())).unwrap();
                assert_eq!(bytes(hub.call(request).await.unwrap()).await, body, "{path} {size}");
            }
        }
        assert_eq!(hub.call(get_request("/panic")).await.unwrap().status(), 500);
        assert_eq!(hub.call(get_request("/nowhere")).await.unwrap().status(), 404);
        assert!(hub.slots().iter().all(|&slot| slot == SlotState::Free));
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_share_few_slots_and_each_gets_its_own_answer() {
    let name = name();
    let hub = Hub::builder(&name).slots(4).create().unwrap();
    let worker = Worker::start(&name, app());
    let callers: Vec<_> = (0..64)
        .map(|caller| {
            let hub = hub.clone();
            tokio::spawn(async move {
                for turn in 0..50 {
                    let body = format!("{caller}-{turn}");
                    let path = if turn % 2 == 0 { "/echo" } else { "/later" };
                    let request = Request::post(path).body(Body::from(body.clone())).unwrap();
                    assert_eq!(bytes(hub.call(request).await.unwrap()).await, body);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_threads_call_without_a_runtime() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::start(&name, app());
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let hub = hub.clone();
            std::thread::spawn(move || {
                for _ in 0..200 {
                    assert_eq!(hub.call_blocking(get_request("/hello")).unwrap().status(), 200);
                }
            })
        })
        .collect();
    tokio::task::spawn_blocking(|| threads.into_iter().for_each(|thread| thread.join().unwrap())).await.unwrap();
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_a_service_a_hub_is_ready_when_it_holds_a_slot() {
    let name = name();
    let hub = Hub::builder(&name).slots(1).create().unwrap();
    let worker = Worker::start(&name, app());
    let (mut first, mut second) = (hub.clone(), hub.clone());
    let first = ServiceExt::<Request<Body>>::ready(&mut first).await.unwrap();
    let mut waiting = std::pin::pin!(ServiceExt::<Request<Body>>::ready(&mut second));
    assert!(futures::poll!(&mut waiting).is_pending());
    assert_eq!(hub.slots(), [SlotState::Free], "a permit writes nothing");
    assert_eq!(first.call(get_request("/hello")).await.unwrap().status(), 200);
    assert_eq!(waiting.await.unwrap().call(get_request("/hello")).await.unwrap().status(), 200);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_no_worker_had_seen_when_its_hub_closed_is_told_from_others() {
    let hub = Hub::builder(name()).slots(2).create().unwrap();
    let calls: Vec<_> = (0..3).map(|_| tokio::spawn(hub.call(get_request("/hello")))).collect();
    // Two lie there, one waits for a slot.
    while hub.slots() != [SlotState::Ready; 2] {
        tokio::task::yield_now().await;
    }
    hub.close();
    for call in calls {
        assert!(matches!(call.await.unwrap(), Err(CallError::Closed)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_a_hub_fails_its_callers_and_sends_its_worker_to_the_next() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let gate = Gate::new();
    let worker = Worker::start(&name, app_behind(&gate));
    let slow = tokio::spawn(hub.call(get_request("/slow")));
    gate.wait_for(1).await;
    hub.close();
    assert!(matches!(slow.await.unwrap(), Err(CallError::Interrupted)));
    assert!(matches!(hub.call(get_request("/hello")).await, Err(CallError::Closed)));
    drop(hub);
    let next = Hub::builder(&name).version(Version::V2).create().unwrap();
    assert_eq!(next.call(get_request("/hello")).await.unwrap().status(), 200);
    gate.open();
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_worker_answers_what_it_has_in_hand() {
    let gate = Gate::new();
    let bus = TestBus::builder().create();
    let worker = bus.worker(slotbus::serve(app_behind(&gate)));
    let slow = bus.get("/slow").spawn();
    gate.wait_for(1).await;
    let stopping = tokio::spawn(worker.stop());
    gate.open();
    slow.await.unwrap().assert_text("done");
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_drain_timeout_leaves_is_answered_503() {
    let gate = Gate::new();
    let bus = TestBus::builder().create();
    let worker = bus.worker(slotbus::serve(app_behind(&gate)).drain_timeout(Duration::from_millis(20)));
    let never = bus.get("/slow").spawn();
    gate.wait_for(1).await;
    worker.stop().await;
    assert!(never.await.unwrap().assert_status(503).error().is_none(), "the worker answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_worker_answers_503_and_leaves_nothing_behind() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let gate = Gate::new();
    let worker = tokio::spawn(slotbus::serve(app_behind(&gate)).name(&name).into_future());
    let never = tokio::spawn(hub.call(get_request("/slow")));
    gate.wait_for(1).await;
    worker.abort();
    assert_eq!(never.await.unwrap().unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(hub);
    let left: Vec<_> = std::fs::read_dir("/dev/shm")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|object| object.contains(&name))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unready_service_leaves_requests_to_its_sibling() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    // Never ready, so it must never claim.
    let busy = tower::service_fn(|_: Request<Body>| async {
        Ok::<_, std::convert::Infallible>(http::Response::new(Body::from("busy")))
    });
    let busy = tower::limit::ConcurrencyLimit::new(busy, 0);
    let busy = tokio::spawn(slotbus::serve(busy).name(&name).into_future());
    let worker = Worker::start(&name, app());
    for _ in 0..50 {
        assert_eq!(bytes(hub.call(get_request("/hello")).await.unwrap()).await, "hello");
    }
    busy.abort();
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_without_a_code_is_refused_before_anything_is_sent() {
    let hub = Hub::builder(name()).create().unwrap();
    let request = Request::builder().method(Method::TRACE).uri("/").body(Body::empty()).unwrap();
    let error = hub.call(request).await.unwrap_err();
    assert_eq!(error.status(), StatusCode::NOT_IMPLEMENTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_kept_for_long_bodies_goes_when_it_is_idle() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::start(&name, app());
    let long = vec![7; 300_000];
    let request = Request::post("/echo").body(Body::from(long.clone())).unwrap();
    assert!(bytes(hub.call(request).await.unwrap()).await == long);
    let kept = || ["req", "rsp"].map(|kind| objects(&name, kind));
    let in_use = kept();
    assert_eq!(in_use.each_ref().map(BTreeSet::len), [1, 1], "one for requests, one for responses");
    let in_use = in_use.into_iter().flatten().collect();
    while kept().iter().any(|objects| !objects.is_empty()) || !mappings(&in_use).is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    worker.stop().await;
}

#[test]
fn a_call_in_flight_takes_less_memory_than_four_requests() {
    let hub = Hub::builder(name()).create().unwrap();
    let request = get_request("/");
    let request_size = size_of_val(&request);
    let call_size = size_of_val(&hub.call(request));
    assert!(call_size < 4 * request_size, "{call_size} bytes for a request of {request_size}");
}

/// A body that says when it is dropped.
struct Guarded(Full<Bytes>, mpsc::UnboundedSender<()>);

impl http_body::Body for Guarded {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.1.send(());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_dropped_when_it_is_collected() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let gate = Gate::new();
    let worker = Worker::start(&name, app_behind(&gate));
    let (guard, mut dropped) = mpsc::unbounded_channel();
    let body = Guarded(Full::from("held"), guard);
    let call = tokio::spawn(hub.call(Request::get("/slow").body(body).unwrap()));
    // The handler waits, and the body is gone all the same.
    dropped.recv().await.unwrap();
    assert!(!call.is_finished());
    gate.open();
    assert_eq!(call.await.unwrap().unwrap().status(), 200);
    worker.stop().await;
}

/// Bytes that say when the last copy of them is dropped: nobody sends any more.
#[derive(Clone)]
struct Watched(#[allow(dead_code)] mpsc::UnboundedSender<()>);

impl AsRef<[u8]> for Watched {
    fn as_ref(&self) -> &[u8] {
        b"watched"
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_let_go_while_its_answer_is_waited_for() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let gate = Gate::new();
    let worker = Worker::start(&name, app_behind(&gate));
    let (sender, mut dropped) = mpsc::unbounded_channel();
    let mut request = get_request("/slow");
    let value = HeaderValue::from_maybe_shared(Bytes::from_owner(Watched(sender.clone()))).unwrap();
    request.headers_mut().insert("x-watched", value);
    request.extensions_mut().insert(Watched(sender));
    let call = tokio::spawn(hub.call(request));
    assert_eq!(dropped.recv().await, None);
    assert!(!call.is_finished());
    gate.open();
    assert_eq!(call.await.unwrap().unwrap().status(), 200);
    worker.stop().await;
}
