//! Extractors and responses of axum and axum-extra in our handlers.

use axum_extra::{
    TypedHeader,
    extract::cookie::{Cookie, CookieJar},
    headers::{Authorization, UserAgent, authorization::Bearer},
};
use http::{Request, StatusCode};
use serde::{Deserialize, Serialize};
use slotbus::{Body, Router, extract::DefaultBodyLimit, handler, response::IntoResponse, routes};

use slotbus::testing::TestResponse;

use super::{get, post, send};

#[derive(Debug, Deserialize, Serialize)]
struct Point {
    x: i32,
}

fn with_header(path: &str, name: &str, value: &str) -> Request<Body> {
    Request::get(path).header(name, value).body(Body::empty()).unwrap()
}

fn is_plain_text(answer: &TestResponse) -> bool {
    answer.headers()["content-type"].to_str().unwrap().starts_with("text/plain")
}

#[tokio::test]
async fn typed_headers_of_axum_extra_work_both_ways() {
    #[handler(GET, "/")]
    async fn who(
        TypedHeader(Authorization(token)): TypedHeader<Authorization<Bearer>>,
        agent: Option<TypedHeader<UserAgent>>,
    ) -> (TypedHeader<axum_extra::headers::CacheControl>, String) {
        let cache = axum_extra::headers::CacheControl::new().with_no_store();
        (TypedHeader(cache), format!("{} {}", token.token(), agent.is_some()))
    }
    let app: Router = Router::new().routes(routes![who]);
    let answer = send(&app, with_header("/", "authorization", "Bearer secret")).await;
    answer.assert_status(200).assert_text("secret false");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let refused = get(&app, "/").await;
    assert_eq!((refused.status(), is_plain_text(&refused)), (StatusCode::BAD_REQUEST, true), "{}", refused.text());
}

#[tokio::test]
async fn the_cookie_jar_of_axum_extra_works_both_ways() {
    #[handler(GET, "/")]
    async fn count(jar: CookieJar) -> (CookieJar, String) {
        let count = jar.get("count").map_or(0, |cookie| cookie.value().parse().unwrap_or(0));
        (jar.add(Cookie::new("count", (count + 1).to_string())), count.to_string())
    }
    let app: Router = Router::new().routes(routes![count]);
    let answer = send(&app, with_header("/", "cookie", "a=b; count=7")).await;
    answer.assert_status(200).assert_text("7");
    assert_eq!(answer.headers().get_all("set-cookie").iter().collect::<Vec<_>>(), ["count=8"]);
}

#[tokio::test]
async fn json_of_axum_works_both_ways_and_keeps_the_body_limit() {
    #[handler(POST, "/")]
    async fn mirror(axum::Json(Point { x }): axum::Json<Point>) -> axum::Json<Point> {
        axum::Json(Point { x: -x })
    }
    let app: Router = Router::new().routes(routes![mirror]);
    let answer = post(&app, "/", "application/json", r#"{"x":1}"#).await;
    answer.assert_status(200).assert_text(r#"{"x":-1}"#);
    assert_eq!(answer.headers()["content-type"], "application/json");
    let refused = post(&app, "/", "application/json", "[").await;
    assert_eq!((refused.status(), is_plain_text(&refused)), (StatusCode::BAD_REQUEST, true), "{}", refused.text());
    let limited = app.layer(DefaultBodyLimit::max(3));
    assert_eq!(post(&limited, "/", "application/json", r#"{"x":1}"#).await.status(), 413);
}

#[tokio::test]
async fn query_form_extension_and_state_of_axum_work() {
    #[handler(POST, "/")]
    async fn all(
        axum::extract::Query(query): axum::extract::Query<Point>,
        axum::Extension(extension): axum::Extension<u8>,
        axum::extract::State(state): axum::extract::State<char>,
        axum::extract::OriginalUri(uri): axum::extract::OriginalUri,
        axum::Form(form): axum::Form<Point>,
    ) -> String {
        format!("{} {} {extension} {state} {uri}", query.x, form.x)
    }
    let app: Router = Router::new().routes(routes![all]).layer(axum::Extension(7u8)).with_state('s');
    post(&app, "/?x=1", "application/x-www-form-urlencoded", "x=2")
        .await
        .assert_status(200)
        .assert_text("1 2 7 s /?x=1");
}

#[tokio::test]
async fn responses_of_axum_work() {
    #[handler(GET, "/html")]
    async fn html() -> axum::response::Html<&'static str> {
        axum::response::Html("<p>")
    }
    #[handler(GET, "/redirect")]
    async fn redirect() -> axum::response::Redirect {
        axum::response::Redirect::to("/html")
    }
    #[handler(GET, "/erased")]
    async fn erased() -> axum::response::Response {
        StatusCode::IM_A_TEAPOT.into_response()
    }
    let app: Router = Router::new().routes(routes![html, redirect, erased]);
    assert_eq!(get(&app, "/html").await.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(get(&app, "/redirect").await.headers()["location"], "/html");
    get(&app, "/erased").await.assert_status(418).assert_text("");
}

#[tokio::test]
async fn path_and_matched_path_of_axum_are_refused_500_in_our_router() {
    #[handler(GET, "/path/{id}")]
    async fn path(axum::extract::Path(id): axum::extract::Path<String>) -> String {
        id
    }
    #[handler(GET, "/matched/{id}")]
    async fn matched(path: axum::extract::MatchedPath) -> String {
        path.as_str().to_owned()
    }
    #[handler(GET, "/raw/{id}")]
    async fn raw(params: axum::extract::RawPathParams) -> String {
        format!("{params:?}")
    }
    #[handler(GET, "/optional/{id}")]
    async fn optional_path(path: Option<axum::extract::Path<String>>) -> String {
        format!("{path:?}")
    }
    #[handler(GET, "/options/{id}")]
    async fn optional_matched(matched: Option<axum::extract::MatchedPath>) -> String {
        format!("{matched:?}")
    }
    let app: Router = Router::new().routes(routes![path, matched, raw, optional_path, optional_matched]);
    for path in ["/path/7", "/matched/7", "/raw/7", "/optional/7"] {
        let refused = get(&app, path).await;
        assert_eq!((refused.status().as_u16(), is_plain_text(&refused)), (500, true), "{path}: {}", refused.text());
    }
    get(&app, "/options/7").await.assert_status(200).assert_text("None");
}
