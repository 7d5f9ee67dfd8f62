//! Handlers that read bodies.

use bytes::Bytes;
use http::StatusCode;
use slotbus::extract::JsonRejection;
use slotbus::response::Response;
use slotbus::{Body, Form, Json, Router, handler, routes};

use crate::model::{App, Person};

pub(crate) fn bodies() -> Router<App> {
    Router::new()
        .routes(routes![get_form, post_form, json, json_maybe, json_small, json_result, post_bytes, put_bytes, text])
        .routes(routes![get_raw, post_raw, put_raw, patch_raw, delete_raw, head_raw, options_raw])
}

#[handler(GET, "/form")]
async fn get_form(Form(person): Form<Person>) -> String {
    format!("{person:?}")
}

#[handler(POST, "/form")]
async fn post_form(Form(person): Form<Person>) -> String {
    format!("{person:?}")
}

#[handler(POST, "/json")]
async fn json(Json(person): Json<Person>) -> (StatusCode, Json<Person>) {
    (StatusCode::CREATED, Json(person))
}

#[handler(POST, "/json/maybe")]
async fn json_maybe(person: Option<Json<Person>>) -> String {
    format!("{person:?}")
}

#[handler(POST, "/json/small", body_limit = "64B")]
async fn json_small(Json(person): Json<Person>) -> Json<Person> {
    Json(person)
}

#[handler(POST, "/json/result")]
async fn json_result(person: Result<Json<Person>, JsonRejection>) -> (StatusCode, String) {
    match person {
        Ok(Json(person)) => (StatusCode::OK, person.name),
        Err(rejection) => (rejection.status(), "no person".to_owned()),
    }
}

#[handler(POST, "/bytes")]
async fn post_bytes(body: Bytes) -> Bytes {
    body
}

#[handler(PUT, "/bytes")]
async fn put_bytes(body: Bytes) -> String {
    body.len().to_string()
}

#[handler(POST, "/text")]
async fn text(body: String) -> String {
    body
}

/// A handler for each method: axum's `any`.
macro_rules! raw {
    ($($method:ident $name:ident)*) => {$(
        #[handler($method, "/raw")]
        async fn $name(body: Body) -> Response {
            Response::new(body)
        }
    )*};
}
raw!(GET get_raw POST post_raw PUT put_raw PATCH patch_raw DELETE delete_raw HEAD head_raw OPTIONS options_raw);

#[handler(POST, "/limited")]
pub(super) async fn limited(body: Bytes) -> String {
    body.len().to_string()
}
