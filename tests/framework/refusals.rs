//! What is refused in a handler's place, and what goes with it.

use std::convert::Infallible;

use http::{Method, Request, StatusCode, request::Parts};
use slotbus::{
    Body, Extension, Form, Json, Path, Query, Router,
    extract::{
        BytesRejection, DefaultBodyLimit, ExtensionError, FormError, FromRequestParts, JsonError, JsonRejection,
        PathError, QueryError, Reason, Rejection, StringRejection,
    },
    handler,
    response::{Problem, Refusal},
    routes,
};
use tower::ServiceExt as _;

use slotbus::testing::TestResponse;

use super::{get, post};

type Strings = Vec<(String, String)>;

#[handler(GET, "/number/{n}")]
async fn number(Path(n): Path<u8>) -> String {
    n.to_string()
}

#[handler(GET, "/query")]
async fn query(Query(n): Query<[(String, u8); 1]>) -> String {
    format!("{n:?}")
}

#[handler(POST, "/form")]
async fn form(Form(pairs): Form<Strings>) -> String {
    format!("{pairs:?}")
}

#[handler(POST, "/json")]
async fn json(Json(n): Json<u8>) -> String {
    n.to_string()
}

#[handler(GET, "/extension")]
async fn extension(Extension(n): Extension<u8>) -> String {
    n.to_string()
}

#[handler(POST, "/bytes")]
async fn binary(body: bytes::Bytes) -> String {
    body.len().to_string()
}

#[handler(POST, "/string")]
fn string(body: String) -> String {
    body
}

#[handler(GET, "/problem")]
async fn problem() -> Problem {
    Problem::new(StatusCode::CONFLICT).detail("of its own")
}

#[handler(POST, "/handled")]
async fn handled(json: Result<Json<u8>, JsonRejection>) -> String {
    json.map_or_else(|rejection| rejection.to_string(), |Json(n)| n.to_string())
}

#[handler(POST, "/passed")]
async fn passed(json: Result<Json<u8>, JsonRejection>) -> Result<String, JsonRejection> {
    Ok(json?.0.to_string())
}

#[handler(POST, "/foreign")]
async fn foreign(axum::Json(n): axum::Json<u8>) -> String {
    n.to_string()
}

#[handler(GET, "/never")]
async fn never() {
    std::future::pending().await
}

pub(super) fn app<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .routes(routes![number, query, form, json, extension, binary, string, problem, handled, passed, foreign, never])
}

/// Answers a refusal with a word and its status.
pub(super) fn in_a_word(
    word: &'static str,
) -> impl Fn(&Refusal, &slotbus::routing::RefusedRequest) -> (StatusCode, String) + Clone {
    move |refusal, _| (refusal.status(), format!("{word} {}", refusal.status().as_u16()))
}

/// Runs `app` and returns what the answer carries as a refusal.
pub(super) async fn refusal(app: &Router, request: Request<Body>) -> Option<Refusal> {
    let response = app.clone().oneshot(request).await.unwrap();
    Refusal::of(response.extensions()).cloned()
}

/// Every request that `app` refuses, with the status.
pub(super) fn refused() -> Vec<(Request<Body>, u16)> {
    let post = |path: &str, content_type: &str, body: &'static [u8]| {
        Request::post(path).header("content-type", content_type).body(Body::from(body)).unwrap()
    };
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    vec![
        (get("/number/x"), 400),
        (get("/query?a=x"), 400),
        (post("/form", "text/plain", b""), 415),
        (post("/json", "application/json", b"256"), 422),
        (get("/extension"), 500),
        (post("/bytes", "text/plain", b"too long"), 413),
        (post("/string", "text/plain", b"too long"), 413),
        (post("/string", "text/plain", b"\xff"), 400),
        (post("/json", "application/json", b"       1"), 413),
        (post("/passed", "application/json", b"x"), 400),
        (get("/nowhere"), 404),
        (get("/json"), 405),
    ]
}

pub(super) fn limited() -> Router {
    app().layer(DefaultBodyLimit::max(4))
}

#[tokio::test]
async fn every_refusal_is_a_problem_and_goes_with_its_response() {
    for (request, status) in refused() {
        let what = request.uri().to_string();
        let response = limited().oneshot(request).await.unwrap();
        assert_eq!((response.status().as_u16(), &what), (status, &what));
        let refusal = Refusal::of(response.extensions()).unwrap_or_else(|| panic!("{what} is refused")).clone();
        assert_eq!(refusal.status(), status);
        let answer = TestResponse::from_response(response).await;
        assert_eq!(answer.assert_problem(status), refusal.detail().unwrap_or_default(), "{what}");
    }
}

