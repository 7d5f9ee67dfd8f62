//! What a handler can answer: anything that implements [`IntoResponse`].
//!
//! The trait is axum-core's, so these work, as do responses written for axum:
//!
//! - `()`, a `StatusCode`, `&'static str`, `String`, `Bytes`, `Vec<u8>`, a [`Body`](crate::Body), a whole [`Response`];
//! - [`Json`](crate::Json), [`Html`], [`NoContent`], [`Problem`], [`BodyWriter`];
//! - tuples of one of them, at the end, with a status and headers before it: `(StatusCode, [(HeaderName, &str); 1], Json<T>)`,
//!   also with `HeaderMap`, [`AppendHeaders`], `Extensions` or anything else that is [`IntoResponseParts`], up to 16 of these;
//! - `Result<T, E>` of two of them, and [`Result<T>`](Result), whose error is any answer, by `?`.
//!
//! # Streams
//!
//! A stream is sent as [`Body::from_stream`](crate::Body::from_stream), of items that become `Bytes`. It is collected first, up
//! to [`message_limit`](crate::Serve::message_limit), as bodies do not stream over the bus. A stream that exceeds the limit
//! is dropped there, one that fails is left at the error, and the caller gets a problem of status 500 and nothing of
//! the answer; what failed is logged and not told.
//!
//! ```
//! use futures::{StreamExt, stream};
//! use slotbus::{Body, response::IntoResponse};
//!
//! #[slotbus::handler(GET, "/table")]
//! async fn table() -> impl IntoResponse {
//!     let lines = stream::iter(0..1000).map(|n| Ok::<_, std::io::Error>(format!("{n},{}\n", n * n)));
//!     ([(http::header::CONTENT_TYPE, "text/csv")], Body::from_stream(lines))
//! }
//! ```
//!
//! # Problems
//!
//! Answers the framework makes by itself (404, 405, a rejected argument, a failed service) are [`Problem`]s, and carry a
//! [`Refusal`] for layers. [`Router::map_rejection`](crate::Router::map_rejection) puts them in other words.

mod problem;
mod refusal;
mod typed;
mod writer;

use http::{HeaderValue, StatusCode, header};

pub use self::problem::Problem;
pub(crate) use self::problem::refusal_of;
pub use self::refusal::Refusal;
pub(crate) use self::typed::{answer_of, downcast, take_back, typed};
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
