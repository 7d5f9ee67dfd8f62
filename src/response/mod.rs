//! What a handler can answer: anything that implements [`IntoResponse`].
//!
//! The trait is axum-core's, so a `&str`, a `String`, `Bytes`, a `StatusCode`, tuples of them with headers, `Result`s of
//! them and responses written for axum all work. [`Json`](crate::Json) is a response too.
//!
//! Answers the framework makes by itself (404, 405, a rejected argument, a failed service) are [`Problem`]s.

mod problem;
mod refusal;
mod writer;

use http::{HeaderValue, StatusCode, header};

pub use self::problem::Problem;
pub(crate) use self::problem::failure;
pub use self::refusal::Refusal;
pub use self::writer::BodyWriter;
pub use axum_core::response::{AppendHeaders, IntoResponse, IntoResponseParts, Response, ResponseParts, Result};

/// Text sent as `text/html; charset=utf-8`.
///
/// ```
/// #[slotbus::handler(GET, "/")]
/// async fn index() -> slotbus::response::Html<&'static str> {
///     slotbus::response::Html("<h1>hello</h1>")
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Html<T>(pub T);

impl<T: IntoResponse> IntoResponse for Html<T> {
    fn into_response(self) -> Response {
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        ([(header::CONTENT_TYPE, html)], self.0).into_response()
    }
}

/// An answer of status 204.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct NoContent;

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}
