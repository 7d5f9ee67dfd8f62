//! Full inside the region: the heap of a published hub, one slot's arena, all slots.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use published01::types::RequestMeta;
use published01::{SlotBus, SlotBusConfig};
use slotbus::hub::{CallError, Hub, SlotState};
use slotbus::{Body, Deadline};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::support::{Worker, bytes, get_request, name, service};
use super::{GIVE_UP, echo_or_make, post, small_ones_succeed};

/// Answers `/hold` when it is let go, anything else at once with its body twice.
#[derive(Clone)]
struct Gate {
    started: Arc<Semaphore>,
    finish: Arc<Semaphore>,
}

impl Gate {
    fn new() -> Self {
        Self { started: Arc::new(Semaphore::new(0)), finish: Arc::new(Semaphore::new(0)) }
    }

    async fn answer(self, request: Request<Body>) -> Response<Body> {
        let held = request.uri().path() == "/hold";
        if held {
            self.started.add_permits(1);
            self.finish.acquire().await.unwrap().forget();
        }
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Response::new(Body::from([&body[..], &body[..]].concat()))
    }

    async fn has_started(&self, requests: u32) {
        self.started.acquire_many(requests).await.unwrap().forget();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_heap_of_a_published_hub_costs_no_request_that_it_sent_its_answer() {
    let name = name();
    let hub = SlotBus::create(SlotBusConfig::builder().name(&name).build()).unwrap();
    hub.start_response_watcher();
    let gate = Gate::new();
    let worker = Worker::start(
        &name,
        service({
            let gate = gate.clone();
            move |request| gate.clone().answer(request)
        }),
    );
    let send = |path: &str, body: &[u8]| {
        let (path, route_pattern) = (path.to_owned(), String::new());
        let meta = RequestMeta { path, route_pattern, path_params: Vec::new(), query: None, headers: Vec::new() };
        hub.dispatch(&uuid::Uuid::new_v4().to_string(), "POST", &meta, body)
    };
    // As long as one request is in flight the hub gives nothing of its heap back.
    let held = send("/hold", b"held").unwrap();
    gate.has_started(1).await;
    let (mut answered, mut refused) = (0, 0);
    let begin = Instant::now();
    while refused < 20 {
        let Ok(answer) = send("/", &[7; 8192]) else {
            refused += 1;
            continue;
        };
        let answer = timeout(GIVE_UP, answer).await.expect("every request is answered").unwrap();
        assert_eq!((answer.status, answer.body.len()), (200, 2 * 8192));
        answered += 1;
    }
    println!("heap full: {answered} answered, {refused} refused by the hub itself, in {:?}", begin.elapsed());
    gate.finish.add_permits(1);
    assert_eq!(timeout(GIVE_UP, held).await.unwrap().unwrap().body, b"heldheld");
    // The hub gives its heap back when it has read the last answer, a moment later.
    let next = loop {
        match send("/", b"next") {
            Ok(next) => break next,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(timeout(GIVE_UP, next).await.unwrap().unwrap().body, b"nextnext");
    worker.stop().await;
    hub.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_fill_a_slots_half_are_431_or_500_and_long_bodies_take_another_way() {
    let name = name();
    let hub = Hub::builder(&name).inline_capacity(4096).create().unwrap();
    let worker = Worker::start(
        &name,
        service(|request: Request<Body>| async move {
            match request.uri().path() {
                "/headers" => Response::builder().header("x-long", "x".repeat(5000)).body(Body::empty()).unwrap(),
                _ => Response::new(request.into_body()),
            }
        }),
    );
    let begin = Instant::now();
    let request = Request::get("/").header("x-long", "x".repeat(5000)).body(Body::empty()).unwrap();
    let error = hub.call(request).await.unwrap_err();
    assert_eq!(error.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "{error}");
    assert!(error.to_string().ends_with("bytes together, and a message has room for 4096"), "{error}");
    let response = hub.call(get_request("/headers")).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let problem = String::from_utf8(bytes(response).await.to_vec()).unwrap();
    assert!(problem.contains("has no room in its slot"), "{problem}");
    for len in [4000, 4096, 5000, 1 << 20] {
        assert_eq!(bytes(hub.call(post("/", len)).await.unwrap()).await.len(), len);
    }
    println!("arena full: all answered in {:?}", begin.elapsed());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_find_every_slot_busy_time_out_and_later_ones_succeed() {
    let name = name();
    let limit = Duration::from_millis(200);
    let hub = Hub::builder(&name).slots(2).create().unwrap();
    let gate = Gate::new();
    let worker = Worker::start(
        &name,
        service({
            let gate = gate.clone();
            move |request| gate.clone().answer(request)
        }),
    );
    let held = [(); 2].map(|()| tokio::spawn(hub.call(get_request("/hold"))));
    gate.has_started(2).await;
    let begin = Instant::now();
    let impatient = || {
        let mut request = post("/", 10);
        request.extensions_mut().insert(Deadline(Instant::now() + limit));
        request
    };
    let queued: Vec<_> = (0..20).map(|_| tokio::spawn(hub.call(impatient()))).collect();
    for call in queued {
        let error = call.await.unwrap().unwrap_err();
        assert!(matches!(error, CallError::Unclaimed(after) if after <= limit), "{error:?}");
        assert_eq!(error.status(), StatusCode::GATEWAY_TIMEOUT);
    }
    println!("all slots busy: 20 callers timed out after {:?}, their limit was {limit:?}", begin.elapsed());
    assert!(hub.slots().iter().all(|&slot| slot == SlotState::Claimed), "the handlers run on");
    gate.finish.add_permits(2);
    for call in held {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
    while hub.slots().iter().any(|&slot| slot != SlotState::Free) {
        tokio::task::yield_now().await;
    }
    assert_eq!(bytes(hub.call(post("/", 10)).await.unwrap()).await.len(), 20);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_exactly_the_message_limit_goes_and_one_byte_more_does_not() {
    let name = name();
    let hub = Hub::builder(&name).message_limit(1 << 20).create().unwrap();
    let worker = Worker::with(&name, echo_or_make(), |serve| serve.message_limit(1 << 20));
    assert_eq!(bytes(hub.call(post("/echo", 1 << 20)).await.unwrap()).await.len(), 1 << 20);
    assert_eq!(hub.call(post("/echo", (1 << 20) + 1)).await.unwrap_err().status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(hub.call(get_request("/1048577")).await.unwrap().status(), StatusCode::INTERNAL_SERVER_ERROR);
    small_ones_succeed(&hub).await;
    worker.stop().await;
}
