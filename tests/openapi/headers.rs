//! Typed headers.

use serde_json::{Value, json};
use slotbus::headers::{
    Authorization, ContentType, IfModifiedSince, Range, authorization::Basic, authorization::Bearer,
};
use slotbus::{Header, Router, handler, routes};

use super::{operation, statuses};

#[handler(GET, "/")]
async fn typed(_: Header<IfModifiedSince>, _: Option<Header<Range>>, _: Header<ContentType>) {}

#[handler(GET, "/bearer")]
async fn bearer(_: Header<Authorization<Bearer>>) {}

#[handler(GET, "/basic")]
async fn basic(_: Option<Header<Authorization<Basic>>>) {}

/// For the validator.
pub(crate) fn app() -> Router {
    Router::new().routes(routes![typed, bearer, basic])
}

#[test]
fn a_typed_header_is_a_parameter_unless_a_document_says_it_elsewhere() {
    let operation = operation(routes![typed]);
    let schema = json!({ "type": "string" });
    let expected = json!([
        { "in": "header", "name": "if-modified-since", "required": true, "schema": schema },
        { "in": "header", "name": "range", "schema": schema },
    ]);
    assert_eq!(operation["parameters"], expected);
    assert_eq!(statuses(&operation), ["200", "400", "500"]);
}

#[test]
fn credentials_are_a_scheme_of_security() {
    let document = Router::<()>::new().routes(routes![bearer, basic]).openapi();
    let document = document.as_json();
    let scheme = |name: &str| json!({ "type": "http", "scheme": name });
    let expected = json!({ "basic": scheme("basic"), "bearer": scheme("bearer") });
    assert_eq!(document["components"]["securitySchemes"], expected);
    let of = |path: &str, key: &str| document["paths"][path]["get"][key].clone();
    assert_eq!((of("/bearer", "security"), of("/bearer", "parameters")), (json!([{ "bearer": [] }]), Value::Null));
    assert_eq!(of("/basic", "security"), json!([{ "basic": [] }, {}]));
}
