//! What handlers learn of their callers: until when they wait, and that they have given up.

mod support;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use http::Response;
use slotbus::hub::{CallError, SlotState};
use slotbus::routing::OnDisconnect;
use slotbus::testing::{Gate, TestBus};
use slotbus::{Body, Cancelled, Deadline};
use support::service;
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
    assert!(matches!(late.error(), Some(CallError::TimedOut(_) | CallError::Unclaimed(_))), "{late}");
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
