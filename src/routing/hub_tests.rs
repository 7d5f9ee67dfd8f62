//! Requests that came through a bus: the hub says which pattern it matched, and may be wrong.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt as _;
use slotbus::{Body, MatchedPath, Path, RequestId, Router, handler, routes};
use tower::{Layer as _, ServiceExt as _, util::MapRequestLayer};

use crate::http::context::{CallContext, MatchedRoute};

#[handler(GET, "/{a}/x/{b}")]
async fn pair(Path((a, b)): Path<(String, String)>, matched: MatchedPath) -> String {
    format!("pair {a} {b} {}", matched.as_str())
}

#[handler(GET, "/users/{id}")]
async fn user(Path(id): Path<String>, request: RequestId) -> String {
    format!("user {id} {request}")
}

#[handler(GET, "/users/me")]
async fn me() -> &'static str {
    "me"
}

#[handler(GET, "/files/{*rest}")]
async fn files(Path(rest): Path<String>) -> String {
    format!("files {rest}")
}

#[handler(GET, "/number/{n}")]
async fn number(Path(n): Path<u8>) -> String {
    n.to_string()
}

fn app() -> Router {
    Router::new().routes(routes![pair, user, me, files, number])
}

fn context(hub_pattern: &str, params: &[(&str, &str)]) -> CallContext {
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    CallContext {
        id: RequestId::new("req-1").unwrap(),
        hub_pattern: bytes(hub_pattern),
        hub_params: params.iter().map(|&(name, value)| (bytes(name), bytes(value))).collect(),
        ..CallContext::of_test()
    }
}

async fn get(path: &str, hub_pattern: &str, params: &[(&str, &str)]) -> (u16, String) {
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    request.extensions_mut().insert(context(hub_pattern, params));
    let (parts, body) = app().oneshot(request).await.unwrap().into_parts();
    (parts.status.as_u16(), String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

async fn assert_ok(path: &str, hub_pattern: &str, params: &[(&str, &str)], body: &str) {
    assert_eq!(get(path, hub_pattern, params).await, (200, body.to_owned()));
}

#[tokio::test]
async fn the_choice_of_the_hub_stands_where_two_patterns_fit() {
    // The tree alone would choose `me`; that it is not asked shows that the hub's pattern was used.
    for pattern in ["/users/{id}", "/users/:id"] {
        assert_ok("/users/me", pattern, &[("id", "me")], "user me req-1").await;
    }
    assert_ok("/users/me", "", &[], "me").await;
}

#[tokio::test]
async fn both_spellings_of_the_rest_are_understood() {
    for pattern in ["/files/{*rest}", "/files/*rest"] {
        assert_ok("/files/a/b", pattern, &[("rest", "a/b")], "files a/b").await;
    }
}

#[tokio::test]
async fn parameters_in_random_order_are_put_in_the_order_of_the_pattern_and_decoded() {
    for params in [[("a", "1%20"), ("b", "2%2F")], [("b", "2%2F"), ("a", "1%20")]] {
        assert_ok("/1%20/x/2%2F", "/:a/x/:b", &params, "pair 1  2/ /{a}/x/{b}").await;
    }
}

#[tokio::test]
async fn a_hub_that_is_wrong_is_not_believed() {
    for (pattern, params) in [
        ("/users/{id}", &[][..]),
        ("/users/{id}", &[("name", "me")]),
        ("/users/{id}", &[("id", "you")]),
        ("/users/{id}", &[("id", "me"), ("more", "x")]),
        ("/files/{*rest}", &[("rest", "me")]),
        ("/{a}/x/{b}", &[("a", "users"), ("b", "me")]),
        ("/nothing/of/ours", &[]),
    ] {
        assert_ok("/users/me", pattern, params, "me").await;
    }
    assert_eq!(get("/nothing", "/users/me", &[]).await.0, 404);
}

#[tokio::test]
async fn a_layer_around_the_router_may_rewrite_the_path() {
    let rewrite = MapRequestLayer::new(|mut request: Request<Body>| {
        *request.uri_mut() = "/number/7".parse().unwrap();
        request
    });
    let mut request = Request::get("/users/me").body(Body::empty()).unwrap();
    request.extensions_mut().insert(context("/users/me", &[]));
    let response = rewrite.layer(app()).oneshot(request).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "7");
}

#[tokio::test]
async fn problems_carry_the_id_of_the_request() {
    for (path, status) in [("/nothing", 404), ("/number/x", 400)] {
        let (found, body) = get(path, "", &[]).await;
        let problem: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((found, &problem["request_id"]), (status, &"req-1".into()));
    }
}

#[tokio::test]
async fn the_route_of_an_outer_router_does_not_reach_an_inner_fallback() {
    let inner = Router::new().fallback(async |matched: Option<MatchedPath>| format!("{matched:?}"));
    for with_context in [true, false] {
        let mut request = Request::get("/unknown").body(Body::empty()).unwrap();
        if with_context {
            request.extensions_mut().insert(context("", &[]));
        }
        let pattern = Arc::new(crate::http::pattern::Pattern::parse("/outer").unwrap());
        MatchedRoute::note(Some(&pattern), &mut request);
        let response = inner.clone().oneshot(request).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "None");
    }
}
