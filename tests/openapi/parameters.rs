//! Paths and queries.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};
use slotbus::extract::{PathRejection, QueryRejection};
use slotbus::schemars::{self, JsonSchema};
use slotbus::{Path, Query, Router, handler, routes, routing::Routes};

use super::{operation, statuses};

/// Place, name, whether it is required, and its type or reference.
fn parameters(operation: &Value) -> Vec<(String, String, bool, Value)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = operation["parameters"].as_array().into_iter().flatten();
    list.map(|parameter| {
        let schema = &parameter["schema"];
        let kind = if schema["$ref"].is_null() { &schema["type"] } else { &schema["$ref"] };
        (text(&parameter["in"]), text(&parameter["name"]), parameter["required"] == true, kind.clone())
    })
    .collect()
}

fn assert_parameters(routes: Routes<()>, expected: &[(&str, &str, bool, &str)]) {
    let found = parameters(&operation(routes));
    let found: Vec<_> = found.iter().map(|(a, b, c, d)| (a.as_str(), b.as_str(), *c, d.as_str().unwrap())).collect();
    assert_eq!(found, expected);
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
}

#[allow(dead_code)]
#[derive(Deserialize, JsonSchema)]
struct Place {
    shelf: u8,
    colour: Colour,
}

#[allow(dead_code)]
#[derive(Deserialize, JsonSchema)]
struct Id(u64);

#[handler(GET, "/{shelf}/{colour}")]
async fn tuple(Path((_, _)): Path<(u8, Colour)>) {}

#[handler(GET, "/{colour}/{shelf}/{other}")]
async fn structure(_: Path<Place>) {}

#[handler(GET, "/{id}")]
async fn single(_: Path<Id>) {}

#[handler(GET, "/{colour}")]
async fn choice(Path(_): Path<Colour>) {}

#[handler(GET, "/{a}/{b}")]
async fn list(Path(_): Path<Vec<bool>>) {}

#[handler(GET, "/{a}/{b}")]
async fn pairs(Path(_): Path<Vec<(String, u8)>>) {}

#[handler(GET, "/{a}/{b}")]
async fn map(Path(_): Path<HashMap<String, i8>>) {}

#[handler(GET, "/{a}/{b}")]
async fn nobody() {}

#[handler(GET, "/{id}")]
async fn nothing(_: Path<()>, _: Query<()>) {}

#[handler(GET, "/{shelf}")]
async fn optional_path(_: Option<Path<u8>>) {}

/// For the validator.
pub(crate) fn app() -> Router {
    super::each([
        routes![tuple],
        routes![structure],
        routes![single],
        routes![choice],
        routes![list],
        routes![nobody],
        routes![nothing],
        routes![optional_path],
        routes![below],
        routes![search],
        routes![any_search],
    ])
}

#[test]
fn a_tuple_fills_the_parameters_of_a_path_in_order() {
    let colour = "#/components/schemas/Colour";
    assert_parameters(routes![tuple], &[("path", "shelf", true, "integer"), ("path", "colour", true, colour)]);
}

#[test]
fn a_struct_fills_the_parameters_of_a_path_by_name_and_the_others_are_strings() {
    let colour = "#/components/schemas/Colour";
    let expected =
        [("path", "colour", true, colour), ("path", "shelf", true, "integer"), ("path", "other", true, "string")];
    assert_parameters(routes![structure], &expected);
}

#[test]
fn a_single_value_fills_the_only_parameter_of_a_path() {
    assert_parameters(routes![single], &[("path", "id", true, "#/components/schemas/Id")]);
    assert_parameters(routes![choice], &[("path", "colour", true, "#/components/schemas/Colour")]);
}

#[test]
fn lists_pairs_and_maps_fill_all_parameters_of_a_path() {
    for (routes, kind) in [(routes![list], "boolean"), (routes![pairs], "integer"), (routes![map], "integer")] {
        assert_parameters(routes, &[("path", "a", true, kind), ("path", "b", true, kind)]);
    }
}

#[test]
fn parameters_that_no_argument_takes_are_strings() {
    assert_parameters(routes![nobody], &[("path", "a", true, "string"), ("path", "b", true, "string")]);
    assert_parameters(routes![nothing], &[("path", "id", true, "string")]);
}

