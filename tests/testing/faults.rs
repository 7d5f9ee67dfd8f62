//! Lost wake-ups and full memory, on demand.

use slotbus::hub::{CallError, SlotState};
use slotbus::testing::TestBus;

use crate::{app, long};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_ring_was_lost_is_found_by_a_worker_that_comes() {
    let bus = TestBus::builder().create();
    let waiting = bus.get("/hello/world").spawn();
    bus.wait_for_state(SlotState::Ready, 1).await;
    while !bus.drop_wake() {
        // READY is stored just before the ring.
        tokio::task::yield_now().await;
    }
    assert!(!bus.drop_wake(), "it was one");
    bus.worker(slotbus::serve(app()));
    waiting.await.unwrap().assert_text("hello, world");
}

#[tokio::test(flavor = "multi_thread")]
async fn long_bodies_find_no_room_until_it_is_given_back() {
    let bus = TestBus::start(app()).await;
    // This leaves an object behind that would hold the next body.
    bus.post("/echo").body(long()).await.assert_status(200);
    for _ in 0..3 {
        let full = bus.exhaust_room();
        let refused = bus.post("/echo").body(long()).await;
        assert!(matches!(refused.assert_status(507).error(), Some(CallError::NoRoom(_))), "{refused}");
        bus.post("/echo").body("short").await.assert_text("short");
        drop(full);
        bus.post("/echo").body(long()).await.assert_status(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_room_answers_507() {
    let bus = TestBus::builder().serve(slotbus::serve(app()).overflow_limit(0)).await;
    bus.post("/echo").body(long()).await.assert_problem(507);
}
