//! The services that are compared.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::error_handling::HandleErrorLayer;
use axum::extract::{DefaultBodyLimit, Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use slotbus::Body;
use tempfile::TempDir;
use tower::{BoxError, ServiceBuilder};
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

#[derive(Deserialize, Serialize)]
struct Person {
    name: String,
    age: u8,
}

#[derive(Deserialize)]
struct Page {
    page: u32,
    size: Option<u32>,
}

async fn echo(method: Method, uri: Uri, headers: HeaderMap, body: String) -> impl IntoResponse {
    let repeated: Vec<_> =
        headers.get_all("x-repeated").iter().map(|value| value.to_str().unwrap().to_owned()).collect();
    let answer = [(HeaderName::from_static("x-answer"), "1"), (HeaderName::from_static("x-other"), "ä")];
    (StatusCode::ACCEPTED, answer, format!("{method} {uri} {repeated:?} {body}"))
}

async fn cookies() -> impl IntoResponse {
    let mut response = Response::new(Body::empty());
    for cookie in ["a=1", "b=2", "a=3"] {
        response.headers_mut().append("set-cookie", cookie.parse().unwrap());
    }
    response
}

/// A router that uses what axum has.
pub(crate) fn extractors() -> Router {
    let people = Arc::new(HashMap::from([(1, "ada"), (2, "grace")]));
    Router::new()
        .route("/", get(|| async { "index" }))
        .route("/echo", any(echo))
        .route(
            "/people/{id}",
            get(|State(people): State<Arc<HashMap<u32, &'static str>>>, Path(id): Path<u32>| async move {
                people.get(&id).map(|name| name.to_string()).ok_or(StatusCode::NOT_FOUND)
            }),
        )
        .route("/names/{first}/{last}", get(|Path((a, b)): Path<(String, String)>| async move { format!("{b}, {a}") }))
        .route("/files/{*path}", get(|Path(path): Path<String>| async move { path }))
        .route("/pages", get(|Query(Page { page, size }): Query<Page>| async move { format!("{page} {size:?}") }))
        .route("/people", post(|Json(person): Json<Person>| async move { (StatusCode::CREATED, Json(person)) }))
        .route("/form", post(|Form(person): Form<Person>| async move { format!("{} {}", person.name, person.age) }))
        .route("/small", post(|body: String| async move { body }).layer(DefaultBodyLimit::max(4)))
        .route("/moved", get(|| async { Redirect::permanent("/") }))
        .route("/empty", get(|| async { StatusCode::NO_CONTENT }))
        .route("/cookies", get(cookies))
        .with_state(people)
}

/// A router under middleware of tower-http.
pub(crate) fn tower_http() -> Router {
    Router::new()
        .route("/text", get(|| async { "a text that compresses well ".repeat(50) }))
        .route("/short", get(|| async { "short" }))
        .route("/never", get(|| async { std::future::pending::<()>().await }))
        .route("/upload", post(|body: String| async move { body.len().to_string() }))
        .layer(CompressionLayer::new())
        .layer(RequestBodyLimitLayer::new(1000))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_millis(50)))
        .layer(TraceLayer::new_for_http())
}

/// A folder with files to serve.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    for (name, text) in
        [("index.html", "<h1>hello</h1>"), ("a.txt", "0123456789"), ("sub/b.json", "{}"), ("ä b", "odd")]
    {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// A service that answers `/never` never.
pub(crate) fn slow() -> impl tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    tower::service_fn(|request: Request<Body>| async move {
        match request.uri().path() {
            "/" => {}
            "/never" => std::future::pending().await,
            _ => return Ok(StatusCode::NOT_FOUND.into_response()),
        }
        Ok("fine".into_response())
    })
}

/// The same for a server that takes no service with errors: its adapter maps them as `slotbus::serve` does.
pub(crate) fn slow_with_errors_handled() -> Router {
    let status_of = |error: BoxError| async move {
        match error {
            error if error.is::<tower::timeout::error::Elapsed>() => StatusCode::GATEWAY_TIMEOUT,
            error if error.is::<tower::load_shed::error::Overloaded>() => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    };
    let stack = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(status_of))
        .concurrency_limit(8)
        .load_shed()
        .timeout(Duration::from_millis(50));
    Router::new().fallback_service(stack.service(slow()))
}
