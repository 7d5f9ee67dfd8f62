//! An API that serves its own OpenAPI document.
//!
//! ```text
//! SLOTBUS_NAME=notes cargo run --features openapi --example openapi
//! SLOTBUS_NAME=notes cargo run --example gateway          # in another terminal
//! curl http://127.0.0.1:3000/openapi.json
//! curl http://127.0.0.1:3000/notes/7
//! ```

use serde::{Deserialize, Serialize};
use slotbus::openapi::{OpenApi, Tag};
use slotbus::schemars::{self, JsonSchema};
use slotbus::{Json, Path, Query, Router, State, handler, routes};

/// A note.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Note {
    number: u32,
    /// What is noted.
    text: String,
}

#[derive(Deserialize, JsonSchema)]
struct Style {
    /// Whether to shout.
    #[serde(default)]
    loud: bool,
}

/// Shows a note.
///
/// There is one for every number.
#[handler(GET, "/notes/{number}")]
async fn show(Path(number): Path<u32>, Query(style): Query<Style>) -> Json<Note> {
    let text = format!("note {number}");
    Json(Note { number, text: if style.loud { text.to_uppercase() } else { text } })
}

/// Replaces a note.
#[handler(PUT, "/notes/{number}", timeout = "1s")]
async fn replace(Path(number): Path<u32>, Json(note): Json<Note>) -> Json<Note> {
    Json(Note { number, ..note })
}

#[handler(GET, "/openapi.json")]
async fn openapi(State(document): State<OpenApi>) -> OpenApi {
    document
}

#[tokio::main]
async fn main() -> Result<(), slotbus::Error> {
    let api = Router::new().routes(routes![show, replace]);
    let document = api
        .openapi()
        .title("Notes")
        .version(env!("CARGO_PKG_VERSION"))
        .server("http://127.0.0.1:3000")
        .tag(Tag::new("notes").description("What is noted down.").below("/notes"));
    let app = api.merge(Router::new().routes(routes![openapi]).with_state(document));
    slotbus::serve(app).with_graceful_shutdown(slotbus::shutdown_signal()).await
}
