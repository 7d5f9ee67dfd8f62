//! Bodies lent instead of copied: what is in them, and that their slots are not used again too soon.

#![allow(unsafe_code, reason = "the tests make the promise that all peers on their buses are of this crate")]

mod support;

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use http::{Request, Response};
use http_body_util::BodyExt;
use slotbus::hub::{Hub, SlotState};
use slotbus::response::BodyWriter;
use slotbus::{Body, Json, TrustedPeers, Version};
use support::objects::{lie_in, objects, region};
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

/// Written in pieces of odd lengths, so that it crosses every limit of the writer.
fn written(len: usize, seed: u8) -> BodyWriter {
    let mut writer = BodyWriter::new();
    body(len, seed).chunks(977).for_each(|piece| writer.write_all(piece).unwrap());
    assert_eq!(writer.len(), len);
    writer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_written_in_place_is_what_the_caller_reads_in_both_versions_and_tiers() {
    let write = |Path((len, seed)): Path<(usize, u8)>| async move { written(len, seed) };
    let app = Router::new().route("/{len}/{seed}", get(write));
    for (version, trusts) in [(Version::V1, true), (Version::V2, true), (Version::V1, false)] {
        let name = name();
        let hub = Hub::builder(&name).version(version).create().unwrap();
        let worker = Worker::with(&name, app.clone(), |serve| if trusts { serve.zero_copy(promise()) } else { serve });
        for seed in 0..20 {
            for len in [0, 1000, 95_000, 98_000, 300_000, 1_500_000] {
                let request = Request::get(format!("/{len}/{seed}")).body(Body::empty()).unwrap();
                let response = hub.call(request).await.unwrap();
                assert!(bytes(response).await == body(len, seed), "{len} bytes, {seed}, {version}, {trusts}");
            }
        }
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lent_requests_and_answers_written_in_place_lie_in_shared_memory_and_others_do_not() {
    for trusts in [true, false] {
        let name = name();
        // Each handler looks where its bytes are, and answers with them.
        let in_place = move |name: &str, kind: &'static str, bytes: Bytes| {
            assert_eq!(lie_in(&bytes, &objects(name, kind)), trusts, "{kind}, {} bytes", bytes.len());
            bytes
        };
        let json = || async { Json((0..100_000).collect::<Vec<u32>>()).into_response().into_body().collect().await };
        let of = name.clone();
        let request = move |body: Bytes| async move {
            assert_eq!(lie_in(&body, &region(&of)), trusts && body.len() < 80 * 1024, "{} bytes", body.len());
            if body.len() > 80 * 1024 { in_place(&of, "req", body) } else { body }
        };
        let [first, second] = [name.clone(), name.clone()];
        let app = Router::new()
            .route("/echo", post(request))
            .route("/writer", get(async move || in_place(&first, "rsp", written(300_000, 5).into_bytes())))
            .route("/json", get(async move || in_place(&second, "rsp", json().await.unwrap().to_bytes())));
        let hub = Hub::builder(&name).create().unwrap();
        let worker = Worker::with(&name, app, |serve| if trusts { serve.zero_copy(promise()) } else { serve });
        for len in [20_000, 300_000] {
            assert!(bytes(hub.call(echo(len, 1)).await.unwrap()).await == body(len, 1));
        }
        for path in ["/writer", "/json"] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            assert_eq!(hub.call(request).await.unwrap().status(), 200, "{path}");
        }
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_writes_before_its_future_is_polled_lies_in_shared_memory_too() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let of = name.clone();
    let service = tower::service_fn(move |_: Request<Body>| {
        let bytes = written(300_000, 5).into_bytes();
        let is_in_place = lie_in(&bytes, &objects(&of, "rsp"));
        let response = Response::builder().header("in-place", is_in_place.to_string()).body(Body::from(bytes));
        std::future::ready(response.map_err(|error| error.to_string()))
    });
    let worker = Worker::with(&name, service, |serve| serve.zero_copy(promise()));
    let response = hub.call(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()["in-place"], "true");
    assert!(bytes(response).await == body(300_000, 5));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_written_in_place_that_a_handler_keeps_are_not_written_over() {
    let kept = Arc::new(Mutex::new(Vec::<Bytes>::new()));
    let write = |State(kept): State<Arc<Mutex<Vec<Bytes>>>>, Path(seed): Path<u8>| async move {
        let bytes = written(300_000, seed).into_bytes();
        kept.lock().unwrap().push(bytes.clone());
        bytes
    };
    let name = name();
    let hub = Hub::builder(&name).slots(1).create().unwrap();
    let app = Router::new().route("/{seed}", get(write)).with_state(Arc::clone(&kept));
    let worker = Worker::with(&name, app, |serve| serve.zero_copy(promise()));
    for seed in 0..5 {
        let request = Request::get(format!("/{seed}")).body(Body::empty()).unwrap();
        assert!(bytes(hub.call(request).await.unwrap()).await == body(300_000, seed));
    }
    for (seed, bytes) in kept.lock().unwrap().iter().enumerate() {
        assert!(bytes == &body(300_000, seed as u8), "body {seed} is as it was");
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_json_answer_is_written_in_place() {
    let numbers: Vec<u32> = (0..100_000).collect();
    let app = Router::new().route(
        "/",
        get({
            let numbers = numbers.clone();
            || async move { Json(numbers) }
        }),
    );
    let name = name();
    let hub = Hub::builder(&name).zero_copy(promise()).create().unwrap();
    let worker = Worker::with(&name, app, |serve| serve.zero_copy(promise()));
    for _ in 0..3 {
        let response = hub.call(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
        assert!(serde_json::from_slice::<Vec<u32>>(&bytes(response).await).unwrap() == numbers);
    }
    worker.stop().await;
}

#[test]
fn a_hub_that_lends_answers_does_not_offer_to_read_bodies_ahead() {
    for (lends, offered) in [(false, 1 << 8), (true, 0)] {
        let name = name();
        let hub = Hub::builder(&name);
        let hub = if lends { hub.zero_copy(promise()) } else { hub };
        let _hub = hub.create().unwrap();
        let mut header = [0; 64];
        std::fs::File::open(format!("/dev/shm/slotbus-{name}")).unwrap().read_exact(&mut header).unwrap();
        let features = u32::from_le_bytes(header[28..32].try_into().unwrap());
        assert_eq!(features & (1 << 8), offered, "AHEAD");
    }
}
