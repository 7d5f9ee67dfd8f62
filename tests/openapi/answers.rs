//! What a result is answered with.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};
use slotbus::extract::JsonRejection;
use slotbus::response::{Html, IntoResponse, NoContent, Problem, Response};
use slotbus::schemars::{self, JsonSchema};
use slotbus::{Json, handler, routes, routing::Routes};

use super::operation;

#[derive(Serialize, JsonSchema)]
struct Thing {
    name: String,
}

fn thing() -> Json<Thing> {
    Json(Thing { name: String::new() })
}

struct Failure;

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        StatusCode::IM_A_TEAPOT.into_response()
    }
}

/// The responses but 500, which every operation has.
fn responses(routes: Routes<()>) -> Value {
    let mut responses = operation(routes)["responses"].clone();
    responses.as_object_mut().unwrap().remove("500").unwrap();
    responses
}

fn described(description: &str, media: &str, schema: Value) -> Value {
    json!({ "description": description, "content": { media: { "schema": schema } } })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

#[test]
fn json_is_an_answer_of_its_type() {
    #[handler(GET, "/")]
    async fn plain() -> Json<Thing> {
        thing()
    }
    assert_eq!(responses(routes![plain]), json!({ "200": described("OK", "application/json", reference("Thing")) }));
}

#[test]
fn text_and_html_are_strings_of_their_content_types() {
    #[handler(GET, "/")]
    async fn owned() -> String {
        String::new()
    }
    #[handler(GET, "/")]
    async fn fixed() -> &'static str {
        ""
    }
    #[handler(GET, "/")]
    async fn html() -> Html<String> {
        Html(String::new())
    }
    let string = json!({ "type": "string" });
    assert_eq!(responses(routes![owned]), json!({ "200": described("OK", "text/plain", string.clone()) }));
    assert_eq!(responses(routes![fixed]), json!({ "200": described("OK", "text/plain", string.clone()) }));
    assert_eq!(responses(routes![html]), json!({ "200": described("OK", "text/html", string) }));
}

#[test]
fn bytes_have_a_content_type_and_no_schema() {
    #[handler(GET, "/")]
    async fn bytes() -> Bytes {
        Bytes::new()
    }
    let content = json!({ "application/octet-stream": {} });
    assert_eq!(responses(routes![bytes]), json!({ "200": { "description": "OK", "content": content } }));
}

#[test]
fn answers_without_a_body_have_no_content() {
    #[handler(GET, "/")]
    async fn unit() {}
    #[handler(GET, "/")]
    async fn no_content() -> NoContent {
        NoContent
    }
    #[handler(GET, "/")]
    async fn status() -> StatusCode {
        StatusCode::OK
    }
    assert_eq!(responses(routes![unit]), json!({ "200": { "description": "OK" } }));
    assert_eq!(responses(routes![no_content]), json!({ "204": { "description": "No Content" } }));
    assert_eq!(responses(routes![status]), json!({ "default": { "description": "Any other answer" } }));
}

#[test]
fn a_status_before_the_body_leaves_it_open_and_in_a_result_it_means_success() {
    #[handler(GET, "/")]
    async fn chosen() -> (StatusCode, Json<Thing>) {
        (StatusCode::CREATED, thing())
    }
    #[handler(GET, "/")]
    async fn fallible() -> Result<(StatusCode, Json<Thing>), Infallible> {
        Ok((StatusCode::CREATED, thing()))
    }
    let json = "application/json";
    assert_eq!(
        responses(routes![chosen]),
        json!({ "default": described("Any other answer", json, reference("Thing")) })
    );
    assert_eq!(responses(routes![fallible]), json!({ "2XX": described("Success", json, reference("Thing")) }));
}

#[test]
fn headers_before_the_body_may_change_the_content_type_of_text_and_not_that_of_json() {
    #[handler(GET, "/")]
    async fn json_with() -> ([(HeaderName, &'static str); 1], Json<Thing>) {
        ([(header::CACHE_CONTROL, "no-store")], thing())
    }
    #[handler(GET, "/")]
    async fn text_with() -> (StatusCode, HeaderMap, String) {
        (StatusCode::OK, HeaderMap::new(), String::new())
    }
    #[handler(GET, "/")]
    async fn text_without() -> (StatusCode, String) {
        (StatusCode::OK, String::new())
    }
    let string = json!({ "type": "string" });
    assert_eq!(
        responses(routes![json_with]),
        json!({ "200": described("OK", "application/json", reference("Thing")) })
    );
    assert_eq!(
        responses(routes![text_with]),
        json!({ "default": described("Any other answer", "*/*", string.clone()) })
    );
    assert_eq!(
        responses(routes![text_without]),
        json!({ "default": described("Any other answer", "text/plain", string) })
    );
}

#[test]
fn a_result_is_described_by_both_halves() {
    #[handler(GET, "/")]
    async fn unknown() -> Result<Json<Thing>, Failure> {
        Err(Failure)
    }
    #[handler(GET, "/")]
    async fn problem() -> Result<NoContent, Problem> {
        Ok(NoContent)
    }
    #[handler(POST, "/")]
    async fn rejection(thing: Result<Json<u8>, JsonRejection>) -> Result<NoContent, JsonRejection> {
        thing.map(|_| NoContent)
    }
    #[handler(GET, "/")]
    async fn standard() -> slotbus::response::Result<Json<Thing>> {
        Err(Failure)?
    }
    let (ok, other) =
        (described("OK", "application/json", reference("Thing")), json!({ "description": "Any other answer" }));
    assert_eq!(responses(routes![unknown]), json!({ "200": ok, "default": other }));
    assert_eq!(responses(routes![standard]), json!({ "200": ok, "default": other }));
    let problems = described("Any other answer", "application/problem+json", reference("Problem"));
    let expected = json!({ "204": { "description": "No Content" }, "default": problems });
    assert_eq!(responses(routes![problem]), expected);
    assert_eq!(responses(routes![rejection]), expected);
}

#[test]
fn two_answers_of_one_status_are_either_of_them() {
    #[handler(GET, "/")]
    async fn either() -> Result<Json<u8>, Json<Thing>> {
        Err(thing())
    }
    let number = json!({ "type": "integer", "format": "uint8", "minimum": 0, "maximum": 255 });
    let schema = json!({ "anyOf": [number, reference("Thing")] });
    assert_eq!(responses(routes![either]), json!({ "200": described("OK", "application/json", schema) }));
}

#[test]
fn an_answer_that_is_not_known_is_any_answer_without_a_schema() {
    #[handler(GET, "/")]
    async fn anonymous() -> impl IntoResponse {
        "text"
    }
    #[handler(GET, "/")]
    async fn nested() -> Result<impl IntoResponse, Failure> {
        Ok::<_, Failure>("text")
    }
    #[handler(GET, "/")]
    async fn whole() -> Response {
        "text".into_response()
    }
    #[handler(GET, "/")]
    async fn fallible() -> Result<Response, Infallible> {
        Ok("text".into_response())
    }
    #[handler(GET, "/")]
    async fn somewhere_else() -> Result<axum::response::Redirect, Failure> {
        Ok(axum::response::Redirect::to("/"))
    }
    for routes in [routes![anonymous], routes![nested], routes![whole], routes![fallible], routes![somewhere_else]] {
        assert_eq!(responses(routes), json!({ "default": { "description": "Any other answer" } }));
    }
}
