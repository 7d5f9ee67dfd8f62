//! How a router says in other words what it refuses.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Method, Request, StatusCode};
use slotbus::{
    Body, MatchedPath, Path, Query, Router,
    extract::{PathError, Rejection},
    handler,
    response::{IntoResponse as _, Refusal, Response},
    routes,
};
use tower::{ServiceExt as _, util::MapResponseLayer};
use tower_http::compression::CompressionLayer;

use super::{
    call, get,
    refusals::{app, in_a_word, limited, refusal, refused},
    send,
};

#[tokio::test]
async fn a_mapping_answers_every_refusal() {
    for (request, status) in refused() {
        let app = limited().map_rejection(in_a_word("mapped"));
        send(&app, request).await.assert_status(status).assert_text(format!("mapped {status}"));
    }
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
    answer.assert_status(200).assert_text("415 POST /v1/json?a=b /v1/json false text/html de");
    get(&app, "/v1/number/x").await.assert_status(200).assert_text("400 GET /v1/number/x /v1/number/{n} false - -");
    get(&app, "/v2").await.assert_status(200).assert_text("404 GET /v2 - false - -");
    call(&app, Method::PUT, "/v1/json").await.assert_status(200).assert_text("405 PUT /v1/json /v1/json false - -");
}

#[tokio::test]
async fn a_mapping_may_hide_a_detail_or_leave_the_problem_as_it_is() {
    let app: Router = app().map_rejection(|refusal, _| match refusal.reason::<PathError>() {
        Some(_) => refusal.problem().clone().detail("this number is none").into_response(),
        None => refusal.clone().into_response(),
    });
    assert_eq!(get(&app, "/number/x").await.assert_problem(400), "this number is none");
    assert_eq!(get(&app, "/nowhere").await.assert_problem(404), "no handler is declared for this path");
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
        get(&app, path).await.assert_status(400).assert_text("last 400");
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
    get(&app, "/own/number/x").await.assert_status(400).assert_text("own 400");
    get(&app, "/own/json").await.assert_status(405).assert_text("own 405");
    get(&app, "/none/number/x").await.assert_status(400).assert_text("outer 400");
    get(&app, "/none/json").await.assert_status(405).assert_text("outer 405");
    get(&app, "/fallback/x").await.assert_status(500).assert_text("fallback 500");
    get(&app, "/merged/x").await.assert_status(400).assert_text("merged 400");
    call(&app, Method::POST, "/merged/7").await.assert_status(405).assert_text("merged 405");
    get(&app, "/own/nowhere").await.assert_status(404).assert_text("outer 404");
    get(&app, "/nowhere").await.assert_status(404).assert_text("outer 404");
}

#[tokio::test]
async fn a_router_that_is_a_fallback_service_takes_the_outer_mapping_unless_it_has_one() {
    let outer = || Router::<()>::new().map_rejection(in_a_word("outer"));
    let app_ = outer().fallback_service(app::<()>());
    get(&app_, "/number/x").await.assert_status(400).assert_text("outer 400");
    get(&app_, "/nowhere").await.assert_status(404).assert_text("outer 404");
    let app_ = outer().fallback_service(app::<()>().map_rejection(in_a_word("inner")));
    get(&app_, "/number/x").await.assert_status(400).assert_text("inner 400");
    get(&app_, "/nowhere").await.assert_status(404).assert_text("inner 404");
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
    get(&app, "/number/x").await.assert_status(418).assert_text("");
    get(&app, "/number/1").await.assert_status(200).assert_text("1");
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
    get(&slow("mapped"), "/never").await.assert_status(504).assert_text("mapped 504");
    let request = Request::get("/never").body(Body::empty()).unwrap();
    let elapsed = refusal(&slow("mapped"), request).await.unwrap();
    assert!(elapsed.reason::<tower::timeout::error::Elapsed>().is_some());
    let nested: Router = Router::new().nest("/own", slow("own")).map_rejection(in_a_word("outer"));
    get(&nested, "/own/never").await.assert_status(504).assert_text("own 504");
    let outside: Router = Router::new()
        .nest("/own", app().map_rejection(in_a_word("own")))
        .map_rejection(in_a_word("outer"))
        .layer(tower::timeout::TimeoutLayer::new(Duration::from_millis(5)));
    get(&outside, "/own/never").await.assert_status(504).assert_text("outer 504");
}

#[tokio::test]
async fn a_mapped_405_keeps_its_allow_and_another_status_has_none() {
    let app_: Router = app().map_rejection(in_a_word("mapped"));
    assert_eq!(get(&app_, "/json").await.headers()["allow"], "POST");
    let hidden: Router = app().map_rejection(|_, _| StatusCode::NOT_FOUND);
    let answer = get(&hidden, "/json").await;
    answer.assert_status(404).assert_text("");
    assert!(!answer.headers().contains_key("allow"));
    let own: Router = app().map_rejection(|refusal, _| (refusal.status(), [("allow", "NOTHING")]));
    assert_eq!(get(&own, "/json").await.headers()["allow"], "NOTHING");
}

#[tokio::test]
async fn a_mapped_answer_to_head_has_no_body() {
    let app: Router = app().map_rejection(in_a_word("mapped"));
    let answer = call(&app, Method::HEAD, "/number/x").await;
    answer.assert_status(400).assert_text("");
    assert_eq!(answer.headers()["content-length"], "10");
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
    get(&app, "/shown/7").await.assert_status(200).assert_text("/shown/{n}");
    get(&app, "/shown/x").await.assert_status(200).assert_text("/shown/{n}");
}
