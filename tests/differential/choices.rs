//! The differences that the generator does not meet, each asked for by a test of its own.

use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use serde::Deserialize;
use slotbus::response::{IntoResponse, Response};
use slotbus::{Body, Path, Router, handler, routes};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::both::{Answer, Case, Pair, case, get};

/// The same answer to everything, from both.
async fn everywhere<F, Fut>(answer: F) -> Pair
where
    F: Fn(HeaderMap) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output: IntoResponse> + Send + 'static,
{
    Pair::start(Router::new().fallback(answer.clone()), axum::Router::new().fallback(answer)).await
}

fn statuses((ours, theirs): &(Answer, Answer)) -> (u16, u16) {
    (ours.status.as_u16(), theirs.status.as_u16())
}

fn with_header(mut case: Case, name: &'static str, value: &'static [u8]) -> Case {
    case.headers.push((HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap()));
    case
}

#[tokio::test]
async fn other_methods_than_the_seven_are_not_carried() {
    let pair = everywhere(async |_| "fine").await;
    for name in ["TRACE", "PURGE", "get"] {
        let case = case(Method::from_bytes(name.as_bytes()).unwrap(), "/", "");
        let error = pair.over_bus(&case).await.unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        assert_eq!(pair.over_tcp(&case).await.unwrap().status, StatusCode::OK);
    }
    pair.stop().await;
}

#[tokio::test]
async fn header_values_are_utf_8() {
    let answer = async |headers: HeaderMap| match headers.get("x-asked") {
        Some(value) => ([("x-given", value.clone())], "").into_response(),
        None => ([("x-given", HeaderValue::from_bytes(b"\xff").unwrap())], "").into_response(),
    };
    let pair = everywhere(answer).await;
    let asked = with_header(get("/"), "x-asked", b"\xff");
    let error = pair.over_bus(&asked).await.unwrap_err();
    assert!(error.to_string().contains("x-asked"), "{error}");
    assert_eq!(pair.over_tcp(&asked).await.unwrap().headers["x-given"], [&b"\xff"[..]]);
    let both = pair.ask(&get("/")).await;
    assert_eq!(statuses(&both), (500, 200), "{both:?}");
    pair.stop().await;
}

#[tokio::test]
async fn spaces_around_a_header_value_stay() {
    let pair = everywhere(async |headers: HeaderMap| format!("{:?}", headers["x-asked"])).await;
    let (ours, theirs) = pair.ask(&with_header(get("/"), "x-asked", b" a ")).await;
    assert_eq!((&*ours.text(), &*theirs.text()), ("\" a \"", "\"a\""));
    pair.stop().await;
}

#[tokio::test]
async fn a_bus_takes_more_headers_than_hyper() {
    let pair = everywhere(async |headers: HeaderMap| headers.len().to_string()).await;
    let many = (0..101).fold(get("/"), |case, _| case.header("x-many", "1"));
    let both = pair.ask(&many).await;
    assert_eq!(statuses(&both), (200, 431), "{both:?}");
    pair.stop().await;
}

#[tokio::test]
async fn hop_by_hop_headers_do_not_reach_a_handler() {
    let pair = everywhere(async |headers: HeaderMap| headers.len().to_string()).await;
    let hops = get("/").header("connection", "x-hop").header("x-hop", "1").header("te", "trailers");
    let (ours, theirs) = pair.ask(&hops).await;
    // What is left is the host.
    assert_eq!((&*ours.text(), &*theirs.text()), ("1", "4"));
    pair.stop().await;
}

