//! `TestBus`: a bus of one's own that leaves nothing behind.

use std::time::Duration;

use http::{Request, Response};
use slotbus::hub::{CallError, Hub, SlotState};
use slotbus::testing::{Gate, TestBus};
use slotbus::{Body, Version};

use crate::{Unready, app, long, objects};

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_a_bus_speaks_through_its_hub() {
    let bus = TestBus::start(app()).await;
    bus.get("/hello/world").await.assert_status(200).assert_text("hello, world");
    bus.post("/echo").body(long()).await.assert_status(200);
    let request = Request::get("/hello/hub").body(Body::empty()).unwrap();
    assert_eq!(bus.hub().call(request).await.unwrap().status(), 200);
    assert_eq!(bus.slots(), [SlotState::Free; 32]);
    bus.stop().await;
}

#[tokio::test]
async fn a_bus_works_on_a_runtime_of_one_thread() {
    let bus = TestBus::start(app()).await;
    bus.get("/hello/world").await.assert_text("hello, world");
    bus.stop().await;
}

#[test]
fn a_runtime_needs_no_clock() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let bus = TestBus::start(app()).await;
        let waiting = bus.get("/forever").spawn();
        bus.wait_for_state(SlotState::Claimed, 1).await;
        waiting.abort();
        bus.wait_until_free().await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_bus_that_is_dropped_with_requests_in_hand() {
    let bus = TestBus::start(app()).await;
    let name = bus.name().to_owned();
    bus.post("/echo").body(long()).await.assert_status(200);
    let waiting = bus.get("/forever").spawn();
    bus.wait_for_state(SlotState::Claimed, 1).await;
    assert!(objects(&name) >= 3, "a region and two bells");
    drop(bus);
    assert_eq!(objects(&name), 0);
    // The worker has answered it before it went, unless the hub was quicker.
    let answer = waiting.await.unwrap();
    answer.assert_status(503);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_bus_whose_test_panics() {
    let bus = TestBus::start(app()).await;
    let name = bus.name().to_owned();
    let test = tokio::spawn(async move {
        bus.post("/echo").body(long()).await.assert_status(404);
    });
    assert!(test.await.unwrap_err().is_panic());
    assert_eq!(objects(&name), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn options_reach_hub_and_worker_and_a_prefix_reaches_both() {
    let hub = |hub: slotbus::hub::HubBuilder| hub.prefix("tested").slots(3).version(Version::V2).message_limit(1000);
    let bus = TestBus::builder().hub(hub).serve(slotbus::serve(app()).message_limit(20)).await;
    assert_eq!(bus.slots().len(), 3);
    assert_eq!(bus.hub().name().to_string(), format!("tested-{}", bus.name()));
    bus.post("/echo").body(vec![0; 20]).await.assert_status(200);
    assert!(bus.post("/echo").body(vec![0; 21]).await.assert_status(413).error().is_none(), "the worker's limit");
    let refused = bus.post("/echo").body(vec![0; 1001]).await;
    assert!(matches!(refused.assert_status(413).error(), Some(CallError::BodyTooLarge(1000))), "the hub's");
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_come_and_go_and_a_stopped_one_answers_what_it_has() {
    let named = |name: &'static str, gate: &Gate| {
        let gate = gate.clone();
        slotbus::serve(tower::service_fn(move |_: Request<Body>| {
            let gate = gate.clone();
            async move {
                gate.pass().await;
                Ok::<_, std::convert::Infallible>(Response::new(Body::from(name)))
            }
        }))
    };
    let gate = Gate::new();
    let bus = TestBus::builder().create();
    // It is full with one, so that the second takes the rest.
    let first = bus.worker(named("first", &gate).concurrency_limit(1));
    let held = bus.get("/").spawn();
    gate.wait_for(1).await;
    let stopping = tokio::spawn(first.clone().stop());
    let open = Gate::new();
    open.open();
    let second = bus.worker(named("second", &open));
    bus.get("/").await.assert_text("second");
    assert!(!stopping.is_finished(), "it has a request in hand");
    gate.open();
    held.await.unwrap().assert_text("first");
    stopping.await.unwrap();
    first.stop().await;
    second.abort();
    bus.worker(named("third", &open));
    bus.get("/").await.assert_text("third");
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_aborted_answers_503_to_what_it_has() {
    let bus = TestBus::builder().create();
    let worker = bus.worker(slotbus::serve(app()));
    let held = bus.get("/forever").spawn();
    bus.wait_for_state(SlotState::Claimed, 1).await;
    worker.abort();
    assert!(held.await.unwrap().assert_status(503).error().is_none(), "the worker answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_that_do_not_become_as_wanted_are_named_with_the_line_that_wanted_them() {
    let bus = TestBus::builder().hub(|hub| hub.slots(6)).patience(Duration::ZERO).start(app()).await;
    let held = [(), ()].map(|()| bus.get("/forever").spawn());
    while bus.slots().iter().filter(|&&slot| slot == SlotState::Claimed).count() < 2 {
        tokio::task::yield_now().await;
    }
    let line = line!() + 1;
    let wait = bus.wait_for(|slots| slots.contains(&SlotState::Done));
    let panic = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(wait)).await.unwrap_err();
    let panic = panic.downcast_ref::<String>().unwrap();
    let expected =
        format!("tests/testing/bus.rs:{line}:20: after 0ns the slots are not as wanted, but 2 × claimed, 4 × free");
    assert_eq!(*panic, expected);
    bus.wait_for_state(SlotState::Claimed, 2).await;
    held.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_cannot_be_made_says_why() {
    let taken = TestBus::builder().create();
    let name = taken.name().to_owned();
    let panic = crate::panic_of(|| TestBus::builder().hub(|_| Hub::builder(name)).create());
    assert!(panic.starts_with("no hub: ") && panic.contains("already has a live hub"), "{panic}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_ends_by_itself_says_why() {
    let bus = TestBus::builder().create();
    let worker = bus.worker(slotbus::serve(Unready).pumps(1));
    for _ in 0..3 {
        bus.get("/").await.assert_status(500);
    }
    let error = worker.ended().await.unwrap_err();
    assert!(matches!(error, slotbus::Error::Service(_)), "{error}");
    bus.stop().await;
    // Where there is nothing to run handlers on, it is told where it is started.
    let bus = TestBus::builder().create();
    let panic = crate::panic_of(|| {
        let start = std::thread::scope(|scope| scope.spawn(|| bus.worker(slotbus::serve(app()))).join());
        start.map(drop).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    assert!(panic.starts_with("the worker ended: no tokio runtime is running here"), "{panic}");
}
