//! Types that implement nothing for a document: their handlers compile, answer, and are described as far as they are known.

use http::request::Parts;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use slotbus::extract::FromRequestParts;
use slotbus::testing::TestClient;
use slotbus::{Json, Path, Query, Router, handler, routes};

use super::{operation, statuses};

/// Has no schema, and the name of something the attribute's code needs.
#[derive(Serialize, Deserialize)]
struct Probe {
    name: String,
}

struct Caller;

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self)
    }
}

type Alias = Json<Vec<Probe>>;

#[handler(POST, "/things/{name}")]
async fn answer(
    Path(path): Path<Probe>,
    query: Option<Query<Probe>>,
    _: Caller,
    body: Json<Probe>,
) -> Result<Alias, Failure> {
    let query = query.map(|Query(query)| query);
    Ok(Json([Some(path), query, Some(body.0)].into_iter().flatten().collect()))
}

struct Failure;

impl slotbus::response::IntoResponse for Failure {
    fn into_response(self) -> slotbus::response::Response {
        ().into_response()
    }
}

#[handler(POST, "/foreign")]
async fn foreign(axum::Json(probe): axum::Json<Probe>) -> axum::Json<Probe> {
    axum::Json(probe)
}

#[tokio::test]
async fn a_handler_of_types_without_schemas_answers_as_ever() {
    let client = TestClient::new(Router::new().routes(routes![answer, foreign]));
    let answer = client.post_json("/things/a", &json!({ "name": "b" })).await;
    answer.assert_status(200).assert_json(&json!([{ "name": "a" }, { "name": "b" }]));
    client.post_json("/foreign", &json!({ "name": "b" })).await.assert_json(&json!({ "name": "b" }));
}

#[test]
fn a_type_without_a_schema_is_described_by_its_place_alone() {
    let operation = operation(routes![answer]);
    let path = json!({ "in": "path", "name": "name", "required": true, "schema": { "type": "string" } });
    assert_eq!(operation["parameters"], json!([path]));
    assert_eq!(operation["requestBody"], json!({ "required": true, "content": { "application/json": {} } }));
    assert_eq!(operation["responses"]["200"]["content"], json!({ "application/json": {} }));
    assert_eq!(statuses(&operation), ["200", "400", "413", "415", "422", "500", "default"]);
}

#[test]
fn extractors_and_answers_from_elsewhere_are_not_described() {
    let operation = operation(routes![foreign]);
    assert_eq!((&operation["parameters"], &operation["requestBody"]), (&Value::Null, &Value::Null));
    assert_eq!(statuses(&operation), ["500", "default"]);
}

#[test]
fn types_inside_a_function_are_described_too() {
    #[derive(Serialize, slotbus::schemars::JsonSchema)]
    #[schemars(crate = "slotbus::schemars")]
    struct Inner {
        deep: bool,
    }

    #[handler(GET, "/inner")]
    fn inner() -> Json<Inner> {
        Json(Inner { deep: true })
    }

    let schema = &operation(routes![inner])["responses"]["200"]["content"]["application/json"]["schema"];
    assert_eq!(schema, &json!({ "$ref": "#/components/schemas/Inner" }));
}
