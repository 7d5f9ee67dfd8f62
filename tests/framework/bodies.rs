//! The body of a request as bytes, as text, as it came, and piece by piece.

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::Request;
use slotbus::{
    Body, Form, Json, Router,
    body::to_bytes,
    extract::{BytesRejection, DefaultBodyLimit, RawBody, StringRejection},
    handler, routes,
    testing::TestClient,
};

use super::{post, send};

#[handler(POST, "/bytes")]
async fn binary(body: Bytes) -> Bytes {
    body
}

#[handler(POST, "/text")]
fn text(body: String) -> String {
    body
}

#[handler(POST, "/raw")]
async fn raw(mut body: RawBody) -> Result<String, String> {
    let mut pieces = Vec::new();
    while let Some(piece) = body.try_next().await.map_err(|error| error.to_string())? {
        pieces.push(String::from_utf8_lossy(&piece).into_owned());
    }
    Ok(pieces.join("|"))
}

#[handler(POST, "/body")]
async fn body(body: Body) -> String {
    let pieces =
        body.into_data_stream().map(|piece| piece.map_or_else(|e| e.to_string(), |piece| piece.len().to_string()));
    pieces.collect::<Vec<_>>().await.join("|")
}

#[handler(POST, "/upto4")]
async fn up_to_four(RawBody(body): RawBody) -> String {
    let too_long = |error: &slotbus::body::Error| {
        let source = std::error::Error::source(error);
        source.is_some_and(|source| source.is::<http_body_util::LengthLimitError>())
    };
    to_bytes(body, 4).await.map_or_else(|error| format!("{error} {}", too_long(&error)), |bytes| format!("{bytes:?}"))
}

fn app() -> Router {
    Router::new().routes(routes![binary, text, raw, body, up_to_four])
}

/// A body that comes in pieces; an empty one breaks it off.
fn pieces(path: &str, pieces: &'static [&'static str]) -> Request<Body> {
    let pieces = stream::iter(pieces)
        .map(|piece| if piece.is_empty() { Err(std::io::Error::other("broken off")) } else { Ok(*piece) });
    Request::post(path).body(Body::from_stream(pieces)).unwrap()
}

#[tokio::test]
async fn bytes_and_text_are_the_whole_body() {
    for path in ["/bytes", "/text"] {
        send(&app(), pieces(path, &["ab", "cd"])).await.assert_status(200).assert_text("abcd");
        post(&app(), path, "text/plain", "").await.assert_status(200).assert_text("");
    }
}

#[tokio::test]
async fn bytes_and_text_are_refused_with_a_problem_when_too_long_broken_off_or_not_utf_8() {
    let limited = app().layer(DefaultBodyLimit::max(3));
    for path in ["/bytes", "/text"] {
        send(&limited, pieces(path, &["ab", "c"])).await.assert_status(200).assert_text("abc");
        assert!(send(&limited, pieces(path, &["ab", "cd"])).await.assert_problem(413).contains("limit"));
        send(&limited, pieces(path, &["ab", ""])).await.assert_problem(400);
    }
    let broken = Request::post("/text").body(Body::from(&b"\xff"[..])).unwrap();
    assert!(send(&app(), broken).await.assert_problem(400).contains("utf-8"));
}

#[tokio::test]
async fn a_refused_body_is_a_problem_in_a_plain_function_and_a_fallback_too() {
    let app: Router = Router::new().fallback(async |body: String| body).layer(DefaultBodyLimit::max(3));
    post(&app, "/", "text/plain", "abcd").await.assert_problem(413);
}

