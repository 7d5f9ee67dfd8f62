//! Bodies lent instead of copied: what is in them, and that their slots are not used again too soon.

#![allow(unsafe_code, reason = "the tests make the promise that all peers on their buses are of this crate")]

mod support;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use http::Request;
use slotbus::hub::{Hub, SlotState};
use slotbus::{Body, TrustedPeers, Version};
use support::{Worker, bytes, name};

/// Inline, just lent, and in an object of its own.
const LENGTHS: [usize; 5] = [0, 1000, 16 * 1024, 64 * 1024, 300_000];

fn promise() -> TrustedPeers {
    // SAFETY: hub and worker of these tests are of this crate, in this process, and write to no body they lent.
    unsafe { TrustedPeers::promise() }
}

fn body(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|i| (i as u8).wrapping_mul(31).wrapping_add(seed)).collect()
}

fn echo(len: usize, seed: u8) -> Request<Body> {
    Request::post("/echo").body(Body::from(body(len, seed))).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn lent_bodies_are_the_bodies_that_were_sent_in_both_versions() {
    let app = Router::new().route("/echo", post(|body: Bytes| async move { body }));
    for version in [Version::V1, Version::V2] {
        let name = name();
        let hub = Hub::builder(&name).version(version).zero_copy(promise()).create().unwrap();
        let worker = Worker::with(&name, app.clone(), |serve| serve.zero_copy(promise()));
        for round in 0..50 {
            for len in LENGTHS {
                let response = hub.call(echo(len, round)).await.unwrap();
                assert!(bytes(response).await == body(len, round), "{len} bytes in round {round}");
            }
        }
        assert!(hub.slots().iter().all(|slot| *slot == SlotState::Free), "{:?}", hub.slots());
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_is_not_used_again_while_a_handler_keeps_bytes_of_its_request() {
    let kept = Arc::new(Mutex::new(Vec::<Bytes>::new()));
    let keep = |State(kept): State<Arc<Mutex<Vec<Bytes>>>>, body: Bytes| async move {
        kept.lock().unwrap().push(body);
        "kept"
    };
    let app = Router::new().route("/keep", post(keep)).route("/echo", post(|body: Bytes| async move { body }));
    let name = name();
    let hub = Hub::builder(&name).slots(4).create().unwrap();
    let worker = Worker::with(&name, app.with_state(Arc::clone(&kept)), |serve| serve.zero_copy(promise()));
    for (seed, len) in [(1, 20_000), (2, 300_000)] {
        let request = Request::post("/keep").body(Body::from(body(len, seed))).unwrap();
        assert_eq!(bytes(hub.call(request).await.unwrap()).await, "kept");
    }
    // The other slots are used over and over meanwhile.
    for round in 0..100 {
        assert!(bytes(hub.call(echo(20_000, round)).await.unwrap()).await == body(20_000, round));
    }
    assert_eq!(hub.slots().iter().filter(|slot| **slot == SlotState::Done).count(), 2, "{:?}", hub.slots());
    let lent = std::mem::take(&mut *kept.lock().unwrap());
    assert!(lent[0] == body(20_000, 1) && lent[1] == body(300_000, 2), "nobody wrote over them");
    drop(lent);
    while hub.slots().iter().any(|slot| *slot != SlotState::Free) {
        tokio::task::yield_now().await;
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_is_not_used_again_while_a_caller_keeps_bytes_of_its_response() {
    let app = Router::new().route("/echo", post(|body: Bytes| async move { body }));
    let name = name();
    let hub = Hub::builder(&name).slots(2).zero_copy(promise()).create().unwrap();
    let worker = Worker::start(&name, app);
    let kept = bytes(hub.call(echo(64 * 1024, 7)).await.unwrap()).await;
    for round in 0..100 {
        assert!(bytes(hub.call(echo(64 * 1024, round)).await.unwrap()).await == body(64 * 1024, round));
    }
    assert!(kept == body(64 * 1024, 7), "nobody wrote over it");
    assert_eq!(hub.slots().iter().filter(|slot| **slot == SlotState::Done).count(), 1);
    drop(kept);
    assert!(hub.slots().iter().all(|slot| *slot == SlotState::Free), "{:?}", hub.slots());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_outlive_the_worker_and_the_hub_that_lent_them() {
    let app = Router::new().route("/echo", post(|body: Bytes| async move { body }));
    let name = name();
    let hub = Hub::builder(&name).zero_copy(promise()).create().unwrap();
    let worker = Worker::with(&name, app, |serve| serve.zero_copy(promise()));
    let inline = bytes(hub.call(echo(64 * 1024, 3)).await.unwrap()).await;
    let object = bytes(hub.call(echo(300_000, 4)).await.unwrap()).await;
    worker.stop().await;
    hub.close();
    drop(hub);
    assert!(inline == body(64 * 1024, 3) && object == body(300_000, 4));
}
