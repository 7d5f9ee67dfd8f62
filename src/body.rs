//! The one body type of requests and responses.
//!
//! It is axum-core's, re-exported: extractors and responses written for axum-core work in handlers unchanged.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};

pub use axum_core::body::{Body, BodyDataStream};
pub use axum_core::{BoxError, Error};

/// Reads a body of at most `limit` bytes, as `axum::body::to_bytes` does.
///
/// # Errors
/// When it is longer ([`http_body_util::LengthLimitError`] is the source), or breaks off.
pub async fn to_bytes(body: Body, limit: usize) -> Result<Bytes, Error> {
    Limited::new(body, limit).collect().await.map(|collected| collected.to_bytes()).map_err(Error::new)
}
