//! What an operation is called and what is said about it.
// The attribute does not warn of a deprecated function by calling it.
#![deny(deprecated)]

use std::time::Duration;

use serde_json::{Value, json};
use slotbus::routing::Declaration;
use slotbus::{Path, Router, handler, routes};

use super::{document, operation, statuses};

/// The summary.
///
/// The first paragraph,
/// in two lines.
///
/// - The second.
#[handler(GET, "/documented")]
async fn documented() {}

#[handler(GET, "/bare")]
async fn bare() {}

#[deprecated = "there is a better one"]
#[handler(GET, "/old")]
async fn old() {}

#[handler(GET, "/slow", timeout = "1s")]
async fn slow() {}

mod users {
    #[slotbus::handler(GET, "/users")]
    pub(crate) async fn list() {}
}

mod notes {
    #[slotbus::handler(GET, "/notes")]
    pub(crate) async fn list() {}

    #[slotbus::handler(POST, "/notes")]
    pub(crate) async fn r#move() {}
}

#[handler(GET, "/files/{*rest}")]
async fn files(Path(_): Path<String>) {}

/// For the validator.
pub(crate) fn app() -> Router {
    Router::new().routes(routes![documented, bare, old, slow, users::list, notes::list, notes::r#move, files, by_hand])
}

#[test]
fn the_first_line_of_the_documentation_is_the_summary_and_the_rest_the_description() {
    let operation = operation(routes![documented]);
    assert_eq!(operation["summary"], "The summary.");
    assert_eq!(operation["description"], "The first paragraph,\nin two lines.\n\n- The second.");
}

#[test]
fn a_function_without_documentation_has_neither() {
    let operation = operation(routes![bare]);
    assert_eq!((&operation["summary"], &operation["description"]), (&Value::Null, &Value::Null));
    assert_eq!(operation["deprecated"], Value::Null);
}

#[test]
fn a_deprecated_function_is_a_deprecated_operation() {
    assert_eq!(operation(routes![old])["deprecated"], true);
}

#[test]
fn an_operation_is_called_by_its_function_and_by_its_module_too_where_that_is_not_unique() {
    let document = document(routes![users::list, notes::list, notes::r#move, bare]);
    let id = |path: &str, method: &str| document["paths"][path][method]["operationId"].clone();
    assert_eq!(id("/users", "get"), "operations_users_list");
    assert_eq!(id("/notes", "get"), "operations_notes_list");
    assert_eq!((id("/notes", "post"), id("/bare", "get")), (json!("move"), json!("bare")));
}

#[test]
fn every_operation_may_fail_and_one_with_a_time_out_may_be_late() {
    assert_eq!(statuses(&operation(routes![bare])), ["200", "500"]);
    assert_eq!(statuses(&operation(routes![slow])), ["200", "500", "504"]);
    let late = &operation(routes![slow])["responses"]["504"]["content"]["application/problem+json"]["schema"];
    assert_eq!(late, &json!({ "$ref": "#/components/schemas/Problem" }));
}

#[test]
fn the_methods_of_one_path_stand_together() {
    let document = document(routes![notes::list, notes::r#move]);
    let methods: Vec<_> = document["paths"]["/notes"].as_object().unwrap().keys().collect();
    assert_eq!(methods, ["get", "post"]);
}

#[test]
fn the_rest_of_a_path_is_a_parameter_that_says_so() {
    let document = document(routes![files]);
    let parameter = &document["paths"]["/files/{rest}"]["get"]["parameters"][0];
    assert_eq!(parameter["name"], "rest");
    assert_eq!(parameter["description"], "The rest of the path, with its slashes.");
}

#[test]
fn nested_and_merged_handlers_stand_under_their_prefixes_also_before_the_state_is_there() {
    let nested = Router::<u8>::new().routes(routes![bare]);
    let app = Router::<u8>::new().nest("/a/{b}", nested).merge(Router::new().routes(routes![old]));
    let before = app.openapi();
    let paths: Vec<_> = before.as_json()["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/a/{b}/bare", "/old"]);
    assert_eq!(app.with_state::<()>(7).openapi(), before);
}

/// A route that was written by hand.
#[allow(non_camel_case_types)]
struct by_hand;

impl slotbus::routing::Handler<(), ()> for by_hand {
    const DECLARATION: Declaration = Declaration::new(http::Method::GET, "/hand/{id}", "by_hand", (file!(), line!()))
        .timeout(Duration::from_secs(1));

    fn call(_: &mut slotbus::extract::Request, _: slotbus::routing::Shared<()>) -> slotbus::routing::ResponseFuture {
        slotbus::routing::ResponseFuture::ready(slotbus::response::IntoResponse::into_response(()))
    }
}

#[test]
fn a_route_without_types_is_in_the_document_with_its_path_alone() {
    let operation = operation(routes![by_hand]);
    assert_eq!(
        operation["parameters"],
        json!([{ "in": "path", "name": "id", "required": true, "schema": { "type": "string" } }])
    );
    assert_eq!(statuses(&operation), ["500", "504", "default"]);
}