#[tokio::test]
async fn a_refusal_has_the_typed_reason_behind_it() {
    async fn has<E: std::error::Error + 'static>(method: Method, path: &str, body: &'static str) {
        let content_type = if path == "/json" { "application/json" } else { "text/plain" };
        let request = Request::builder().method(method).uri(path).header("content-type", content_type);
        let refusal = refusal(&limited(), request.body(Body::from(body)).unwrap()).await.unwrap();
        assert!(refusal.reason::<E>().is_some(), "{path}: {refusal:?}");
        assert!(refusal.reason::<std::fmt::Error>().is_none());
    }
    has::<PathError>(Method::GET, "/number/x", "").await;
    has::<QueryError>(Method::GET, "/query?a=x", "").await;
    has::<FormError>(Method::POST, "/form", "").await;
    has::<JsonError>(Method::POST, "/json", "x").await;
    has::<ExtensionError>(Method::GET, "/extension", "").await;
    has::<BytesRejection>(Method::POST, "/bytes", "too long").await;
    has::<StringRejection>(Method::POST, "/string", "too long").await;
    let nowhere = Request::get("/nowhere").body(Body::empty()).unwrap();
    assert!(refusal(&limited(), nowhere).await.unwrap().error().is_none());
}

#[tokio::test]
async fn an_answer_is_no_refusal_whatever_its_status_and_is_not_mapped() {
    let app: Router = app().map_rejection(in_a_word("mapped"));
    assert_eq!(get(&app, "/problem").await.assert_problem(409), "of its own");
    post(&app, "/handled", "application/json", "x")
        .await
        .assert_status(200)
        .assert_text("the body is not json: expected value at line 1 column 1");
    get(&app, "/number/7").await.assert_status(200).assert_text("7");
    for path in ["/problem", "/number/7"] {
        assert!(refusal(&app, Request::get(path).body(Body::empty()).unwrap()).await.is_none());
    }
}

#[tokio::test]
async fn a_foreign_rejection_is_left_as_it_is() {
    let app: Router = app().map_rejection(in_a_word("mapped"));
    let answer = post(&app, "/foreign", "application/json", "x").await;
    assert_eq!(
        (answer.status(), &answer.headers()["content-type"]),
        (StatusCode::BAD_REQUEST, &"text/plain; charset=utf-8".parse().unwrap())
    );
    assert!(!answer.text().contains("mapped"), "{}", answer.text());
}

#[tokio::test]
async fn extractors_of_ones_own_refuse_like_those_of_the_crate() {
    #[derive(Debug, thiserror::Error)]
    #[error("a key is needed")]
    struct NoKey;
    impl Reason for NoKey {
        fn status(&self) -> StatusCode {
            StatusCode::UNAUTHORIZED
        }
    }
    struct Key;
    impl<S: Sync> FromRequestParts<S> for Key {
        type Rejection = Rejection<NoKey>;
        async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
            Err(Rejection::new(NoKey, parts))
        }
    }
    let app: Router = Router::new().fallback(async |_: Key| ());
    assert_eq!(get(&app, "/").await.assert_problem(401), "a key is needed");
    let app = app.map_rejection(|refusal, _| refusal.reason::<NoKey>().map(ToString::to_string).unwrap_or_default());
    get(&app, "/").await.assert_status(200).assert_text("a key is needed");
}

#[tokio::test]
async fn a_layer_of_ones_own_refuses_by_a_rejection() {
    #[derive(Debug, thiserror::Error)]
    #[error("closed")]
    struct Closed;
    impl Reason for Closed {
        fn status(&self) -> StatusCode {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
    let closed = tower::service_fn(async |request: Request<Body>| {
        Ok::<_, Infallible>(Rejection::new(Closed, &request.into_parts().0))
    });
    let app: Router = app().layer(tower::layer::layer_fn(move |_| closed));
    let told = get(&app, "/number/7").await.assert_problem(503);
    assert_eq!(told, "", "what is the program's own fault is logged");
    let app = app.map_rejection(in_a_word("mapped"));
    get(&app, "/number/7").await.assert_status(503).assert_text("mapped 503");
}