#[tokio::test]
async fn a_panic_is_answered_500() {
    let pair = everywhere(async |_| -> &'static str { panic!("as asked") }).await;
    assert_eq!(pair.over_bus(&get("/")).await.unwrap().status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(pair.over_tcp(&get("/")).await.is_err(), "the connection breaks");
    pair.stop().await;
}

#[tokio::test]
async fn a_stream_that_fails_is_answered_500() {
    let failing = async |_: HeaderMap| {
        let parts = [Ok(Bytes::from_static(b"the beginning")), Err(std::io::Error::other("gone"))];
        Response::new(Body::from_stream(stream::iter(parts)))
    };
    let pair = everywhere(failing).await;
    assert_eq!(pair.over_bus(&get("/")).await.unwrap().status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(pair.over_tcp(&get("/")).await.is_err(), "the body breaks off");
    pair.stop().await;
}

#[tokio::test]
async fn trailers_are_not_carried() {
    let answer = async |_: HeaderMap| {
        let trailers = HeaderMap::from_iter([(HeaderName::from_static("x-end"), HeaderValue::from_static("1"))]);
        let frames = [http_body::Frame::data(Bytes::from_static(b"text")), http_body::Frame::trailers(trailers)];
        let body = http_body_util::StreamBody::new(stream::iter(frames.map(Ok::<_, std::io::Error>)));
        ([(header::TRAILER, "x-end")], Body::new(body))
    };
    let pair = everywhere(answer).await;
    let case = get("/").header("te", "trailers");
    assert_eq!(pair.trailers_over_bus(&case).await.unwrap(), None);
    assert!(pair.trailers_over_tcp(&case).await.unwrap().is_some_and(|trailers| trailers["x-end"] == "1"));
    pair.stop().await;
}

#[tokio::test]
async fn a_wrong_content_length_is_corrected() {
    let pair = everywhere(async |_| ([("content-length", "3")], "twelve")).await;
    let ours = pair.over_bus(&get("/")).await.unwrap();
    assert_eq!((ours.header("content-length"), &*ours.text()), (Some("6"), "twelve"));
    assert!(pair.over_tcp(&get("/")).await.is_err(), "hyper gives up");
    pair.stop().await;
}

#[tokio::test]
async fn no_answer_switches_protocols() {
    let pair = everywhere(async |_| StatusCode::SWITCHING_PROTOCOLS).await;
    let both = pair.ask(&get("/")).await;
    assert_eq!(statuses(&both), (500, 101), "{both:?}");
    pair.stop().await;
}

#[handler(GET, "/where")]
async fn whereabouts(uri: Uri) -> String {
    uri.to_string()
}

#[tokio::test]
async fn a_nested_handler_sees_the_whole_path() {
    let theirs = axum::Router::new().route("/where", axum::routing::get(async |uri: Uri| uri.to_string()));
    let pair = Pair::start(
        Router::new().nest("/api", Router::new().routes(routes![whereabouts])),
        axum::Router::new().nest("/api", theirs),
    )
    .await;
    let (ours, theirs) = pair.ask(&get("/api/where?a=b")).await;
    assert_eq!((&*ours.text(), &*theirs.text()), ("/api/where?a=b", "/where?a=b"));
    pair.stop().await;
}

#[tokio::test]
async fn a_target_is_a_path_and_a_query() {
    let theirs = axum::Router::new().route("/where", axum::routing::get(async |uri: Uri| uri.to_string()));
    let pair = Pair::start(Router::new().routes(routes![whereabouts]), theirs).await;
    let (ours, theirs) = pair.ask(&get("http://example.org/where?a=b")).await;
    assert_eq!((&*ours.text(), &*theirs.text()), ("/where?a=b", "http://example.org/where?a=b"));
    pair.stop().await;
}

#[derive(Deserialize)]
struct Misspelt {
    #[expect(dead_code, reason = "no pattern has it")]
    other: String,
}

#[handler(GET, "/one/{name}")]
async fn misspelt(_: Path<Misspelt>) {}

#[tokio::test]
async fn a_field_without_a_parameter_is_the_fault_of_the_program() {
    let theirs = axum::routing::get(async |_: axum::extract::Path<Misspelt>| ());
    let pair =
        Pair::start(Router::new().routes(routes![misspelt]), axum::Router::new().route("/one/{name}", theirs)).await;
    let both = pair.ask(&get("/one/ada")).await;
    assert_eq!(statuses(&both), (500, 400), "{both:?}");
    pair.stop().await;
}

#[tokio::test]
async fn the_layers_of_a_merged_router_do_not_see_the_404_of_the_whole() {
    let stamp = SetResponseHeaderLayer::appending(HeaderName::from_static("x-part"), HeaderValue::from_static("1"));
    let theirs = axum::Router::new().route("/where", axum::routing::get(async || "")).layer(stamp.clone());
    let pair = Pair::start(
        Router::new().merge(Router::new().routes(routes![whereabouts]).layer(stamp)),
        axum::Router::new().merge(theirs),
    )
    .await;
    let (ours, theirs) = pair.ask(&get("/nowhere")).await;
    assert_eq!((ours.header("x-part"), theirs.header("x-part")), (None, Some("1")));
    pair.stop().await;
}
