//! What handlers can ask for.

use std::collections::HashMap;

use http::{Method, Request};
use serde::{Deserialize, Serialize};
use slotbus::{
    Body, Form, Json, Path, Query, RequestId, Router,
    extract::{DefaultBodyLimit, JsonError, JsonRejection, PathError, PathRejection},
    handler, routes,
};
use uuid::Uuid;

use super::{get, post, send};

/// A router with one route that shows what the path became.
macro_rules! path_app {
    ($pattern:literal, $ty:ty) => {{
        #[handler(GET, $pattern)]
        async fn show(Path(value): Path<$ty>) -> String {
            format!("{value:?}")
        }
        let app: Router = Router::new().routes(routes![show]);
        app
    }};
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "read through Debug")]
struct Named {
    id: u32,
    name: String,
    absent: Option<u8>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "read through Debug")]
struct Wrapped(i64);

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "read through Debug")]
struct Two(String, f64);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
    Blue,
}

#[tokio::test]
async fn a_single_parameter_becomes_a_value() {
    get(&path_app!("/{x}", u8), "/255").await.assert_status(200).assert_text("255");
    get(&path_app!("/{x}", i128), "/-1").await.assert_status(200).assert_text("-1");
    get(&path_app!("/{x}", bool), "/true").await.assert_status(200).assert_text("true");
    get(&path_app!("/{x}", char), "/%C3%A4").await.assert_status(200).assert_text("'ä'");
    get(&path_app!("/{x}", String), "/a%2Fb%20c").await.assert_status(200).assert_text("\"a/b c\"");
    get(&path_app!("/{x}", Wrapped), "/-7").await.assert_status(200).assert_text("Wrapped(-7)");
    get(&path_app!("/{x}", Option<u8>), "/7").await.assert_status(200).assert_text("Some(7)");
    get(&path_app!("/{x}", (u8,)), "/7").await.assert_status(200).assert_text("(7,)");
    get(&path_app!("/{x}", Colour), "/blue").await.assert_status(200).assert_text("Blue");
    let id = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    get(&path_app!("/{x}", Uuid), &format!("/{id}")).await.assert_status(200).assert_text(id);
}

#[tokio::test]
async fn several_parameters_become_tuples_structs_and_maps() {
    get(&path_app!("/{id}/{name}", (u32, String)), "/1/b").await.assert_status(200).assert_text("(1, \"b\")");
    get(&path_app!("/{id}/{name}", Two), "/a/1.5").await.assert_status(200).assert_text("Two(\"a\", 1.5)");
    get(&path_app!("/{name}/{id}", Named), "/b%2B/1")
        .await
        .assert_status(200)
        .assert_text("Named { id: 1, name: \"b+\", absent: None }");
    get(&path_app!("/{id}/{name}/{absent}", Named), "/1/b/9")
        .await
        .assert_status(200)
        .assert_text("Named { id: 1, name: \"b\", absent: Some(9) }");
    get(&path_app!("/{b}/{a}", Vec<(String, String)>), "/1/2")
        .await
        .assert_status(200)
        .assert_text(r#"[("b", "1"), ("a", "2")]"#);
    get(&path_app!("/{b}/{a}", Vec<u8>), "/1/2").await.assert_status(200).assert_text("[1, 2]");
    get(&path_app!("/{a}/img-{b}.png", (u8, u8)), "/1/img-2.png").await.assert_status(200).assert_text("(1, 2)");
    let app = path_app!("/{a}/{b}", HashMap<String, u8>);
    assert!(get(&app, "/1/2").await.text().contains("\"b\": 2"));
    get(&path_app!("/x", ()), "/x").await.assert_status(200).assert_text("()");
}

#[tokio::test]
async fn a_value_of_the_wrong_kind_is_answered_400_with_its_name_and_value() {
    let said = get(&path_app!("/{id}", u8), "/256").await.assert_problem(400);
    assert_eq!(said, "path parameter `id`: `256`: expected a number of type u8");
    let said = get(&path_app!("/{id}/{name}", Named), "/x%20y/b").await.assert_problem(400);
    assert_eq!(said, "path parameter `id`: `x y`: expected a number of type u32");
    let said = get(&path_app!("/{c}", Colour), "/green").await.assert_problem(400);
    assert!(said.starts_with("path parameter `c`: `green`: unknown variant"), "{said}");
    let said = get(&path_app!("/{id}", Uuid), "/7").await.assert_problem(400);
    assert!(said.starts_with("path parameter `id`: `7`: "), "{said}");
}

#[tokio::test]
async fn a_broken_encoding_is_answered_400() {
    for path in ["/%ff", "/%", "/%4", "/a%zz"] {
        let said = get(&path_app!("/{id}", String), path).await.assert_problem(400);
        assert!(said.contains("`id`") && said.contains(&path[1..]), "{said}");
    }
}

#[tokio::test]
async fn a_type_that_does_not_fit_the_pattern_is_answered_500() {
    get(&path_app!("/{a}/{b}", u8), "/1/2").await.assert_problem(500);
    get(&path_app!("/{a}", (u8, u8)), "/1").await.assert_problem(500);
    get(&path_app!("/{a}", Named), "/1").await.assert_problem(500);
    get(&path_app!("/{a}/{b}", (u8, Named)), "/1/2").await.assert_problem(500);
    // Its name is no element of a list that is to be the parameter.
    get(&path_app!("/{a}/{b}", HashMap<String, Vec<String>>), "/1/2").await.assert_problem(500);
    get(&path_app!("/{a}/{b}", HashMap<String, (String, String)>), "/1/2").await.assert_problem(500);
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "read through Debug")]
    struct Only {
        id: u8,
    }
    get(&path_app!("/{id}", Only), "/1").await.assert_status(200);
    get(&path_app!("/{tenant}/{id}", Only), "/a/1").await.assert_problem(500);
}

