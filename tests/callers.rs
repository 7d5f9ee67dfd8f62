//! What handlers learn of their callers: until when they wait, and that they have given up.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use http::Response;
use slotbus::hub::{CallError, Hub, SlotState};
use slotbus::routing::OnDisconnect;
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

async fn until_free(hub: &Hub) {
    while hub.slots().iter().any(|&slot| slot != SlotState::Free) {
        tokio::task::yield_now().await;
    }
}

async fn until_claimed(hub: &Hub) {
    while !hub.slots().contains(&SlotState::Claimed) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_gives_up_has_its_handler_dropped_and_its_slot_freed() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let (tell, mut told) = farewells();
    let worker = Worker::start(
        &name,
        service(move |_| {
            let farewell = Farewell(tell.clone());
            async move {
                let _farewell = farewell;
                std::future::pending().await
            }
        }),
    );
    let mut took = Vec::new();
    for _ in 0..50 {
        let call = tokio::spawn(hub.call(get_request("/")));
        until_claimed(&hub).await;
        let gave_up = Instant::now();
        call.abort();
        took.push(told.recv().await.unwrap().saturating_duration_since(gave_up));
        until_free(&hub).await;
    }
    took.sort();
    println!("from giving up to the handler's end: median {:?}, longest {:?}", took[25], took[49]);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_marked_to_finish_runs_on_and_its_slot_is_freed_before() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let (go_on, wait) = tokio::sync::watch::channel(false);
    let done = Arc::new(AtomicU32::new(0));
    let worker = Worker::start(
        &name,
        OnDisconnect::Finish.layer(service({
            let done = Arc::clone(&done);
            move |_| {
                let (mut wait, done) = (wait.clone(), Arc::clone(&done));
                async move {
                    wait.wait_for(|go_on| *go_on).await.unwrap();
                    done.fetch_add(1, Ordering::SeqCst);
                    Response::new(Body::from("too late"))
                }
            }
        })),
    );
    let call = tokio::spawn(hub.call(get_request("/")));
    until_claimed(&hub).await;
    call.abort();
    until_free(&hub).await;
    assert_eq!(done.load(Ordering::SeqCst), 0, "it waits still");
    go_on.send(true).unwrap();
    while done.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    // Its answer is nowhere: the next caller of the slot gets its own.
    assert_eq!(bytes(hub.call(get_request("/")).await.unwrap()).await, "too late");
    assert_eq!(done.load(Ordering::SeqCst), 2);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_of_its_own_learns_that_the_caller_gave_up() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let (tell, mut told) = farewells();
    let worker = Worker::start(
        &name,
        service(move |request| {
            let (cancelled, farewell) = (Cancelled::of(request.extensions()), Farewell(tell.clone()));
            tokio::spawn(async move {
                cancelled.await;
                drop(farewell);
            });
            std::future::pending()
        }),
    );
    for _ in 0..3 {
        let call = tokio::spawn(hub.call(get_request("/")));
        until_claimed(&hub).await;
        call.abort();
        told.recv().await.unwrap();
        until_free(&hub).await;
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_sees_the_deadline_that_its_caller_keeps() {
    let name = name();
    let hub = Hub::builder(&name).timeout(Duration::from_secs(60)).create().unwrap();
    let worker = Worker::start(
        &name,
        service(|request| async move {
            let left = Deadline::of(request.extensions()).unwrap().remaining();
            Response::new(Body::from(left.as_secs().to_string()))
        }),
    );
    let left = async |deadline: Option<Duration>| {
        let mut request = get_request("/");
        if let Some(deadline) = deadline {
            request.extensions_mut().insert(Deadline(Instant::now() + deadline));
        }
        let body = bytes(hub.call(request).await.unwrap()).await;
        std::str::from_utf8(&body).unwrap().parse::<u64>().unwrap()
    };
    assert!((31..=60).contains(&left(None).await), "the hub's time-out");
    assert!(left(Some(Duration::from_secs(30))).await <= 30, "the request's own");
    assert!((31..=60).contains(&left(Some(Duration::from_secs(3600))).await), "it cannot be longer than the hub's");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_past_its_own_deadline_fails_and_its_handler_is_dropped() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let (tell, mut told) = farewells();
    let worker = Worker::start(
        &name,
        service(move |_| {
            let farewell = Farewell(tell.clone());
            async move {
                let _farewell = farewell;
                std::future::pending().await
            }
        }),
    );
    let mut patience = Duration::from_millis(50);
    loop {
        let mut request = get_request("/");
        request.extensions_mut().insert(Deadline(Instant::now() + patience));
        // The hub's clock or the worker's answer comes first; both say 504.
        match hub.call(request).await {
            Ok(response) => assert_eq!(response.status(), 504),
            Err(error) => assert!(matches!(error, CallError::TimedOut(_)) && error.status() == 504, "{error}"),
        }
        until_free(&hub).await;
        if told.try_recv().is_ok() {
            break;
        }
        // It was taken back before the worker had claimed it.
        patience *= 2;
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_whose_hub_has_gone_is_dropped_and_told() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let (tell, mut told) = farewells();
    let worker = Worker::start(
        &name,
        service(move |request| {
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
        }),
    );
    let call = tokio::spawn(hub.call(get_request("/")));
    until_claimed(&hub).await;
    drop(hub);
    assert!(matches!(call.await.unwrap(), Err(CallError::Closed)));
    told.recv().await.unwrap();
    told.recv().await.unwrap();
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_deadline_has_passed_is_not_sent() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let mut request = get_request("/");
    request.extensions_mut().insert(Deadline(Instant::now()));
    assert!(matches!(hub.call(request).await, Err(CallError::TimedOut(_))));
    let runs = Arc::new(AtomicU32::new(0));
    let worker = Worker::start(
        &name,
        service({
            let runs = Arc::clone(&runs);
            move |_| {
                runs.fetch_add(1, Ordering::SeqCst);
                async { Response::new(Body::empty()) }
            }
        }),
    );
    assert_eq!(hub.call(get_request("/")).await.unwrap().status(), 200);
    assert_eq!(runs.load(Ordering::SeqCst), 1, "only the second ran");
    worker.stop().await;
}
