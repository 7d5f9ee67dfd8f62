//! Bodies of requests.

use ::bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use slotbus::extract::{RawBody, Request};
use slotbus::schemars::{self, JsonSchema};
use slotbus::{Body, Extension, Form, Json, MatchedPath, RequestId, Router, State, TraceContext, handler, routes};

use super::{operation, statuses};

#[derive(Clone, Deserialize, JsonSchema)]
struct Thing {
    name: String,
}

#[handler(POST, "/")]
async fn json(Json(thing): Json<Thing>) {
    drop(thing.name);
}

#[handler(POST, "/")]
async fn optional_json(thing: Option<Json<Thing>>) {
    drop(thing);
}

#[handler(POST, "/")]
async fn form(_: Form<Thing>) {}

#[handler(GET, "/")]
async fn query_form(_: Form<Thing>) {}

#[handler(POST, "/")]
async fn text(_: String) {}

#[handler(POST, "/")]
async fn bytes(_: Bytes) {}

#[handler(POST, "/")]
async fn body(_: Body) {}

#[handler(POST, "/")]
async fn raw(_: RawBody) {}

#[handler(GET, "/")]
async fn body_of_get(_: Body) {}

#[handler(POST, "/")]
async fn hidden(
    _: State<()>,
    _: Extension<Thing>,
    _: RequestId,
    _: MatchedPath,
    _: http::HeaderMap,
    _: http::Method,
    _: Request,
) {
}

#[handler(GET, "/")]
async fn traced(_: TraceContext) {}

/// For the validator.
pub(crate) fn app() -> Router {
    super::each([
        routes![json],
        routes![optional_json],
        routes![form],
        routes![query_form],
        routes![text],
        routes![bytes],
        routes![body_of_get],
        routes![hidden],
    ])
}

#[test]
fn json_is_a_required_body_of_its_type() {
    let operation = operation(routes![json]);
    let schema = json!({ "$ref": "#/components/schemas/Thing" });
    assert_eq!(
        operation["requestBody"],
        json!({ "required": true, "content": { "application/json": { "schema": schema } } })
    );
    assert_eq!(statuses(&operation), ["200", "400", "413", "415", "422", "500"]);
}

#[test]
fn a_body_that_is_optional_is_not_required_and_refused_all_the_same_if_it_is_wrong() {
    let operation = operation(routes![optional_json]);
    assert_eq!(operation["requestBody"]["required"], Value::Null);
    assert_eq!(operation["requestBody"]["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/Thing");
    assert_eq!(statuses(&operation), ["200", "400", "413", "415", "422", "500"]);
}

#[test]
fn a_form_is_a_body_and_for_get_a_query() {
    let body = &operation(routes![form])["requestBody"];
    assert_eq!(body["content"]["application/x-www-form-urlencoded"]["schema"]["$ref"], "#/components/schemas/Thing");
    assert_eq!(body["required"], true);
    let operation = operation(routes![query_form]);
    assert_eq!(operation["requestBody"], Value::Null);
    assert_eq!(operation["parameters"][0]["name"], "name");
    assert_eq!(statuses(&operation), ["200", "400", "500"]);
}

#[test]
fn text_and_bytes_are_bodies_that_may_be_empty() {
    let text = operation(routes![text]);
    assert_eq!(text["requestBody"], json!({ "content": { "text/plain": { "schema": { "type": "string" } } } }));
    assert_eq!(statuses(&text), ["200", "400", "413", "500"]);
    for (routes, refused) in [(routes![bytes], true), (routes![body], false), (routes![raw], false)] {
        let operation = operation(routes);
        assert_eq!(operation["requestBody"], json!({ "content": { "*/*": {} } }));
        assert_eq!(statuses(&operation).contains(&"413"), refused);
    }
}

#[test]
fn a_get_has_no_body_of_bytes() {
    assert_eq!(operation(routes![body_of_get])["requestBody"], Value::Null);
}

#[test]
fn what_a_caller_does_not_send_is_not_described() {
    let operation = operation(routes![hidden]);
    assert_eq!((&operation["parameters"], &operation["requestBody"]), (&Value::Null, &Value::Null));
    assert_eq!(statuses(&operation), ["200", "500"]);
    assert_eq!(statuses(&super::operation(routes![traced])), ["200", "400", "500"]);
}
