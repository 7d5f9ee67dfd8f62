//! What `serve` does to requests, responses and itself, over a real bus.

mod support;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use slotbus::hub::Hub;
use slotbus::{Body, RequestId};
use support::{Worker, bytes, get_request, name, service};
use tokio::sync::Notify;
use tower::ServiceBuilder;

/// Answers with what the request's path asks for.
async fn answer(request: Request<Body>) -> Response<Body> {
    let response = Response::builder();
    let response = match request.uri().path() {
        "/headers" => {
            let mut response = Response::new(Body::empty());
            *response.headers_mut() = request.headers().clone();
            return response;
        }
        "/204" => response.status(204).header(CONTENT_LENGTH, "5").body(Body::from("never")),
        "/304" => response.status(304).header(CONTENT_LENGTH, "5").body(Body::from("never")),
        "/101" => response.status(101).body(Body::empty()),
        "/599" => response.status(599).body(Body::from("unknown to registries")),
        "/binary" => response.header("x", HeaderValue::from_bytes(b"\xff").unwrap()).body(Body::empty()),
        "/typed" => response.header(CONTENT_TYPE, "text/csv").body(Body::from("a,b")),
        "/long" => response.body(Body::from(vec![0; 1001])),
        "/id" => response.body(Body::from(RequestId::of(request.extensions()).unwrap().to_string())),
        _ => response.body(Body::from("hello")),
    };
    response.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_headers_keep_their_order_both_ways_and_hop_by_hop_ones_go() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::start(&name, service(answer));
    let mut request = get_request("/headers");
    for (header, value) in [("x-a", "1"), ("x-b", "2"), ("x-a", "3"), ("x-a", "2"), ("connection", "x-b"), ("te", "x")]
    {
        request.headers_mut().append(header, value.parse().unwrap());
    }
    let response = hub.call(request).await.unwrap();
    let values: Vec<_> = response.headers().get_all("x-a").iter().collect();
    assert_eq!(values, ["1", "3", "2"]);
    assert_eq!(response.headers().len(), 3, "{:?}", response.headers());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_type_is_sent_once() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::start(&name, service(answer));
    let response = hub.call(get_request("/typed")).await.unwrap();
    assert_eq!(response.headers().get_all(CONTENT_TYPE).iter().collect::<Vec<_>>(), ["text/csv"]);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_head_and_204_and_304_have_no_body() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::start(&name, service(answer));
    for (method, path) in [(Method::GET, "/204"), (Method::GET, "/304"), (Method::HEAD, "/")] {
        let request = Request::builder().method(&method).uri(path).body(Body::empty()).unwrap();
        let response = hub.call(request).await.unwrap();
        assert_eq!(bytes(response).await, "", "{method} {path}");
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_http_or_the_wire_forbids_is_answered_500() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::start(&name, service(answer));
    for (path, why) in [("/101", "no final status"), ("/binary", "not utf-8")] {
        let response = hub.call(get_request(path)).await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert!(String::from_utf8_lossy(&bytes(response).await).contains(why), "{path}");
    }
    assert_eq!(hub.call(get_request("/599")).await.unwrap().status(), 599);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_longer_than_the_limit_is_answered_500_and_names_the_limit() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::with(&name, service(answer), |serve| serve.message_limit(1000));
    let response = hub.call(get_request("/long")).await.unwrap();
    assert_eq!(response.status(), 500);
    assert!(String::from_utf8_lossy(&bytes(response).await).contains("limit of 1000 bytes"));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_longer_than_the_limit_is_answered_413() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::with(&name, service(answer), |serve| serve.message_limit(1000));
    let request = Request::post("/").body(Body::from(vec![0; 1001])).unwrap();
    assert_eq!(hub.call(request).await.unwrap().status(), 413);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_body_limit_reaches_extractors() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let app = axum::Router::new().route("/", axum::routing::post(|body: axum::body::Bytes| async { body }));
    let worker = Worker::with(&name, app, |serve| serve.body_limit(10));
    for (len, status) in [(10, StatusCode::OK), (11, StatusCode::PAYLOAD_TOO_LARGE)] {
        let request = Request::post("/").body(Body::from(vec![0; len])).unwrap();
        assert_eq!(hub.call(request).await.unwrap().status(), status, "{len} bytes");
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_carries_the_id_its_caller_chose() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::start(&name, service(answer));
    let mut request = get_request("/id");
    request.extensions_mut().insert(RequestId::new("order-7").unwrap());
    assert_eq!(bytes(hub.call(request).await.unwrap()).await, "order-7");
    let drawn = bytes(hub.call(get_request("/id")).await.unwrap()).await;
    assert!(uuid::Uuid::try_parse_ascii(&drawn).is_ok(), "{drawn:?}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_a_service_need_no_adapter() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let stack =
        ServiceBuilder::new().timeout(Duration::from_millis(10)).service_fn(|request: Request<Body>| async move {
            match request.uri().path() {
                "/slow" => std::future::pending().await,
                "/fails" => Err(std::io::Error::other("disk on fire")),
                _ => Ok(Response::new(Body::from("fine"))),
            }
        });
    let worker = Worker::start(&name, stack);
    for (path, status) in [("/slow", 504), ("/fails", 500), ("/", 200)] {
        assert_eq!(hub.call(get_request(path)).await.unwrap().status(), status, "{path}");
    }
    worker.stop().await;
}

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

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_fails_to_be_ready_answers_one_request_and_is_replaced() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::with(&name, Failing { left: Arc::new(AtomicUsize::new(1)) }, |serve| serve.pumps(1));
    assert_eq!(hub.call(get_request("/")).await.unwrap().status(), 500);
    assert_eq!(hub.call(get_request("/")).await.unwrap().status(), 200);
    worker.stop().await;
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
async fn a_full_worker_leaves_requests_ready_until_it_has_room() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let (started, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = service({
        let (started, finish) = (Arc::clone(&started), Arc::clone(&finish));
        move |_| {
            let (started, finish) = (Arc::clone(&started), Arc::clone(&finish));
            async move {
                started.notify_one();
                finish.notified().await;
                Response::new(Body::empty())
            }
        }
    });
    let worker = Worker::with(&name, slow, |serve| serve.concurrency_limit(1));
    let first = tokio::spawn(hub.call(get_request("/")));
    started.notified().await;
    let second = tokio::spawn(hub.call(get_request("/")));
    // The second is dispatched at some moment, and then stays READY while the first is in hand.
    while !hub.slots().contains(&slotbus::hub::SlotState::Ready) {
        tokio::task::yield_now().await;
    }
    finish.notify_one();
    assert_eq!(first.await.unwrap().unwrap().status(), 200);
    started.notified().await;
    finish.notify_one();
    assert_eq!(second.await.unwrap().unwrap().status(), 200);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_keeps_nothing_of_the_service_reserved() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    // The limit's one permit is taken by `poll_ready`; a slow handler makes the pumps take turns.
    let slow = ServiceBuilder::new().concurrency_limit(1).service(service(|_| async {
        std::thread::sleep(Duration::from_micros(200));
        Response::new(Body::empty())
    }));
    let worker = Worker::with(&name, slow, |serve| serve.pumps(2).message_limit(10));
    for _ in 0..20 {
        let long = Request::post("/").body(Body::from("more than ten bytes")).unwrap();
        assert_eq!(hub.call(long).await.unwrap().status(), 413);
        assert_eq!(hub.call(get_request("/")).await.unwrap().status(), 200);
    }
    worker.stop().await;
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
    /// Panics at one of its clones.
    struct Fragile(Arc<AtomicUsize>);

    impl Clone for Fragile {
        fn clone(&self) -> Self {
            assert_ne!(self.0.fetch_add(1, Ordering::SeqCst), 3, "the clone after a refused request");
            Self(Arc::clone(&self.0))
        }
    }

    impl tower::Service<Request<Body>> for Fragile {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
            std::task::Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<Body>) -> Self::Future {
            std::future::ready(Ok(Response::new(Body::from("hello"))))
        }
    }

    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::with(&name, Fragile(Arc::default()), |serve| serve.pumps(1).message_limit(10));
    for _ in 0..3 {
        let long = Request::post("/").body(Body::from("more than ten bytes")).unwrap();
        assert_eq!(hub.call(long).await.unwrap().status(), 413);
        assert_eq!(hub.call(get_request("/")).await.unwrap().status(), 200);
    }
    worker.stop().await;
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
