//! The trace a request belongs to.

use std::convert::Infallible;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::{StatusCode, request::Parts};

use super::{Reason, Rejection};
use crate::observe::TraceContext;

/// The request has no `traceparent` header, or a malformed one. Answered 400.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the request has no well-formed traceparent header")]
pub struct TraceContextMissing;

/// What [`TraceContext`] is refused with.
pub type TraceContextRejection = Rejection<TraceContextMissing>;

impl Reason for TraceContextMissing {
    fn status(&self) -> StatusCode {
        StatusCode::BAD_REQUEST
    }
}

impl<S: Send + Sync> FromRequestParts<S> for TraceContext {
    type Rejection = TraceContextRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Self::of(&parts.headers).ok_or_else(|| Rejection::new(TraceContextMissing, parts))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for TraceContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}
