//! The same services through a bus and over TCP, compared answer by answer.
//!
//! What may differ is how HTTP/1 frames a message (`both::framing`). Everything else must be equal: status, each header
//! with its values in order, and each byte of the body.

#[path = "../support/both/mod.rs"]
mod both;
#[path = "../support/mod.rs"]
mod support;

mod cases;
mod compare;
mod stacks;

use std::time::Duration;

use http::StatusCode;
use slotbus::hub::Hub;
use tower::ServiceBuilder;
use tower::limit::ConcurrencyLimitLayer;

use self::both::{Case, Pair, get, post};
use self::compare::compare;
use self::support::{Worker, bytes, get_request, name};

#[tokio::test(flavor = "multi_thread")]
async fn an_axum_router_with_extractors_answers_alike() {
    let pair = Pair::start(stacks::extractors(), stacks::extractors()).await;
    let count = compare(&pair, cases::extractors()).await;
    assert!(count >= 25, "{count} cases");
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tower_http_stack_answers_alike() {
    let pair = Pair::start(stacks::tower_http(), stacks::tower_http()).await;
    let count = compare(&pair, cases::tower_http()).await;
    assert!(count >= 12, "{count} cases");
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_served_by_serve_dir_answers_alike() {
    let folder = stacks::folder();
    let service = tower_http::services::ServeDir::new(folder.path());
    let over_tcp = axum::Router::new().fallback_service(service.clone());
    let pair = Pair::start(service, over_tcp).await;
    let count = compare(&pair, cases::folder()).await;
    assert!(count >= 10, "{count} cases");
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_builder_stack_needs_no_handle_error_layer() {
    let stack = ServiceBuilder::new().concurrency_limit(8).load_shed().timeout(Duration::from_millis(50));
    let pair = Pair::start(stack.service(stacks::slow()), stacks::slow_with_errors_handled()).await;
    let cases: Vec<Case> = vec![get("/"), get("/never"), get("/nowhere"), post("/", "body")];
    for case in cases {
        let (ours, theirs) = pair.ask(&case).await;
        assert_eq!(ours.status, theirs.status, "{case:?}");
    }
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_shed_load_is_answered_with_is_the_same_503() {
    // No request fits, so each is shed; over TCP the adapter says the same.
    let shed = ServiceBuilder::new().load_shed().layer(ConcurrencyLimitLayer::new(0)).service(stacks::slow());
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::start(&name, shed);
    let response = hub.call(get_request("/")).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(String::from_utf8_lossy(&bytes(response).await).contains("the service is overloaded"));
    worker.stop().await;
}