#[test]
fn a_parameter_of_a_path_is_required_also_where_the_argument_is_optional() {
    assert_parameters(routes![optional_path], &[("path", "shelf", true, "integer")]);
}

#[test]
fn the_parameters_of_a_prefix_come_first_and_are_named_by_it() {
    let app: Router = Router::new().nest("/{shelf}", Router::new().routes(routes![below]));
    let document = app.openapi();
    let found = parameters(&document.as_json()["paths"]["/{shelf}/things/{colour}"]["get"]);
    let kinds: Vec<_> = found.iter().map(|(_, name, _, kind)| (name.as_str(), kind.as_str().unwrap())).collect();
    assert_eq!(kinds, [("shelf", "integer"), ("colour", "#/components/schemas/Colour")]);
}

#[handler(GET, "/things/{colour}")]
async fn below(Path((_, _)): Path<(u8, Colour)>) {}

#[allow(dead_code)]
#[derive(Deserialize, JsonSchema)]
struct Search {
    /// What to look for.
    q: String,
    #[serde(default)]
    skip: u32,
    colour: Option<Colour>,
    limit: Option<u8>,
    tags: Vec<String>,
    #[deprecated]
    old: Option<String>,
}

#[handler(GET, "/search")]
async fn search(_: Query<Search>) {}

#[handler(GET, "/search")]
async fn optional_search(_: Option<Query<Search>>) {}

#[handler(GET, "/search")]
async fn any_search(Query(_): Query<HashMap<String, String>>) {}

#[handler(GET, "/search")]
async fn pair_search(Query(_): Query<Vec<(String, String)>>) {}

#[handler(GET, "/search/{q}")]
async fn handles_refusals(_: Result<Path<u8>, PathRejection>, _: Result<Query<Search>, QueryRejection>) {}

#[test]
fn each_property_of_a_query_is_a_parameter_required_or_not() {
    let expected = [
        ("query", "colour", false, "#/components/schemas/Colour"),
        ("query", "limit", false, "integer"),
        ("query", "old", false, "string"),
        ("query", "q", true, "string"),
        ("query", "skip", false, "integer"),
        ("query", "tags", true, "array"),
    ];
    assert_parameters(routes![search], &expected);
    assert_parameters(routes![optional_search], &expected.map(|(place, name, _, kind)| (place, name, false, kind)));
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[handler(GET, "/search")]
async fn no_search(_: Query<Nothing>) {}

#[test]
fn a_query_of_no_names_is_no_parameter() {
    assert_parameters(routes![no_search], &[]);
}

#[test]
fn what_a_property_says_of_itself_its_parameter_says() {
    let operation = operation(routes![search]);
    let find =
        |name: &str| operation["parameters"].as_array().unwrap().iter().find(|p| p["name"] == name).unwrap().clone();
    assert_eq!(
        find("q"),
        json!({
            "in": "query", "name": "q", "required": true, "description": "What to look for.", "schema": { "type": "string" }
        })
    );
    assert_eq!(find("old")["deprecated"], true);
    assert_eq!(find("skip")["schema"]["default"], 0);
}

#[test]
fn a_type_that_is_only_taken_apart_has_no_schema_of_its_own() {
    let document = super::document(routes![search]);
    let names: Vec<_> = document["components"]["schemas"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["Colour", "Problem"]);
}

#[test]
fn a_query_of_any_names_is_one_parameter_of_them_all() {
    let operation = operation(routes![any_search]);
    assert_eq!(
        operation["parameters"],
        json!([{
            "in": "query", "name": "query", "style": "form", "explode": true,
            "schema": { "type": "object", "additionalProperties": { "type": "string" } },
        }])
    );
    assert_parameters(routes![pair_search], &[]);
}

#[test]
fn paths_and_queries_are_refused_with_400_unless_the_handler_takes_the_refusal() {
    assert_eq!(statuses(&operation(routes![search])), ["200", "400", "500"]);
    assert_eq!(statuses(&operation(routes![single])), ["200", "400", "500"]);
    assert_eq!(statuses(&operation(routes![handles_refusals])), ["200", "500"]);
    assert_eq!(parameters(&operation(routes![handles_refusals])).len(), 7);
}
