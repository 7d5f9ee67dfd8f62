//! The life of a worker: readiness, room, executors, failures and shutdown, over a real bus.

mod support;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use slotbus::Body;
use slotbus::hub::{Hub, SlotState};
use slotbus::testing::{Gate, TestBus};
use support::process::{play, role};
use support::{Worker, bytes, get_request, name, service};
use tokio::sync::Notify;
use tower::{Layer, ServiceBuilder};

/// Fails its first `n` readiness checks, counted over all clones.
#[derive(Clone)]
struct Failing {
    left: Arc<AtomicUsize>,
}

impl tower::Service<Request<Body>> for Failing {
    type Response = Response<Body>;
    type Error = std::io::Error;
    type Future = std::future::Ready<Result<Response<Body>, std::io::Error>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), std::io::Error>> {
        let failed = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        std::task::Poll::Ready(failed.map_or(Ok(()), |_| Err(std::io::Error::other("not today"))))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        std::future::ready(Ok(Response::new(Body::from("hello"))))
    }
}

/// A service whose clones are told.
struct Cloned<F, S> {
    at_clone: F,
    service: S,
}

impl<F: Fn() + Clone, S: Clone> Clone for Cloned<F, S> {
    fn clone(&self) -> Self {
        (self.at_clone)();
        Self { at_clone: self.at_clone.clone(), service: self.service.clone() }
    }
}

