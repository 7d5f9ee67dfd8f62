//! What happens when there is more of everything: slots, workers, handlers that take their time.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use slotbus::hub::{Hub, SlotState};
use support::{Worker, bytes, get_request, name};

/// A handler that computes, as far as its pump can tell: it blocks its thread until the test lets it go.
fn blocking(started: mpsc::Sender<()>, finish: Arc<Barrier>) -> Router {
    let started = Arc::new(Mutex::new(started));
    let slow = move || async move {
        started.lock().unwrap().send(()).unwrap();
        finish.wait();
        "slow"
    };
    Router::new().route("/slow", get(slow)).route("/fast", get(|| async { "fast" }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_computes_delays_no_other_while_a_pump_is_free() {
    /// How many others are answered while it computes.
    const OTHERS: usize = 200;
    let answered = Arc::new(AtomicUsize::new(0));
    let compute = {
        let answered = Arc::clone(&answered);
        move || async move {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(100)
                || answered.load(Ordering::SeqCst) < OTHERS && start.elapsed() < Duration::from_secs(60)
            {
                std::hint::spin_loop();
            }
            answered.load(Ordering::SeqCst).to_string()
        }
    };
    let app = Router::new().route("/slow", get(compute)).route("/fast", get(|| async { "fast" }));
    let name = name();
    let hub = Hub::builder(&name).timeout(Duration::from_secs(120)).create().unwrap();
    let worker = Worker::with(&name, app, |serve| serve.pumps(2));
    let slow = tokio::spawn(hub.call(get_request("/slow")));
    while !hub.slots().contains(&SlotState::Claimed) && !slow.is_finished() {
        tokio::task::yield_now().await;
    }
    for _ in 0..OTHERS {
        assert_eq!(bytes(hub.call(get_request("/fast")).await.unwrap()).await, "fast");
        answered.fetch_add(1, Ordering::SeqCst);
    }
    // It has counted them itself, and had not yet ended when the last of them was answered.
    assert_eq!(bytes(slow.await.unwrap().unwrap()).await, OTHERS.to_string());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_on_one_region_share_what_one_of_them_has_no_hands_for() {
    for workers in [1, 2, 4] {
        // A request for each of them, which none answers before every one has its own.
        let finish = Arc::new(Barrier::new(workers));
        let (sender, _started) = mpsc::channel();
        let name = name();
        let hub = Hub::builder(&name).create().unwrap();
        let app = blocking(sender, Arc::clone(&finish));
        let running: Vec<_> = (0..workers).map(|_| Worker::with(&name, app.clone(), |serve| serve.pumps(1))).collect();
        let calls: Vec<_> = (0..workers).map(|_| tokio::spawn(hub.call(get_request("/slow")))).collect();
        for call in calls {
            assert_eq!(bytes(call.await.unwrap().unwrap()).await, "slow", "{workers} workers");
        }
        for worker in running {
            worker.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_one_of_256_slots_is_used_and_comes_back() {
    let name = name();
    let hub = Hub::builder(&name).slots(256).inline_capacity(4096).create().unwrap();
    let held = Arc::new(tokio::sync::Notify::new());
    let hold = {
        let held = Arc::clone(&held);
        move || async move {
            held.notified().await;
            StatusCode::OK
        }
    };
    let worker = Worker::start(&name, Router::new().route("/hold", get(hold)));
    let calls: Vec<_> = (0..300).map(|_| tokio::spawn(hub.call(get_request("/hold")))).collect();
    while hub.slots().iter().any(|slot| *slot != SlotState::Claimed) {
        tokio::task::yield_now().await;
    }
    // 44 callers wait for a slot meanwhile; each answer lets one of them in.
    for call in calls {
        while !call.is_finished() {
            held.notify_waiters();
            tokio::task::yield_now().await;
        }
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
    assert!(hub.slots().iter().all(|slot| *slot == SlotState::Free), "{:?}", hub.slots());
    worker.stop().await;
}
