//! The schemas of named types.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use slotbus::response::Problem;
use slotbus::schemars::{self, JsonSchema};
use slotbus::{Json, Router, handler, routes};

use super::document;

#[derive(Serialize, Deserialize, JsonSchema)]
struct Leaf {
    name: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Tree {
    leaf: Leaf,
    branches: Vec<Tree>,
}

/// Reads and writes differently.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Draft {
    #[serde(default)]
    title: String,
    leaf: Leaf,
}

/// The same by itself, but not by what is in it.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Folder {
    draft: Draft,
}

mod other {
    #[derive(serde::Serialize, slotbus::schemars::JsonSchema)]
    #[schemars(crate = "slotbus::schemars")]
    pub(super) struct Leaf {
        pub(super) green: bool,
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Page<Leaf>/~")]
struct Strange {
    green: bool,
}

mod theirs {
    #[derive(serde::Deserialize, slotbus::schemars::JsonSchema)]
    #[schemars(crate = "slotbus::schemars")]
    pub(super) struct Problem {
        pub(super) sum: String,
    }
}

#[handler(POST, "/tree")]
async fn tree(tree: Json<Tree>) -> Json<Tree> {
    tree
}

#[handler(POST, "/folder")]
async fn folder(folder: Json<Folder>) -> Json<Folder> {
    folder
}

#[handler(GET, "/draft")]
async fn draft() -> Json<Draft> {
    Json(Draft { title: String::new(), leaf: Leaf { name: String::new() } })
}

#[handler(GET, "/other")]
async fn another() -> Json<other::Leaf> {
    Json(other::Leaf { green: true })
}

#[handler(GET, "/strange")]
async fn strange() -> Json<Strange> {
    Json(Strange { green: true })
}

#[handler(POST, "/problem")]
async fn problem(Json(problem): Json<theirs::Problem>) -> Problem {
    drop(problem.sum);
    Problem::new(http::StatusCode::OK)
}

fn names(document: &Value) -> Vec<&str> {
    document["components"]["schemas"].as_object().unwrap().keys().map(String::as_str).collect()
}

/// Every reference of a document leads somewhere.
fn assert_whole(document: &Value) {
    fn walk(root: &Value, value: &Value) {
        if let Some(reference) = value["$ref"].as_str() {
            assert!(root.pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
        }
        match value {
            Value::Array(list) => list.iter().for_each(|value| walk(root, value)),
            Value::Object(object) => object.values().for_each(|value| walk(root, value)),
            _ => {}
        }
    }
    walk(document, document);
}

/// For the validator.
pub(crate) fn app() -> Router {
    Router::new().routes(routes![tree, folder, draft, another, strange, problem])
}

#[test]
fn a_type_that_is_read_and_written_alike_has_one_schema_and_may_hold_itself() {
    let document = document(routes![tree]);
    assert_eq!(names(&document), ["Leaf", "Problem", "Tree"]);
    let branches = &document["components"]["schemas"]["Tree"]["properties"]["branches"]["items"];
    assert_eq!(branches, &json!({ "$ref": "#/components/schemas/Tree" }));
    assert_whole(&document);
}

#[test]
fn a_type_that_is_read_otherwise_than_it_is_written_has_two() {
    let document = document(routes![folder]);
    assert_eq!(names(&document), ["Draft", "DraftOutput", "Folder", "FolderOutput", "Leaf", "Problem"]);
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["FolderOutput"]["properties"]["draft"]["$ref"], "#/components/schemas/DraftOutput");
    assert_eq!(schemas["Draft"]["required"], json!(["leaf"]));
    assert_eq!(schemas["DraftOutput"]["required"], json!(["title", "leaf"]));
    assert_whole(&document);
}

#[test]
fn a_type_that_is_only_written_keeps_its_name() {
    let document = document(routes![draft]);
    assert_eq!(names(&document), ["Draft", "Leaf", "Problem"]);
    assert_eq!(document["components"]["schemas"]["Draft"]["required"], json!(["title", "leaf"]));
}

#[test]
fn two_types_of_one_name_have_two_names() {
    let document = document(routes![tree, another]);
    assert_eq!(names(&document), ["Leaf", "Leaf2", "Problem", "Tree"]);
    let answer = &document["paths"]["/other"]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
    let name = answer["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
    assert!(document["components"]["schemas"][name]["properties"]["green"].is_object());
    assert_whole(&document);
}

#[test]
fn a_name_that_a_document_cannot_have_is_made_one_that_it_can() {
    let document = document(routes![strange]);
    assert_eq!(names(&document), ["Page_Leaf___", "Problem"]);
    assert_whole(&document);
}

#[test]
fn a_problem_of_the_users_own_is_told_from_that_of_the_framework() {
    let document = document(routes![problem]);
    assert_eq!(names(&document), ["Problem", "ProblemOutput"]);
    let responses = &document["paths"]["/problem"]["post"]["responses"];
    let refused = &responses["422"]["content"]["application/problem+json"]["schema"]["$ref"];
    assert_eq!(refused, "#/components/schemas/ProblemOutput");
    assert_whole(&document);
}
