//! State, errors of one's own and nested routes.
//!
//! ```text
//! SLOTBUS_NAME=notes cargo run --example json_api
//! SLOTBUS_NAME=notes cargo run --example gateway          # in another terminal
//! curl -d '{"text":"buy milk"}' -H 'content-type: application/json' http://127.0.0.1:3000/api/notes
//! curl http://127.0.0.1:3000/api/notes/0
//! curl http://127.0.0.1:3000/api/notes/7                  # 404
//! curl http://127.0.0.1:3000/api/notes/seven              # 400
//! ```

use std::sync::{Arc, Mutex};

use http::StatusCode;
use serde::{Deserialize, Serialize};
use slotbus::response::{IntoResponse, Problem, Response};
use slotbus::{Json, Path, Router, State, handler, routes};

#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<Note>>>);

#[derive(Clone, Serialize, Deserialize)]
struct Note {
    text: String,
}

enum Error {
    NoSuchNote(usize),
    EmptyNote,
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, detail) = match self {
            Self::NoSuchNote(number) => (StatusCode::NOT_FOUND, format!("there is no note {number}")),
            Self::EmptyNote => (StatusCode::UNPROCESSABLE_ENTITY, "a note has a text".to_owned()),
        };
        Problem::new(status).detail(detail).into_response()
    }
}

/// Adds a note.
#[handler(POST, "/notes")]
async fn create(State(Notes(notes)): State<Notes>, Json(note): Json<Note>) -> Result<(StatusCode, String), Error> {
    if note.text.is_empty() {
        return Err(Error::EmptyNote);
    }
    let mut notes = notes.lock().unwrap();
    notes.push(note);
    Ok((StatusCode::CREATED, format!("/api/notes/{}\n", notes.len() - 1)))
}

/// Shows a note.
#[handler(GET, "/notes/{number}")]
fn show(State(Notes(notes)): State<Notes>, Path(number): Path<usize>) -> Result<Json<Note>, Error> {
    notes.lock().unwrap().get(number).cloned().map(Json).ok_or(Error::NoSuchNote(number))
}

#[tokio::main]
async fn main() -> Result<(), slotbus::Error> {
    tracing_subscriber::fmt::init();
    let app = Router::new().nest("/api", Router::new().routes(routes![create, show])).with_state(Notes::default());
    for route in app.list() {
        tracing::info!("{route:?}");
    }
    slotbus::serve(app).with_graceful_shutdown(slotbus::shutdown_signal()).await
}
