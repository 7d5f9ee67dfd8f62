//! What its author adds to a document, and how it is served.

use serde_json::{Value, json};
use slotbus::openapi::{OpenApi, Server, Tag};
use slotbus::testing::TestClient;
use slotbus::{Router, State, handler, routes};

#[handler(GET, "/notes")]
async fn notes() {}

#[handler(GET, "/notes/{id}")]
async fn note() {}

#[handler(GET, "/notes-of-others")]
async fn others() {}

#[handler(GET, "/openapi.json")]
async fn openapi(State(document): State<OpenApi>) -> OpenApi {
    document
}

fn plain() -> OpenApi {
    Router::<()>::new().routes(routes![notes, note, others]).openapi()
}

#[test]
fn a_document_is_openapi_3_1_titled_by_the_crate_until_it_is_told_otherwise() {
    let document = plain();
    assert_eq!(document.as_json()["openapi"], "3.1.0");
    assert_eq!(document.as_json()["info"], json!({ "title": "openapi", "version": "0.0.0" }));
    let document = document.title("Notes").version("2.0.0").description("All of it.");
    let info = json!({ "title": "Notes", "version": "2.0.0", "description": "All of it." });
    assert_eq!(document.as_json()["info"], info);
}

#[test]
fn servers_stand_in_their_order() {
    let document = plain().server("https://a.example").server(Server::new("/b").description("Here."));
    let servers = json!([{ "url": "https://a.example" }, { "url": "/b", "description": "Here." }]);
    assert_eq!(document.as_json()["servers"], servers);
}

#[test]
fn a_tag_is_given_to_the_operations_below_its_prefixes() {
    let document = plain().tag(Tag::new("notes").description("Mine.").below("/notes")).tag(Tag::new("all").below("/"));
    let tags = |path: &str| document.as_json()["paths"][path]["get"]["tags"].clone();
    assert_eq!(tags("/notes"), json!(["notes", "all"]));
    assert_eq!(tags("/notes/{id}"), json!(["notes", "all"]));
    assert_eq!(tags("/notes-of-others"), json!(["all"]));
    assert_eq!(document.as_json()["tags"], json!([{ "name": "notes", "description": "Mine." }, { "name": "all" }]));
}

#[test]
fn tags_are_of_operations_alone_each_once_and_their_prefixes_are_spelled_as_routes_are() {
    let edited = plain().edit(|document| {
        document["paths"]["/notes"]["summary"] = json!("Notes");
        document["paths"]["/notes"]["parameters"] = json!([]);
    });
    let document = edited.tag(Tag::new("one").below("/notes/:id")).tag("twice").tag(Tag::new("all").below("/notes"));
    let document = document.tag(Tag::new("twice").description("The second.")).tag(Tag::new("all").below("/notes"));
    let path = |path: &str| document.as_json()["paths"][path].clone();
    assert_eq!(path("/notes/{id}")["get"]["tags"], json!(["one", "all"]));
    assert_eq!((&path("/notes")["get"]["tags"], &path("/notes")["summary"]), (&json!(["all"]), &json!("Notes")));
    let tags = json!([{ "name": "one" }, { "name": "twice", "description": "The second." }, { "name": "all" }]);
    assert_eq!(document.as_json()["tags"], tags);
}

#[test]
fn anything_else_can_be_edited_and_a_clone_keeps_what_it_was() {
    let before = plain();
    let after = before.clone().edit(|document| document["info"]["license"] = json!({ "name": "MIT" }));
    assert_eq!(after.as_json()["info"]["license"]["name"], "MIT");
    assert_eq!(before, plain());
}

#[test]
fn an_empty_router_has_a_document() {
    let document = Router::<()>::new().openapi();
    let expected = json!({ "openapi": "3.1.0", "info": { "title": "api", "version": "0.0.0" }, "paths": {} });
    assert_eq!(document.as_json(), &expected);
    assert_eq!(serde_json::from_str::<Value>(&document.to_string()).unwrap(), expected);
    assert_eq!(serde_json::to_value(&document).unwrap(), expected);
}

#[tokio::test]
async fn a_handler_may_answer_with_a_document() {
    let document = plain();
    let app = Router::new().routes(routes![openapi]).with_state::<()>(document.clone());
    let answer = TestClient::new(app).get("/openapi.json").await;
    answer.assert_status(200).assert_header("content-type", "application/json").assert_json(&document);
}
