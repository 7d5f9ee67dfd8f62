//! Callers whose time is up or who give up: what they are told, what becomes of their slots, and what handlers learn of it.

mod support;

use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use http::{Response, StatusCode};
use slotbus::hub::{CallError, Hub, SlotState};
use slotbus::routing::OnDisconnect;
use slotbus::testing::{Gate, TestBus};
use slotbus::{Body, Cancelled, Deadline};
use support::{Worker, bytes, get_request, name, service};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tower::Layer;

/// Sends when it is dropped.
struct Farewell(UnboundedSender<Instant>);

impl Drop for Farewell {
    fn drop(&mut self) {
        let _ = self.0.send(Instant::now());
    }
}

fn farewells() -> (UnboundedSender<Instant>, UnboundedReceiver<Instant>) {
    unbounded_channel()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_gives_up_has_its_handler_dropped_and_its_slot_freed() {
    let (tell, mut told) = farewells();
    let bus = TestBus::start(service(move |_| {
        let farewell = Farewell(tell.clone());
        async move {
            let _farewell = farewell;
            std::future::pending().await
        }
    }))
    .await;
    let mut took = Vec::new();
    for _ in 0..50 {
        let call = bus.get("/").spawn();
        bus.wait_for_state(SlotState::Claimed, 1).await;
        let gave_up = Instant::now();
        call.abort();
        took.push(told.recv().await.unwrap().saturating_duration_since(gave_up));
        bus.wait_until_free().await;
    }
    took.sort();
    println!("from giving up to the handler's end: median {:?}, longest {:?}", took[25], took[49]);
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_marked_to_finish_runs_on_and_its_slot_is_freed_before() {
    let gate = Gate::new();
    let done = Arc::new(AtomicU32::new(0));
    let bus = TestBus::start(OnDisconnect::Finish.layer(service({
        let (gate, done) = (gate.clone(), Arc::clone(&done));
        move |_| {
            let (gate, done) = (gate.clone(), Arc::clone(&done));
            async move {
                gate.pass().await;
                done.fetch_add(1, Ordering::SeqCst);
                Response::new(Body::from("too late"))
            }
        }
    })))
    .await;
    let call = bus.get("/").spawn();
    bus.wait_for_state(SlotState::Claimed, 1).await;
    call.abort();
    bus.wait_until_free().await;
    assert_eq!(done.load(Ordering::SeqCst), 0, "it waits still");
    gate.open();
    while done.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    // Its answer is nowhere: the next caller of the slot gets its own.
    bus.get("/").await.assert_text("too late");
    assert_eq!(done.load(Ordering::SeqCst), 2);
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_of_its_own_learns_that_the_caller_gave_up() {
    let (tell, mut told) = farewells();
    let bus = TestBus::start(service(move |request| {
        let (cancelled, farewell) = (Cancelled::of(request.extensions()), Farewell(tell.clone()));
        tokio::spawn(async move {
            cancelled.await;
            drop(farewell);
        });
        std::future::pending()
    }))
    .await;
    for _ in 0..3 {
        let call = bus.get("/").spawn();
        bus.wait_for_state(SlotState::Claimed, 1).await;
        call.abort();
        told.recv().await.unwrap();
        bus.wait_until_free().await;
    }
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_sees_the_deadline_that_its_caller_keeps() {
    let left = service(|request| async move {
        let left = Deadline::of(request.extensions()).unwrap().remaining();
        Response::new(Body::from(left.as_secs().to_string()))
    });
    let bus = TestBus::builder().hub(|hub| hub.timeout(Duration::from_secs(60))).start(left).await;
    let left = async |deadline: Option<Duration>| {
        let request = bus.get("/");
        let request = match deadline {
            Some(deadline) => request.extension(Deadline(Instant::now() + deadline)),
            None => request,
        };
        request.await.text().parse::<u64>().unwrap()
    };
    assert!((31..=60).contains(&left(None).await), "the hub's time-out");
    assert!(left(Some(Duration::from_secs(30))).await <= 30, "the request's own");
    assert!((31..=60).contains(&left(Some(Duration::from_secs(3600))).await), "it cannot be longer than the hub's");
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_past_its_own_deadline_fails_and_its_handler_is_dropped() {
    let (tell, mut told) = farewells();
    let bus = TestBus::start(service(move |_| {
        let farewell = Farewell(tell.clone());
        async move {
            let _farewell = farewell;
            std::future::pending().await
        }
    }))
    .await;
    let mut patience = Duration::from_millis(50);
    loop {
        let response = bus.get("/").extension(Deadline(Instant::now() + patience)).await;
        // The hub's clock or the worker's answer comes first; both say 504.
        assert!(
            matches!(
                response.assert_status(504).error(),
                None | Some(CallError::TimedOut(_) | CallError::Unclaimed(_))
            ),
            "{response}"
        );
        bus.wait_until_free().await;
        if told.try_recv().is_ok() {
            break;
        }
        // It was taken back before the worker had claimed it.
        patience *= 2;
    }
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_an_end_is_dropped_at_the_deadline_and_answered_504() {
    let (tell, mut told) = farewells();
    let bus = TestBus::start(service(move |_| {
        let farewell = Farewell(tell.clone());
        let without_an_end = stream::poll_fn(move |_| {
            let _farewell = &farewell;
            Poll::Pending
        });
        let events = stream::iter([Ok::<_, Infallible>("data: the first\n\n")]).chain(without_an_end);
        std::future::ready(Response::new(Body::from_stream(events)))
    }))
    .await;
    let mut patience = Duration::from_millis(50);
    loop {
        bus.get("/").extension(Deadline(Instant::now() + patience)).await.assert_status(504);
        bus.wait_until_free().await;
        if told.try_recv().is_ok() {
            break;
        }
        // It was taken back before the worker had claimed it.
        patience *= 2;
    }
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_whose_hub_has_gone_is_dropped_and_told() {
    let (tell, mut told) = farewells();
    let bus = TestBus::start(service(move |request| {
        let (cancelled, dropped, farewell) =
            (Cancelled::of(request.extensions()), Farewell(tell.clone()), Farewell(tell.clone()));
        tokio::spawn(async move {
            cancelled.await;
            drop(farewell);
        });
        async move {
            let _dropped = dropped;
            std::future::pending().await
        }
    }))
    .await;
    let call = bus.get("/").spawn();
    bus.wait_for_state(SlotState::Claimed, 1).await;
    bus.hub().close();
    assert!(matches!(call.await.unwrap().error(), Some(CallError::Interrupted)));
    told.recv().await.unwrap();
    told.recv().await.unwrap();
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_deadline_has_passed_is_not_sent() {
    let bus = TestBus::builder().create();
    let late = bus.get("/").extension(Deadline(Instant::now())).await;
    assert!(matches!(late.error(), Some(CallError::Unclaimed(_))), "{late}");
    let runs = Arc::new(AtomicU32::new(0));
    bus.worker(slotbus::serve(service({
        let runs = Arc::clone(&runs);
        move |_| {
            runs.fetch_add(1, Ordering::SeqCst);
            async { Response::new(Body::empty()) }
        }
    })));
    bus.get("/").await.assert_status(200);
    assert_eq!(runs.load(Ordering::SeqCst), 1, "only the second ran");
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_no_worker_takes_times_out_and_leaves_its_slot_free() {
    let hub = Hub::builder(name()).timeout(Duration::from_millis(50)).create().unwrap();
    let error = hub.call(get_request("/")).await.unwrap_err();
    assert!(matches!(error, CallError::Unclaimed(after) if after == Duration::from_millis(50)), "{error}");
    let said = "no worker has taken the request within 50ms: none runs on this bus, or all are busy";
    assert_eq!((error.to_string(), error.status()), (said.to_owned(), StatusCode::GATEWAY_TIMEOUT));
    assert!(hub.slots().iter().all(|&slot| slot == SlotState::Free));
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_a_slot_counts_into_the_timeout() {
    let hub = Hub::builder(name()).slots(1).timeout(Duration::from_millis(50)).create().unwrap();
    let (first, second) = tokio::join!(hub.call(get_request("/")), hub.call(get_request("/")));
    assert!(matches!(first, Err(CallError::Unclaimed(_))));
    assert!(matches!(second, Err(CallError::Unclaimed(_))), "no slot was free");
}

/// A worker whose handler of `/busy` says that it has started and ends when it is told. It blocks its thread, so it is never dropped
/// half-way, as one that waits would be.
fn busy(name: &str) -> (Worker, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (started, has_started) = mpsc::channel();
    let (finish, finished) = mpsc::channel();
    let finished = Arc::new(Mutex::new(finished));
    let busy = service(move |request| {
        let (started, finished) = (started.clone(), Arc::clone(&finished));
        async move {
            if request.uri().path() == "/busy" {
                started.send(()).unwrap();
                finished.lock().unwrap().recv().unwrap();
            }
            http::Response::new(Body::from("hello"))
        }
    });
    (Worker::start(name, busy), has_started, finish)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_a_worker_has_claimed_times_out_and_is_not_called_unclaimed() {
    let name = name();
    let hub = Hub::builder(&name).timeout(Duration::from_millis(100)).create().unwrap();
    let (worker, has_started, finish) = busy(&name);
    loop {
        match hub.call(get_request("/busy")).await {
            Err(CallError::TimedOut(_)) => break,
            // The worker was not there yet.
            Err(CallError::Unclaimed(_)) => assert!(has_started.try_recv().is_err(), "it was claimed"),
            other => panic!("{other:?}"),
        }
    }
    finish.send(()).unwrap();
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_up_on_a_running_request_keeps_its_slot_until_it_is_answered() {
    let name = name();
    let hub = Hub::builder(&name).slots(1).create().unwrap();
    let (worker, has_started, finish) = busy(&name);
    let given_up = tokio::spawn(hub.call(get_request("/busy")));
    tokio::task::spawn_blocking(move || has_started.recv()).await.unwrap().unwrap();
    given_up.abort();
    assert!(given_up.await.unwrap_err().is_cancelled());
    assert_eq!(hub.slots(), [SlotState::Claimed], "a zombie");
    let mut next = std::pin::pin!(hub.call(get_request("/hello")));
    assert!(futures::poll!(&mut next).is_pending(), "the slot is not reused");
    finish.send(()).unwrap();
    assert_eq!(bytes(next.await.unwrap()).await, "hello");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_a_handle_that_is_used_up_by_it_is_answered() {
    use tower::ServiceExt;
    let (name, body) = (name(), "hello");
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::start(&name, service(move |_| async move { http::Response::new(Body::from(body)) }));
    // The only handle is gone when the future is polled for the second time.
    let answer = tower::ServiceBuilder::new().timeout(Duration::from_secs(60)).service(hub).oneshot(get_request("/"));
    assert_eq!(bytes(answer.await.unwrap()).await, body);
    assert!(!std::path::Path::new(&format!("/dev/shm/slotbus-{name}")).exists(), "nobody can use it any more");
    worker.stop().await;
}
