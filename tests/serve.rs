//! What `serve` does to requests and responses, over a real bus.

mod support;

use std::time::Duration;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use slotbus::hub::Hub;
use slotbus::{Body, RequestId};
use support::{Worker, bytes, get_request, name, service};
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