#[tokio::test]
async fn a_type_that_asks_what_there_is_sees_a_string() {
    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "read through Debug")]
    enum IdOrSlug {
        Id(Uuid),
        Slug(String),
    }
    get(&path_app!("/{post}", IdOrSlug), "/hello%20you").await.assert_status(200).assert_text("Slug(\"hello you\")");
    let app = path_app!("/{a}/{b}", (IdOrSlug, IdOrSlug));
    get(&app, "/67e55044-10b1-426f-9247-bb680e5fe0c8/b")
        .await
        .assert_status(200)
        .assert_text("(Id(67e55044-10b1-426f-9247-bb680e5fe0c8), Slug(\"b\"))");
}

#[tokio::test]
async fn a_rejection_can_be_taken_as_a_result() {
    #[handler(GET, "/{id}")]
    async fn show(id: Result<Path<u8>, PathRejection>) -> String {
        match id.map_err(PathRejection::into_reason) {
            Ok(Path(id)) => id.to_string(),
            Err(PathError::Value { name, value, .. }) => format!("{name}={value}"),
            Err(other) => other.to_string(),
        }
    }
    let app: Router = Router::new().routes(routes![show]);
    get(&app, "/x").await.assert_status(200).assert_text("id=x");
    get(&app, "/7").await.assert_status(200).assert_text("7");
}

#[tokio::test]
async fn what_may_be_absent_can_be_asked_for_as_an_option() {
    async fn show(
        path: Option<Path<String>>,
        query: Option<Query<Vec<(String, String)>>>,
        id: Option<RequestId>,
    ) -> String {
        format!("{} {} {}", path.is_some(), query.is_some(), id.is_some())
    }
    let app: Router = Router::new().fallback(show);
    get(&app, "/x?a=b").await.assert_status(200).assert_text("false true false");
    get(&app, "/x").await.assert_status(200).assert_text("false false false");
}

#[tokio::test]
async fn a_request_without_a_bus_has_no_id() {
    let app: Router = Router::new().fallback(async |id: RequestId| id.to_string());
    get(&app, "/").await.assert_problem(500);
}

#[tokio::test]
async fn a_query_fills_a_struct_and_repeated_keys_a_vec() {
    #[derive(Deserialize)]
    struct Page {
        after: Option<u32>,
        #[serde(default)]
        tag: Vec<String>,
    }
    #[handler(GET, "/")]
    async fn items(Query(page): Query<Page>) -> String {
        format!("{:?} {}", page.after, page.tag.join("|"))
    }
    let app: Router = Router::new().routes(routes![items]);
    get(&app, "/?tag=a+b&after=7&tag=%26").await.assert_status(200).assert_text("Some(7) a b|&");
    get(&app, "/").await.assert_status(200).assert_text("None ");
    let said = get(&app, "/?after=x").await.assert_problem(400);
    assert!(said.starts_with("the query string"), "{said}");
}

#[derive(Debug, Deserialize, Serialize)]
struct Point {
    x: i32,
}

fn json_app() -> Router {
    #[handler(POST, "/")]
    async fn mirror(Json(Point { x }): Json<Point>) -> Json<Point> {
        Json(Point { x: -x })
    }
    #[handler(POST, "/perhaps")]
    async fn perhaps(point: Option<Json<Point>>) -> String {
        format!("{point:?}")
    }
    #[handler(POST, "/all")]
    async fn all(Json(points): Json<HashMap<String, Vec<Point>>>) -> String {
        points.len().to_string()
    }
    Router::new().routes(routes![mirror, perhaps, all])
}

