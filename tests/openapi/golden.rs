//! The document of a small API, compared whole, and what the API answers held against it.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use slotbus::openapi::{OpenApi, Server, Tag};
use slotbus::response::{IntoResponse, NoContent, Problem, Response};
use slotbus::schemars::{self, JsonSchema};
use slotbus::testing::TestClient;
use slotbus::{Json, Path, Query, Router, State, handler, routes};

use super::validator::fits;

/// A note.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Note {
    /// What is noted.
    text: String,
    /// How much it matters.
    #[serde(default)]
    weight: Weight,
}

#[derive(Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Weight {
    #[default]
    Light,
    Heavy,
}

#[derive(Deserialize, JsonSchema)]
struct Page {
    /// How many to leave out.
    #[serde(default)]
    skip: u32,
    /// At most so many.
    limit: u8,
    weight: Option<Weight>,
}

struct NoSuchNote;

impl IntoResponse for NoSuchNote {
    fn into_response(self) -> Response {
        Problem::new(StatusCode::NOT_FOUND).into_response()
    }
}

/// Lists notes.
///
/// The newest comes first.
/// Heavy ones are not special.
#[handler(GET, "/notes")]
fn list(Query(page): Query<Page>, State(()): State<()>) -> Json<Vec<Note>> {
    let Page { skip, limit, weight } = page;
    let note = |n| Note { text: format!("note {n}"), weight: weight.unwrap_or_default() };
    Json((skip..skip + u32::from(limit)).map(note).collect())
}

/// Adds a note.
#[handler(POST, "/notes", timeout = "2s")]
async fn create(Json(note): Json<Note>) -> (StatusCode, Json<Note>) {
    (StatusCode::CREATED, Json(note))
}

/// Shows a note.
#[handler(GET, "/notes/{number}")]
async fn show(Path(number): Path<u32>) -> Result<Json<Note>, NoSuchNote> {
    if number > 9 { Err(NoSuchNote) } else { Ok(Json(Note { text: "milk".to_owned(), weight: Weight::Heavy })) }
}

#[deprecated]
#[handler(DELETE, "/notes/{number}")]
async fn remove(Path(_): Path<u32>) -> NoContent {
    NoContent
}

fn app() -> Router {
    Router::new().nest("/v1", Router::new().routes(routes![list, create, show, remove]))
}

pub(crate) fn document() -> OpenApi {
    app()
        .openapi()
        .title("Notes")
        .version("1.0.0")
        .description("What is to be remembered.")
        .server(Server::new("https://notes.example.com").description("For everybody."))
        .server("/")
        .tag(Tag::new("notes").description("All about notes.").below("/v1/notes"))
}

#[test]
fn the_document_of_a_small_api_is_as_recorded() {
    let recorded: Value = serde_json::from_str(include_str!("golden.json")).unwrap();
    let document = document();
    if document.as_json() != &recorded {
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden.json");
        std::fs::write(&path, format!("{document:#}\n")).unwrap();
        panic!("the document differs from tests/openapi/golden.json; what it is now stands in {}", path.display());
    }
}

/// What `pointer` holds, with the schemas it refers to.
fn schema_at(pointer: &str) -> Value {
    let document = document();
    let mut schema = document.as_json().pointer(pointer).unwrap_or_else(|| panic!("no {pointer}")).clone();
    schema["components"] = document.as_json()["components"].clone();
    schema
}

#[tokio::test]
async fn what_the_api_answers_fits_the_schemas_of_its_document() {
    let client = TestClient::new(app());
    let answer = |path: &str, method: &str, status: &str, media: &str| {
        let escape = |text: &str| text.replace('~', "~0").replace('/', "~1");
        format!("/paths/{}/{method}/responses/{status}/content/{}/schema", escape(path), escape(media))
    };
    let (json, problem) = ("application/json", "application/problem+json");
    for (uri, pointer) in [
        ("/v1/notes?limit=2", answer("/v1/notes", "get", "200", json)),
        ("/v1/notes?limit=2&weight=heavy", answer("/v1/notes", "get", "200", json)),
        ("/v1/notes?limit=x", answer("/v1/notes", "get", "400", problem)),
        ("/v1/notes/7", answer("/v1/notes/{number}", "get", "200", json)),
        ("/v1/notes/x", answer("/v1/notes/{number}", "get", "400", problem)),
    ] {
        let body: Value = client.get(uri).await.json();
        let schema = schema_at(&pointer);
        assert!(fits(&schema, &body), "{uri}: {body} is not as {pointer} says");
        assert!(!fits(&schema, &json!({})), "{pointer} takes anything");
    }
}
