//! Handlers whose answers are of every kind.

use axum::response::Redirect;
use futures::stream;
use http::header::{CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use slotbus::response::{AppendHeaders, Html, IntoResponse, NoContent, Response};
use slotbus::{Body, Path, Router, handler, routes};

use crate::model::{App, noise, prose};

pub(crate) fn answers() -> Router<App> {
    Router::new()
        .routes(routes![see_other, temporary, permanent, by_hand, tuple, html, no_content, nothing])
        .routes(routes![nothing_with_headers, nothing_with_body, etag, status, streamed, large, set_cookies, hops])
        .routes(routes![two_types, heads, get_heads, choices, get_choices])
}

#[handler(POST, "/go/see-other")]
async fn see_other() -> Redirect {
    Redirect::to("/items/1")
}

#[handler(GET, "/go/temporary")]
async fn temporary() -> Redirect {
    Redirect::temporary("/items/1?a=b")
}

#[handler(GET, "/go/permanent")]
async fn permanent() -> Redirect {
    Redirect::permanent("https://example.org/")
}

#[handler(GET, "/go/by-hand")]
async fn by_hand() -> (StatusCode, [(HeaderName, &'static str); 1]) {
    (StatusCode::FOUND, [(LOCATION, "/")])
}

#[handler(GET, "/tuple")]
async fn tuple() -> impl IntoResponse {
    (StatusCode::ACCEPTED, [("x-a", "1"), ("x-b", "ä")], AppendHeaders([("x-a", "2"), ("x-a", "3")]), "a tuple")
}

#[handler(GET, "/html")]
async fn html() -> Html<&'static str> {
    Html("<p>hello</p>")
}

#[handler(DELETE, "/nothing")]
async fn no_content() -> NoContent {
    NoContent
}

#[handler(GET, "/nothing")]
async fn nothing() {}

#[handler(GET, "/nothing/with-headers")]
async fn nothing_with_headers() -> impl IntoResponse {
    (StatusCode::NO_CONTENT, [("x-a", "1"), ("content-type", "a/b")])
}

#[handler(GET, "/nothing/with-body")]
async fn nothing_with_body() -> (StatusCode, &'static str) {
    (StatusCode::NO_CONTENT, "a body that must not go")
}

#[handler(GET, "/etag")]
async fn etag(headers: HeaderMap) -> Response {
    match headers.get(IF_NONE_MATCH) {
        Some(tag) if tag == "\"v1\"" => (StatusCode::NOT_MODIFIED, [(ETAG, "\"v1\"")], "").into_response(),
        _ => ([(ETAG, "\"v1\"")], "the text").into_response(),
    }
}

#[handler(GET, "/status/{code}")]
async fn status(Path(code): Path<u16>) -> Result<(StatusCode, &'static str), StatusCode> {
    StatusCode::from_u16(code).map(|status| (status, "a body")).map_err(|_| StatusCode::BAD_REQUEST)
}

#[handler(GET, "/stream/{n}")]
async fn streamed(Path(n): Path<u8>) -> impl IntoResponse {
    let parts = (0..n).map(|i| Ok::<_, std::io::Error>(format!("part {i};")));
    ([(CONTENT_TYPE, "text/x-parts")], Body::from_stream(stream::iter(parts)))
}

#[handler(GET, "/large/{len}")]
async fn large(Path(len): Path<u32>) -> Vec<u8> {
    noise(len.min(400_000) as usize)
}

#[handler(GET, "/set-cookies")]
async fn set_cookies() -> Response {
    let mut response = "many".into_response();
    for cookie in ["a=1", "b=2; HttpOnly", "a=3"] {
        response.headers_mut().append(SET_COOKIE, HeaderValue::from_static(cookie));
    }
    response
}

#[handler(GET, "/hops")]
async fn hops() -> impl IntoResponse {
    ([("keep-alive", "timeout=5"), ("x-kept", "1"), ("date", "then")], "hops")
}

#[handler(GET, "/two-types")]
async fn two_types() -> impl IntoResponse {
    (AppendHeaders([(CONTENT_TYPE, "a/b"), (CONTENT_TYPE, "c/d")]), ())
}

#[handler(HEAD, "/heads")]
async fn heads() -> [(&'static str, &'static str); 1] {
    [("x-head", "1")]
}

#[handler(GET, "/heads")]
async fn get_heads() -> impl IntoResponse {
    ([("x-head", "0")], "got")
}

#[handler(OPTIONS, "/choices")]
async fn choices() -> [(&'static str, &'static str); 1] {
    [("allow", "GET, OPTIONS")]
}

#[handler(GET, "/choices")]
async fn get_choices() -> &'static str {
    "chosen"
}

#[handler(GET, "/zip/prose")]
pub(super) async fn zip_prose() -> String {
    prose(2000)
}

#[handler(GET, "/zip/short")]
pub(super) async fn zip_short() -> &'static str {
    "short"
}

#[handler(GET, "/zip/noise")]
pub(super) async fn zip_noise() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/octet-stream")], noise(100_000))
}

#[handler(GET, "/timed/now")]
pub(super) async fn now() -> &'static str {
    "now"
}

#[handler(GET, "/timed/never")]
pub(super) async fn never() {
    std::future::pending().await
}

#[handler(GET, "/stamped")]
pub(super) async fn stamped() -> impl IntoResponse {
    ([("x-own", "1"), ("x-over", "1"), ("x-more", "1")], "stamped")
}

#[handler(GET, "/shared")]
pub(super) async fn shared() -> &'static str {
    "shared"
}

#[handler(PUT, "/shared")]
pub(super) async fn put_shared() -> &'static str {
    "put"
}
