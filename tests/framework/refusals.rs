//! What is refused in a handler's place, and how a router says it in other words.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Method, Request, StatusCode, request::Parts};
use slotbus::{
    Body, Extension, Form, Json, MatchedPath, Path, Query, Router,
    extract::{
        BytesRejection, DefaultBodyLimit, ExtensionError, FormError, FromRequestParts, JsonError, JsonRejection,
        PathError, QueryError, Reason, Rejection, StringRejection,
    },
    handler,
    response::{Problem, Refusal, Response},
    routes,
};
use tower::{ServiceExt as _, util::MapResponseLayer};
use tower_http::compression::CompressionLayer;

use super::{Answer, call, get, post, send};

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

fn app<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .routes(routes![number, query, form, json, extension, binary, string, problem, handled, passed, foreign, never])
}

/// Answers a refusal with a word and its status.
fn in_a_word(
    word: &'static str,
) -> impl Fn(&Refusal, &slotbus::routing::RefusedRequest) -> (StatusCode, String) + Clone {
    move |refusal, _| (refusal.status(), format!("{word} {}", refusal.status().as_u16()))
}

/// Runs `app` and returns what the answer carries as a refusal.
async fn refusal(app: &Router, request: Request<Body>) -> Option<Refusal> {
    let response = app.clone().oneshot(request).await.unwrap();
    Refusal::of(response.extensions()).cloned()
}

/// Every request that `app` refuses, with the status.
fn refused() -> Vec<(Request<Body>, u16)> {
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

fn limited() -> Router {
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
        let answer = Answer::of(response).await;
        assert_eq!(Some(answer.problem(status).as_str()), refusal.detail(), "{what}");
    }
}

