//! The one body type of requests and responses.
//!
//! It is axum-core's, re-exported: extractors and responses written for axum-core work in handlers unchanged.

pub use axum_core::BoxError;
pub use axum_core::body::{Body, BodyDataStream};
