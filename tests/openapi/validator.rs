//! Documents held against the specification by `openapi-spec-validator`, a program of the Python Package Index.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use slotbus::openapi::OpenApi;

use slotbus::response::{IntoResponse, NoContent, Problem};
use slotbus::{Json, Router, handler, routes};

use super::{bodies, golden, operations, parameters, schemas};

/// The environment that `.ci/run` makes, under the target folder.
fn environment() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("openapi-validator")
}

/// A program of the environment, which must be there.
fn program(name: &str) -> PathBuf {
    let environment = environment();
    let program = environment.join("bin").join(name);
    let environment = environment.display();
    assert!(
        program.exists(),
        "there is no {}; get it by `python3 -m venv {environment} && {environment}/bin/pip install \
         'openapi-spec-validator==0.9.*'`",
        program.display()
    );
    program
}

/// Whether `value` is what `schema` describes, by the validator's own library of JSON schemas.
pub(crate) fn fits(schema: &Value, value: &Value) -> bool {
    const SCRIPT: &str = "import json, sys, jsonschema\n\
        schema, value = json.loads(sys.argv[1])\n\
        print(jsonschema.Draft202012Validator(schema).is_valid(value))";
    let both = serde_json::to_string(&[schema, value]).unwrap();
    let output = Command::new(program("python3")).args(["-c", SCRIPT, &both]).output().unwrap();
    match &*output.stdout {
        b"True\n" => true,
        b"False\n" => false,
        _ => panic!("{}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// What the validator says, if it has something to say.
fn mistakes(document: &OpenApi, name: &str) -> Option<String> {
    let program = program("openapi-spec-validator");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.json"));
    std::fs::write(&file, document.to_string()).unwrap();
    let output = Command::new(program).args(["--schema", "3.1"]).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (!output.status.success()).then_some(said)
}

#[handler(GET, "/")]
async fn either() -> Result<Json<u8>, Json<bool>> {
    Err(Json(true))
}

#[handler(GET, "/")]
async fn success() -> Result<(http::StatusCode, NoContent), Problem> {
    Ok((http::StatusCode::OK, NoContent))
}

#[handler(GET, "/")]
async fn unknown() -> impl IntoResponse {}

#[test]
fn the_validator_takes_the_document_of_a_small_api() {
    assert_eq!(mistakes(&golden::document(), "small"), None);
}

#[test]
fn the_validator_takes_a_document_of_everything() {
    let modules = [
        ("/operations", operations::app()),
        ("/parameters", parameters::app()),
        ("/bodies", bodies::app()),
        ("/answers", super::each([routes![either], routes![success], routes![unknown]])),
        ("/schemas", schemas::app()),
    ];
    let app = modules.into_iter().fold(Router::new(), |app, (prefix, routes)| app.nest(prefix, routes));
    #[cfg(feature = "headers")]
    let app = app.nest("/headers", super::headers::app());
    let document = app.openapi();
    assert!(document.as_json()["paths"].as_object().unwrap().len() > 25);
    assert_eq!(mistakes(&document, "everything"), None);
}

#[test]
fn the_validator_refuses_a_document_with_a_mistake() {
    let broken = golden::document().edit(|document| {
        document["paths"]["/v1/notes/{number}"]["get"]["parameters"] = serde_json::json!([]);
    });
    assert!(mistakes(&broken, "broken").expect("a parameter is missing").contains("number"));
}
