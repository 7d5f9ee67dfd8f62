//! The framework as its user sees it, without a bus but in `on_a_bus`: requests go straight to the router.
#![cfg(all(feature = "macros", feature = "tokio"))]

#[path = "../support/mod.rs"]
mod support;

mod bodies;
mod extractors;
mod foreign;
mod handlers;
#[cfg(feature = "headers")]
mod headers;
mod layers;
mod mapping;
mod nested;
mod on_a_bus;
mod optional;
mod refusals;
mod responses;
mod options;
mod routing;
mod start;

use http::{Method, Request};
use slotbus::testing::TestResponse;
use slotbus::{Body, Router};
use tower::ServiceExt as _;

async fn send(app: &Router, request: Request<Body>) -> TestResponse {
    TestResponse::from_response(app.clone().oneshot(request).await.unwrap()).await
}

async fn call(app: &Router, method: Method, path: &str) -> TestResponse {
    send(app, Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await
}

async fn get(app: &Router, path: &str) -> TestResponse {
    call(app, Method::GET, path).await
}

async fn post(app: &Router, path: &str, content_type: &str, body: &str) -> TestResponse {
    let request = Request::post(path).header("content-type", content_type);
    send(app, request.body(Body::from(body.to_owned())).unwrap()).await
}

/// What a panic of `f` says.
fn panic_of<T>(f: impl FnOnce() -> T) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).map(drop).expect_err("it should panic");
    panic.downcast_ref::<String>().cloned().or_else(|| Some((*panic.downcast_ref::<&str>()?).to_owned())).unwrap()
}
