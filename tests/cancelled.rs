//! When a `Cancelled` resolves: for its own request's caller, whenever it is asked, and for no other's.

mod support;

use std::sync::Arc;

use http::Response;
use slotbus::hub::{CallError, SlotState};
use slotbus::testing::TestBus;
use slotbus::{Body, Cancelled};
use support::service;
use tokio::sync::{Notify, mpsc};

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_when_the_slot_has_another_request_already_learns_what_became_of_its_own() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let late = Arc::new(Notify::new());
    let bus = TestBus::start(service({
        let late = Arc::clone(&late);
        move |request| {
            let is_first = request.uri().path() == "/first";
            if is_first {
                let (cancelled, tell, late) = (Cancelled::of(request.extensions()), tell.clone(), Arc::clone(&late));
                tokio::spawn(async move {
                    late.notified().await;
                    cancelled.await;
                    tell.send(()).unwrap();
                });
            }
            async move {
                if is_first {
                    std::future::pending().await
                }
                Response::new(Body::empty())
            }
        }
    }))
    .await;
    let first = bus.get("/first").spawn();
    bus.wait_for_state(SlotState::Claimed, 1).await;
    first.abort();
    bus.wait_until_free().await;
    bus.get("/second").await.assert_status(200);
    late.notify_one();
    told.recv().await.unwrap();
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_not_resolve_for_an_answered_request_when_another_in_its_slot_is_given_up_by_its_hub() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let bus = TestBus::start(service(move |request| {
        let is_answered = request.uri().path() == "/answered";
        if is_answered {
            tell.send(Cancelled::of(request.extensions())).unwrap();
        }
        async move {
            if !is_answered {
                std::future::pending().await
            }
            Response::new(Body::empty())
        }
    }))
    .await;
    bus.get("/answered").await.assert_status(200);
    let mut answered = told.recv().await.unwrap();
    assert!(futures::poll!(&mut answered).is_pending());
    let given_up = bus.get("/").spawn();
    bus.wait_for_state(SlotState::Claimed, 1).await;
    bus.hub().close();
    assert!(matches!(given_up.await.unwrap().error(), Some(CallError::Interrupted)));
    // All that its worker tells is told by then.
    bus.stop().await;
    assert!(futures::poll!(&mut answered).is_pending(), "it was answered");
}