#[tokio::test]
async fn a_mapping_answers_every_refusal() {
    for (request, status) in refused() {
        let app = limited().map_rejection(in_a_word("mapped"));
        send(&app, request).await.assert(status, &format!("mapped {status}"));
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
    assert_eq!(get(&app, "/problem").await.problem(409), "of its own");
    post(&app, "/handled", "application/json", "x")
        .await
        .assert(200, "the body is not json: expected value at line 1 column 1");
    get(&app, "/number/7").await.assert(200, "7");
    for path in ["/problem", "/number/7"] {
        assert!(refusal(&app, Request::get(path).body(Body::empty()).unwrap()).await.is_none());
    }
}

#[tokio::test]
async fn a_foreign_rejection_is_left_as_it_is() {
    let app: Router = app().map_rejection(in_a_word("mapped"));
    let answer = post(&app, "/foreign", "application/json", "x").await;
    assert_eq!(
        (answer.status, &answer.headers["content-type"]),
        (StatusCode::BAD_REQUEST, &"text/plain; charset=utf-8".parse().unwrap())
    );
    assert!(!answer.body.contains("mapped"), "{}", answer.body);
}

#[tokio::test]
async fn a_mapping_is_told_of_the_request() {
    let app: Router = Router::new().nest("/v1", app()).map_rejection(|refusal, request| {
        let path = request.matched_path().unwrap_or("-");
        let id = request.request_id().is_some();
        let (accept, language) = (request.accept().unwrap_or("-"), request.accept_language().unwrap_or("-"));
        let status = refusal.status().as_u16();
        format!("{status} {} {} {path} {id} {accept} {language}", request.method(), request.uri())
    });
    let request = Request::post("/v1/json?a=b").header("accept-language", "de").header("accept", "text/html");
    let answer = send(&app, request.body(Body::empty()).unwrap()).await;
    answer.assert(200, "415 POST /v1/json?a=b /v1/json false text/html de");
    get(&app, "/v1/number/x").await.assert(200, "400 GET /v1/number/x /v1/number/{n} false - -");
    get(&app, "/v2").await.assert(200, "404 GET /v2 - false - -");
    call(&app, Method::PUT, "/v1/json").await.assert(200, "405 PUT /v1/json /v1/json false - -");
}

#[tokio::test]
async fn a_mapping_holds_for_what_is_added_before_and_after_and_the_last_one_counts() {
    #[handler(GET, "/later/{n}")]
    async fn later(Path(n): Path<u8>) -> String {
        n.to_string()
    }
    let app: Router = app().map_rejection(in_a_word("first")).routes(routes![later]).map_rejection(in_a_word("last"));
    let app = app.fallback(async |Query(_): Query<[(String, u8); 1]>| ());
    for path in ["/number/x", "/later/x", "/nowhere?a=x"] {
        get(&app, path).await.assert(400, "last 400");
    }
}

#[tokio::test]
async fn the_mapping_of_a_nested_or_merged_router_is_its_own_and_one_without_takes_the_outer_one() {
    #[handler(GET, "/merged/{n}")]
    async fn merged(Path(n): Path<u8>) -> String {
        n.to_string()
    }
    let part = || app::<u16>();
    let app: Router = Router::new()
        .map_rejection(in_a_word("outer"))
        .nest("/own", part().map_rejection(in_a_word("own")))
        .nest("/none", part())
        .nest("/fallback", Router::new().fallback(async |_: Path<u8>| ()).map_rejection(in_a_word("fallback")))
        .merge(Router::new().routes(routes![merged]).map_rejection(in_a_word("merged")))
        .with_state(7);
    get(&app, "/own/number/x").await.assert(400, "own 400");
    get(&app, "/own/json").await.assert(405, "own 405");
    get(&app, "/none/number/x").await.assert(400, "outer 400");
    get(&app, "/none/json").await.assert(405, "outer 405");
    get(&app, "/fallback/x").await.assert(500, "fallback 500");
    get(&app, "/merged/x").await.assert(400, "merged 400");
    call(&app, Method::POST, "/merged/7").await.assert(405, "merged 405");
    get(&app, "/own/nowhere").await.assert(404, "outer 404");
    get(&app, "/nowhere").await.assert(404, "outer 404");
}

#[tokio::test]
async fn a_router_that_is_a_fallback_service_takes_the_outer_mapping_unless_it_has_one() {
    let outer = || Router::<()>::new().map_rejection(in_a_word("outer"));
    let app_ = outer().fallback_service(app::<()>());
    get(&app_, "/number/x").await.assert(400, "outer 400");
    get(&app_, "/nowhere").await.assert(404, "outer 404");
    let app_ = outer().fallback_service(app::<()>().map_rejection(in_a_word("inner")));
    get(&app_, "/number/x").await.assert(400, "inner 400");
    get(&app_, "/nowhere").await.assert(404, "inner 404");
}

#[tokio::test]
async fn layers_inside_and_outside_see_what_the_mapping_answered_and_the_refusal() {
    let seen = Arc::<Mutex<Vec<_>>>::default();
    let see = || {
        let seen = Arc::clone(&seen);
        MapResponseLayer::new(move |response: Response| {
            let refused = Refusal::of(response.extensions()).and_then(Refusal::reason::<PathError>).is_some();
            seen.lock().unwrap().push((response.status().as_u16(), refused));
            response
        })
    };
    let app: Router = app().layer(see()).map_rejection(|_, _| StatusCode::IM_A_TEAPOT).layer(see());
    get(&app, "/number/x").await.assert(418, "");
    get(&app, "/number/1").await.assert(200, "1");
    assert_eq!(*seen.lock().unwrap(), [(418, true), (418, true), (200, false), (200, false)]);
}

#[tokio::test]
async fn a_layer_compresses_what_the_mapping_answered() {
    let app: Router = app().layer(CompressionLayer::new()).map_rejection(|_, _| "long ".repeat(100));
    let request = Request::get("/number/x").header("accept-encoding", "gzip").body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
}

#[tokio::test]
async fn the_error_of_a_layer_is_a_refusal_too_and_mapped_by_the_router_of_the_layer() {
    let slow = |word| {
        let timeout = tower::timeout::TimeoutLayer::new(Duration::from_millis(5));
        app::<()>().layer(timeout).map_rejection(in_a_word(word))
    };
    get(&slow("mapped"), "/never").await.assert(504, "mapped 504");
    let request = Request::get("/never").body(Body::empty()).unwrap();
    let elapsed = refusal(&slow("mapped"), request).await.unwrap();
    assert!(elapsed.reason::<tower::timeout::error::Elapsed>().is_some());
    let nested: Router = Router::new().nest("/own", slow("own")).map_rejection(in_a_word("outer"));
    get(&nested, "/own/never").await.assert(504, "own 504");
    let outside: Router = Router::new()
        .nest("/own", app().map_rejection(in_a_word("own")))
        .map_rejection(in_a_word("outer"))
        .layer(tower::timeout::TimeoutLayer::new(Duration::from_millis(5)));
    get(&outside, "/own/never").await.assert(504, "outer 504");
}

#[tokio::test]
async fn a_mapped_405_keeps_its_allow_and_another_status_has_none() {
    let app_: Router = app().map_rejection(in_a_word("mapped"));
    assert_eq!(get(&app_, "/json").await.headers["allow"], "POST");
    let hidden: Router = app().map_rejection(|_, _| StatusCode::NOT_FOUND);
    let answer = get(&hidden, "/json").await;
    answer.assert(404, "");
    assert!(!answer.headers.contains_key("allow"));
    let own: Router = app().map_rejection(|refusal, _| (refusal.status(), [("allow", "NOTHING")]));
    assert_eq!(get(&own, "/json").await.headers["allow"], "NOTHING");
}

#[tokio::test]
async fn a_mapped_answer_to_head_has_no_body() {
    let app: Router = app().map_rejection(in_a_word("mapped"));
    let answer = call(&app, Method::HEAD, "/number/x").await;
    answer.assert(400, "");
    assert_eq!(answer.headers["content-length"], "10");
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
    assert_eq!(get(&app, "/").await.problem(401), "a key is needed");
    let app = app.map_rejection(|refusal, _| refusal.reason::<NoKey>().map(ToString::to_string).unwrap_or_default());
    get(&app, "/").await.assert(200, "a key is needed");
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
    get(&app, "/number/7").await.problem(503);
    let app = app.map_rejection(in_a_word("mapped"));
    get(&app, "/number/7").await.assert(503, "mapped 503");
}

#[tokio::test]
async fn the_matched_path_of_a_refusal_is_that_of_the_extractor() {
    let app: Router =
        app().routes(routes![shown]).map_rejection(|_, request| request.matched_path().unwrap_or_default().to_owned());
    #[handler(GET, "/shown/{n}")]
    async fn shown(
        matched: MatchedPath,
        n: Result<Path<u8>, Rejection<PathError>>,
    ) -> Result<String, Rejection<PathError>> {
        n.map(|_| matched.as_str().to_owned())
    }
    get(&app, "/shown/7").await.assert(200, "/shown/{n}");
    get(&app, "/shown/x").await.assert(200, "/shown/{n}");
}
