//! What is measured: one GET with the headers a browser's proxy would pass on, and handlers that answer it.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http::{HeaderMap, HeaderValue, Request};
use slotbus::{Path, handler};

/// The headers of every request.
pub const REQUEST_HEADERS: [(&str, &str); 5] = [
    ("host", "sessions.example.com"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("x-request-start", "t=1760000000.123"),
];

/// The headers of the response whose meta is encoded and decoded.
pub const RESPONSE_HEADERS: [(&str, &str); 5] = [
    ("content-type", "text/plain; charset=utf-8"),
    ("content-length", "13"),
    ("cache-control", "private, max-age=60"),
    ("etag", "\"33a64df551425fcc55e4d42a148795d9\""),
    ("vary", "accept-encoding"),
];

/// A path for [`session`], and [`axum_session`] likewise.
pub const SESSION: &str = "/session/0199a7c4-5b1e-7c3f-9d2a-6f0e8b4c1d23";

/// Answers `GET /`, in both routers.
#[handler(GET, "/")]
pub async fn hello() -> &'static str {
    "Hello, World!"
}

/// Answers with the length of the path's parameter.
#[handler(GET, "/session/{id}")]
pub async fn session(Path(id): Path<String>) -> &'static str {
    if id.len() == 36 { "Hello, World!" } else { "Who are you?" }
}

/// [`session`] with axum's extractor.
pub async fn axum_session(axum::extract::Path(id): axum::extract::Path<String>) -> &'static str {
    if id.len() == 36 { "Hello, World!" } else { "Who are you?" }
}

/// A GET of `path` with the five headers.
pub fn request<B>(path: &str, body: B) -> Request<B> {
    let builder = Request::builder().method("GET").uri(path);
    let builder = REQUEST_HEADERS.iter().fold(builder, |builder, &(name, value)| builder.header(name, value));
    builder.body(body).expect("a good request")
}

/// The five headers of a response.
pub fn response_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in RESPONSE_HEADERS {
        headers.append(name, HeaderValue::from_static(value));
    }
    headers
}

/// What a future that waits for nothing resolves to.
///
/// # Panics
/// When it waits.
pub fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the handler did not wait for anything"),
    }
}