#[tokio::test]
async fn the_rejection_of_bytes_and_text_can_be_taken_as_a_result() {
    #[handler(POST, "/bytes")]
    async fn bytes(body: Result<Bytes, BytesRejection>) -> String {
        body.map_or_else(|rejection| rejection.status().to_string(), |body| body.len().to_string())
    }
    #[handler(POST, "/text")]
    async fn text(body: Result<String, StringRejection>) -> String {
        body.unwrap_or_else(|rejection| rejection.status().to_string())
    }
    let app: Router = Router::new().routes(routes![bytes, text]).layer(DefaultBodyLimit::max(3));
    for path in ["/bytes", "/text"] {
        post(&app, path, "text/plain", "abcd").await.assert_status(200).assert_text("413 Payload Too Large");
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_with_the_limit_that_counts() {
    #[handler(POST, "/json")]
    async fn json(_: Json<serde_json::Value>) {}
    #[handler(POST, "/form")]
    async fn form(_: Form<Vec<(String, String)>>) {}
    #[handler(POST, "/short", body_limit = "3B")]
    async fn short(_: String) {}
    let app: Router = Router::new().routes(routes![binary, text, json, form, short]);
    let client = TestClient::new(app.clone());
    let send = async |client: &TestClient, path: &str, content_type: &str, body: String| {
        let answer = client.post(path).header("content-type", content_type).body(body).await;
        answer.assert_problem(413).to_owned()
    };
    let types = [("/bytes", "a/b"), ("/text", "a/b"), ("/json", "application/json")];
    let types = types.into_iter().chain([("/form", "application/x-www-form-urlencoded")]);
    for (path, content_type) in types {
        let detail = send(&client, path, content_type, "1".repeat(3 << 20)).await;
        assert_eq!(detail, "the body exceeds the limit of 2097152 bytes", "{path}");
    }
    let detail = send(&client, "/short", "a/b", "four".to_owned()).await;
    assert_eq!(detail, "the body exceeds the limit of 3 bytes");
    let lower = TestClient::with_options(slotbus::serve(app.clone()).body_limit(2));
    assert_eq!(send(&lower, "/text", "a/b", "abc".to_owned()).await, "the body exceeds the limit of 2 bytes");
    // A layer of somebody else may raise the limit, lower it, or lift it.
    let layered = |limit| TestClient::new(app.clone().layer(limit));
    let raised = layered(DefaultBodyLimit::max(4 << 20));
    assert_eq!(send(&raised, "/text", "a/b", "a".repeat(5 << 20)).await, "the body exceeds the limit of 4194304 bytes");
    let lowered = layered(DefaultBodyLimit::max(2));
    assert_eq!(send(&lowered, "/text", "a/b", "a".repeat(3 << 20)).await, "the body exceeds the limit of 2 bytes");
    assert_eq!(send(&lowered, "/text", "a/b", "abc".to_owned()).await, "the body exceeds the limit");
    for fits in [raised, layered(DefaultBodyLimit::disable())] {
        fits.post("/bytes").body("1".repeat(3 << 20)).await.assert_status(200);
    }
    client.post("/bytes").body("1".repeat(2 << 20)).await.assert_status(200);
}

#[tokio::test]
async fn a_body_that_is_no_text_or_breaks_off_is_refused_in_plain_words() {
    let request = Request::post("/text").body(Body::from(&b"\xff"[..])).unwrap();
    let detail = send(&app(), request).await.assert_problem(400).to_owned();
    assert!(detail.starts_with("the body is not utf-8: invalid utf-8"), "{detail}");
    let answer = send(&app(), pieces("/bytes", &["ab", ""])).await;
    assert_eq!(answer.assert_problem(400), "the body could not be read: broken off");
}

#[tokio::test]
async fn a_raw_body_and_a_body_come_piece_by_piece_and_know_no_default_limit() {
    let limited = app().layer(DefaultBodyLimit::max(3));
    send(&limited, pieces("/raw", &["ab", "cd"])).await.assert_status(200).assert_text("ab|cd");
    send(&limited, pieces("/body", &["ab", "cde"])).await.assert_status(200).assert_text("2|3");
    post(&limited, "/raw", "text/plain", "").await.assert_status(200).assert_text("");
    let long = Request::post("/body").body(Body::from(vec![0; 3 << 20])).unwrap();
    send(&app(), long).await.assert_status(200).assert_text("3145728");
}

#[tokio::test]
async fn a_raw_body_that_breaks_off_is_an_error_for_the_handler() {
    send(&app(), pieces("/raw", &["ab", ""])).await.assert_status(200).assert_text("broken off");
}

#[tokio::test]
async fn a_raw_body_leaves_trailers_out() {
    use http_body::Frame;
    let frames =
        [Frame::data(Bytes::from("ab")), Frame::trailers(http::HeaderMap::new()), Frame::data(Bytes::from("cd"))];
    let frames = stream::iter(frames.map(Ok::<_, std::io::Error>));
    let request = Request::post("/raw").body(Body::new(http_body_util::StreamBody::new(frames))).unwrap();
    send(&app(), request).await.assert_status(200).assert_text("ab|cd");
}

#[tokio::test]
async fn a_body_is_read_up_to_a_limit_of_ones_own() {
    send(&app(), pieces("/upto4", &["ab", "cd"])).await.assert_status(200).assert_text("b\"abcd\"");
    send(&app(), pieces("/upto4", &["ab", "cde"])).await.assert_status(200).assert_text("length limit exceeded true");
    send(&app(), pieces("/upto4", &["ab", ""])).await.assert_status(200).assert_text("broken off false");
}