#[tokio::test]
async fn json_goes_in_and_out() {
    let app = json_app();
    for content_type in ["application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json"] {
        let answer = post(&app, "/", content_type, r#"{"x": 1}"#).await;
        answer.assert_status(200).assert_text(r#"{"x":-1}"#);
        assert_eq!(answer.headers()["content-type"], "application/json");
    }
}

#[tokio::test]
async fn json_of_another_content_type_is_415_broken_400_unfit_422_and_too_long_413() {
    let app = json_app();
    for content_type in ["text/json", "text/plain", "application/jsonp", "json", "application/"] {
        post(&app, "/", content_type, r#"{"x": 1}"#).await.assert_problem(415);
    }
    send(&app, Request::post("/").body(Body::from("{}")).unwrap()).await.assert_problem(415);
    post(&app, "/", "application/json", r#"{"x": 1"#).await.assert_problem(400);
    post(&app, "/", "application/json", r#"{"x": 1} x"#).await.assert_problem(400);
    let said = post(&app, "/", "application/json", r#"{"y": 1}"#).await.assert_problem(422);
    assert!(said.contains("missing field `x`"), "{said}");
    let said = post(&app, "/all", "application/json", r#"{"a": [{"x": 1}, {"x": "one"}]}"#).await.assert_problem(422);
    assert!(said.contains("`a[1].x`: invalid type: string \"one\", expected") && said.contains("line 1"), "{said}");
    let limited = app.layer(DefaultBodyLimit::max(4));
    post(&limited, "/", "application/json", r#"{"x": 1}"#).await.assert_problem(413);
}

#[tokio::test]
async fn json_is_optional_where_there_is_no_content_type() {
    let app = json_app();
    send(&app, Request::post("/perhaps").body(Body::empty()).unwrap()).await.assert_status(200).assert_text("None");
    post(&app, "/perhaps", "application/json", r#"{"x":1}"#)
        .await
        .assert_status(200)
        .assert_text("Some(Json(Point { x: 1 }))");
    post(&app, "/perhaps", "text/plain", "").await.assert_problem(415);
}

#[tokio::test]
async fn a_json_rejection_tells_its_reason() {
    #[handler(POST, "/")]
    async fn reason(json: Result<Json<Point>, JsonRejection>) -> String {
        match json {
            Err(rejection) if matches!(rejection.reason(), JsonError::Data(_)) => rejection.status().to_string(),
            other => format!("{other:?}"),
        }
    }
    let app: Router = Router::new().routes(routes![reason]);
    post(&app, "/", "application/json", "[]").await.assert_status(200).assert_text("422 Unprocessable Entity");
}

#[tokio::test]
async fn json_that_cannot_be_serialised_is_answered_500() {
    let app: Router = Router::new().fallback(async || Json(HashMap::from([((1, 2), 3)])));
    get(&app, "/").await.assert_problem(500);
}

#[tokio::test]
async fn a_form_comes_from_the_body_or_from_the_query_of_a_get() {
    async fn login(Form(point): Form<Point>) -> String {
        point.x.to_string()
    }
    let app: Router = Router::new().fallback(login);
    get(&app, "/?x=1").await.assert_status(200).assert_text("1");
    get(&app, "/?y=1").await.assert_problem(400);
    post(&app, "/", "application/x-www-form-urlencoded", "x=2").await.assert_status(200).assert_text("2");
    post(&app, "/", "application/x-www-form-urlencoded", "x=a").await.assert_problem(422);
    post(&app, "/", "application/json", "x=2").await.assert_problem(415);
}

#[tokio::test]
async fn extractors_of_axum_core_and_of_axum_work() {
    async fn all(
        method: Method,
        headers: http::HeaderMap,
        axum::extract::Query(q): axum::extract::Query<Point>,
        body: bytes::Bytes,
    ) -> String {
        format!("{method} {} {} {}", headers.len(), q.x, body.len())
    }
    let app: Router = Router::new().fallback(all);
    post(&app, "/?x=4", "text/plain", "abc").await.assert_status(200).assert_text("POST 1 4 3");
}

#[tokio::test]
async fn a_missing_extension_is_answered_500_and_not_told() {
    let app: Router = Router::new().fallback(async |slotbus::Extension(x): slotbus::Extension<u8>| x.to_string());
    let said = get(&app, "/").await.assert_problem(500);
    assert!(!said.contains("u8"), "{said}");
    let mut request = Request::get("/").body(Body::empty()).unwrap();
    request.extensions_mut().insert(7u8);
    send(&app, request).await.assert_status(200).assert_text("7");
}
