//! `Gate`: a delay that no clock measures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::FutureExt;
use slotbus::testing::{Gate, TestBus, TestClient};
use tower::{Layer, Service, ServiceExt};

use crate::app;

#[tokio::test]
async fn a_request_waits_before_its_service_and_an_answer_behind_it() {
    let (before, behind) = (Gate::new(), Gate::new());
    let runs = Arc::new(AtomicU32::new(0));
    let service = tower::service_fn({
        let runs = Arc::clone(&runs);
        move |()| {
            runs.fetch_add(1, Ordering::SeqCst);
            async { Ok::<_, ()>(7) }
        }
    });
    let mut service = before.hold_requests().layer(behind.hold_answers().layer(service));
    let mut call = service.ready().await.unwrap().call(());
    assert!((&mut call).now_or_never().is_none());
    assert_eq!((before.waiting(), behind.waiting(), runs.load(Ordering::SeqCst)), (1, 0, 0));
    before.open();
    assert!((&mut call).now_or_never().is_none());
    assert_eq!((before.waiting(), behind.waiting(), runs.load(Ordering::SeqCst)), (0, 1, 1));
    behind.open();
    assert_eq!(call.now_or_never(), Some(Ok(7)));
}

#[tokio::test]
async fn who_waited_when_it_was_opened_passes_though_it_is_shut_again() {
    let gate = Gate::new();
    let (mut early, mut late) = (gate.pass(), gate.pass());
    assert!((&mut early).now_or_never().is_none());
    gate.open();
    gate.shut();
    assert!((&mut late).now_or_never().is_none() && early.now_or_never().is_some());
    assert_eq!(gate.waiting(), 1);
    drop(late);
    assert_eq!(gate.waiting(), 0, "it waits no longer");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_held_over_a_bus() {
    let gate = Gate::new();
    let bus = TestBus::start(app().layer(gate.hold_answers())).await;
    let first = bus.get("/hello/first").spawn();
    gate.wait_for(1).await;
    let second = bus.get("/hello/second").spawn();
    gate.wait_for(2).await;
    assert!(!first.is_finished() && !second.is_finished());
    gate.open();
    second.await.unwrap().assert_text("hello, second");
    first.await.unwrap().assert_text("hello, first");
}

#[tokio::test]
async fn a_request_that_is_given_up_leaves_the_gate() {
    let gate = Gate::new();
    let client = TestClient::new(app().layer(gate.hold_requests()));
    let held = client.get("/hello/world").spawn();
    gate.wait_for(1).await;
    held.abort();
    assert!(held.await.unwrap_err().is_cancelled());
    assert_eq!(format!("{gate:?}"), "Gate { is_open: false, waiting: 0 }");
}