impl<F, S: tower::Service<Request<Body>>> tower::Service<Request<Body>> for Cloned<F, S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> S::Future {
        self.service.call(request)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_fails_to_be_ready_answers_one_request_and_is_replaced() {
    // Before there is a request, which tells nobody, and when there is one.
    let failing = Failing { left: Arc::new(AtomicUsize::new(2)) };
    let bus = TestBus::builder().serve(slotbus::serve(failing).pumps(1)).await;
    bus.get("/").await.assert_status(500);
    bus.get("/").await.assert_status(200);
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_fails_three_times_in_a_row_ends_serve() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let failing = Failing { left: Arc::new(AtomicUsize::new(usize::MAX)) };
    let serve = tokio::spawn(slotbus::serve(failing).name(&name).pumps(1).into_future());
    for _ in 0..3 {
        assert_eq!(hub.call(get_request("/")).await.unwrap().status(), 500);
    }
    let error = serve.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the service failed three times in a row");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "not today");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_is_ready_at_once_runs_on_the_thread_that_claimed_its_request_and_no_other() {
    let threads = service(|_| async {
        let thread = std::thread::current();
        Response::new(Body::from(format!("{:?} {}", thread.id(), thread.name().unwrap_or_default())))
    });
    let bus = TestBus::builder().serve(slotbus::serve(threads).pumps(1)).await;
    let first = bus.get("/").await.text().to_owned();
    assert!(first.ends_with(" slotbus-pump"), "{first}");
    for _ in 0..100 {
        assert_eq!(bus.get("/").await.text(), first);
    }
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_panics_when_it_is_called_costs_its_request_a_500_and_the_worker_no_place() {
    let panics = tower::service_fn(|request: http::Request<Body>| {
        assert_ne!(request.uri().path(), "/panic", "as asked");
        std::future::ready(Ok::<_, std::convert::Infallible>(Response::new(Body::empty())))
    });
    let bus = TestBus::builder().serve(slotbus::serve(panics).pumps(1).concurrency_limit(1)).await;
    for _ in 0..5 {
        bus.get("/panic").await.assert_problem(500);
        bus.get("/").await.assert_status(200);
        bus.get("/").await.assert_status(200);
    }
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_worker_leaves_requests_ready_until_it_has_room() {
    let gate = Gate::new();
    let slow = gate.hold_requests().layer(service(|_| async { Response::new(Body::empty()) }));
    let bus = TestBus::builder().serve(slotbus::serve(slow).concurrency_limit(1)).await;
    let first = bus.get("/").spawn();
    gate.wait_for(1).await;
    let second = bus.get("/").spawn();
    // The second is dispatched at some moment, and then stays READY while the first is in hand.
    bus.wait_for_state(SlotState::Ready, 1).await;
    assert_eq!(gate.waiting(), 1);
    gate.open();
    first.await.unwrap().assert_status(200);
    second.await.unwrap().assert_status(200);
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_keeps_nothing_of_the_service_reserved() {
    // The limit's one permit is taken by `poll_ready`; a slow handler makes the pumps take turns.
    let slow = ServiceBuilder::new().concurrency_limit(1).service(service(|_| async {
        std::thread::sleep(Duration::from_micros(200));
        Response::new(Body::empty())
    }));
    let bus = TestBus::builder().serve(slotbus::serve(slow).pumps(2).message_limit(10)).await;
    for _ in 0..20 {
        bus.post("/").body("more than ten bytes").await.assert_problem(413);
        bus.get("/").await.assert_status(200);
    }
    bus.stop().await;
}

#[tokio::test]
async fn a_drain_is_cut_short_by_dropping_the_worker() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let started = Arc::new(Notify::new());
    let never = service({
        let started = Arc::clone(&started);
        move |_| {
            started.notify_one();
            std::future::pending()
        }
    });
    let worker = Worker::with(&name, never, |serve| serve.drain_timeout(Duration::MAX));
    let waiting = tokio::spawn(hub.call(get_request("/")));
    started.notified().await;
    let draining = worker.tell();
    tokio::task::yield_now().await;
    draining.abort();
    assert_eq!(waiting.await.unwrap().unwrap().status(), 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_clone_panics_once_costs_a_pump_and_not_the_worker() {
    let clones = Arc::new(AtomicUsize::new(0));
    let fragile = Cloned {
        at_clone: move || assert_ne!(clones.fetch_add(1, Ordering::SeqCst), 3, "the clone after a refused request"),
        service: tower::service_fn(|_: Request<Body>| {
            std::future::ready(Ok::<_, Infallible>(Response::new(Body::from("hello"))))
        }),
    };
    let fragile = slotbus::serve(fragile).pumps(1).message_limit(10);
    let bus = TestBus::builder().serve(fragile).await;
    for _ in 0..3 {
        bus.post("/").body("more than ten bytes").await.assert_problem(413);
        bus.get("/").await.assert_status(200);
    }
    bus.stop().await;
}

#[test]
fn any_spawn_runs_unfinished_handlers_without_tokio() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let yields = service(|_| async {
        let mut polled = false;
        std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            if std::mem::replace(&mut polled, true) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        Response::new(Body::from(std::thread::current().name().unwrap_or_default().to_owned()))
    });
    let pool = futures::executor::ThreadPool::builder().pool_size(1).name_prefix("own-pool-").create().unwrap();
    let (stop, stopped) = futures::channel::oneshot::channel::<()>();
    let serve = slotbus::serve(yields).name(&name).executor(pool).with_graceful_shutdown(async {
        let _ = stopped.await;
    });
    let worker = std::thread::spawn(|| futures::executor::block_on(serve.into_future()));
    let response = hub.call_blocking(get_request("/")).unwrap();
    assert_eq!(futures::executor::block_on(bytes(response)), "own-pool-0");
    stop.send(()).unwrap();
    worker.join().unwrap().unwrap();
}

#[test]
fn without_a_runtime_or_an_executor_serve_says_what_is_missing() {
    let hello = tower::service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
    let error = futures::executor::block_on(slotbus::serve(hello).name(name()).into_future()).unwrap_err();
    assert!(error.to_string().starts_with("no tokio runtime is running here"), "{error}");
}

#[test]
fn a_variable_that_names_no_bus_is_as_good_as_none() {
    const TEST: &str = "a_variable_that_names_no_bus_is_as_good_as_none";
    if role().is_some() {
        let hello = tower::service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
        let error = futures::executor::block_on(slotbus::serve(hello).into_future()).unwrap_err();
        return assert_eq!(error.to_string(), "the bus has no name: set SLOTBUS_NAME or call `.name(\"...\")`");
    }
    for variable in ["SLOTBUS_NAME=", "--unset=SLOTBUS_NAME"] {
        play(&["env", variable], TEST, "nameless");
    }
}

#[tokio::test]
async fn a_worker_without_a_hub_waits_as_long_as_it_was_told() {
    let hello = tower::service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
    let name = name();
    let error = slotbus::serve(hello).name(&name).connect_timeout(Duration::from_millis(5)).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("no hub made bus slotbus-{name} within ")), "{error}");
}

#[tokio::test]
async fn a_name_that_cannot_be_one_is_refused_before_anything_is_touched() {
    let hello = tower::service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
    let error = slotbus::serve(hello).name("../etc").await.unwrap_err();
    assert!(error.to_string().starts_with("name \"../etc\" is no name: use 1 to 64 ascii letters"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_at_rest_reserves_nothing_of_what_its_service_shares() {
    let answers = service(|_| async { Response::new(Body::empty()) });
    let shared = ServiceBuilder::new().concurrency_limit(1).service(answers);
    let first = TestBus::builder().serve(slotbus::serve(shared.clone())).await;
    let second = TestBus::builder().serve(slotbus::serve(shared)).await;
    for _ in 0..3 {
        for bus in [&first, &second] {
            bus.get("/").await.assert_status(200);
        }
    }
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_was_busy_before_there_was_a_request_is_asked_again() {
    let waits = service(|_| async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Response::new(Body::empty())
    });
    // What it sheds is decided by what it said when it was asked last.
    let sheds = ServiceBuilder::new().load_shed().concurrency_limit(1).service(waits);
    let bus = TestBus::builder().serve(slotbus::serve(sheds)).await;
    for _ in 0..20 {
        bus.get("/").await.assert_status(200);
    }
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_cannot_be_cloned_any_more_ends_serve_with_what_its_clone_says() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let lock = Arc::new(std::sync::Mutex::new(()));
    // As anything that locks in `clone`.
    let locks = Cloned {
        at_clone: {
            let lock = Arc::clone(&lock);
            move || drop(lock.lock().unwrap())
        },
        service: tower::service_fn(move |_: Request<Body>| -> std::future::Ready<Result<Response<Body>, Infallible>> {
            let _locked = lock.lock();
            panic!("it is poisoned")
        }),
    };
    let serve = tokio::spawn(slotbus::serve(locks).name(&name).into_future());
    assert_eq!(hub.call(get_request("/")).await.unwrap().status(), 500);
    let error = tokio::time::timeout(Duration::from_secs(60), serve).await.unwrap().unwrap().unwrap_err();
    assert!(error.to_string().starts_with("the service cannot be cloned: ") && error.to_string().contains("Poison"));
}

#[test]
fn handlers_on_an_executor_begin_in_the_runtime_where_serve_is_awaited() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let sleeps = service(|_| async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Response::new(Body::empty())
        });
        let pool = futures::executor::ThreadPool::builder().pool_size(1).create().unwrap();
        let bus = TestBus::builder().serve(slotbus::serve(sleeps).executor(pool)).await;
        bus.get("/").await.assert_status(200);
        bus.stop().await;
    });
}
