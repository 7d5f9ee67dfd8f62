//! What `serve` does to requests and responses, over a real bus.

mod support;

use std::time::Duration;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use slotbus::testing::TestBus;
use slotbus::{Body, RequestId};
use support::service;
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
    let bus = TestBus::start(service(answer)).await;
    let headers = [("x-a", "1"), ("x-b", "2"), ("x-a", "3"), ("x-a", "2"), ("connection", "x-b"), ("te", "x")];
    let request = bus.get("/headers");
    let response = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value)).await;
    let values: Vec<_> = response.headers().get_all("x-a").iter().collect();
    assert_eq!(values, ["1", "3", "2"]);
    assert_eq!(response.headers().len(), 3, "{:?}", response.headers());
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_type_is_sent_once() {
    let bus = TestBus::start(service(answer)).await;
    let response = bus.get("/typed").await;
    assert_eq!(response.headers().get_all(CONTENT_TYPE).iter().collect::<Vec<_>>(), ["text/csv"]);
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_head_and_204_and_304_have_no_body() {
    let bus = TestBus::start(service(answer)).await;
    for (method, path) in [(Method::GET, "/204"), (Method::GET, "/304"), (Method::HEAD, "/")] {
        bus.request(method, path).await.assert_text("");
    }
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_http_or_the_wire_forbids_is_answered_500() {
    let bus = TestBus::start(service(answer)).await;
    for (path, why) in [("/101", "no final status"), ("/binary", "not utf-8")] {
        assert!(bus.get(path).await.assert_problem(500).contains(why), "{path}");
    }
    bus.get("/599").await.assert_status(599);
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_longer_than_the_limit_is_answered_500_and_names_the_limit() {
    let bus = TestBus::builder().serve(slotbus::serve(service(answer)).message_limit(1000)).await;
    assert!(bus.get("/long").await.assert_problem(500).contains("limit of 1000 bytes"));
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_longer_than_the_limit_is_answered_413() {
    let bus = TestBus::builder().serve(slotbus::serve(service(answer)).message_limit(1000)).await;
    bus.post("/").body(vec![0; 1001]).await.assert_problem(413);
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_body_limit_reaches_extractors() {
    let app = axum::Router::new().route("/", axum::routing::post(|body: axum::body::Bytes| async { body }));
    let bus = TestBus::builder().serve(slotbus::serve(app).body_limit(10)).await;
    for (len, status) in [(10, StatusCode::OK), (11, StatusCode::PAYLOAD_TOO_LARGE)] {
        let response = bus.post("/").body(vec![0; len]).await;
        assert!(response.assert_status(status).error().is_none(), "{len} bytes");
    }
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_carries_the_id_its_caller_chose() {
    let bus = TestBus::start(service(answer)).await;
    bus.get("/id").extension(RequestId::new("order-7").unwrap()).await.assert_text("order-7");
    let drawn = bus.get("/id").await;
    assert!(uuid::Uuid::try_parse(drawn.text()).is_ok(), "{drawn}");
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_a_service_need_no_adapter() {
    let stack =
        ServiceBuilder::new().timeout(Duration::from_millis(10)).service_fn(|request: Request<Body>| async move {
            match request.uri().path() {
                "/slow" => std::future::pending().await,
                "/fails" => Err(std::io::Error::other("disk on fire")),
                _ => Ok(Response::new(Body::from("fine"))),
            }
        });
    let bus = TestBus::start(stack).await;
    bus.get("/slow").await.assert_problem(504);
    bus.get("/fails").await.assert_problem(500);
    bus.get("/").await.assert_status(200);
    bus.stop().await;
}

#[tokio::test]
async fn a_signal_that_comes_before_the_future_is_polled_ends_it() {
    let stopped = slotbus::shutdown_signal();
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM).unwrap();
    stopped.await;
}
