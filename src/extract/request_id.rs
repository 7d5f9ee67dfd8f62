//! The id of the call.

use std::convert::Infallible;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::{Extensions, StatusCode, request::Parts};

use super::{Reason, Rejection};
use crate::{http::context::CallContext, protocol::RequestId};

/// The request did not come through a bus, so it has no id. Answered 500.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the request has no id: it did not come through a bus")]
pub struct RequestIdMissing;

/// What [`RequestId`] is refused with.
pub type RequestIdRejection = Rejection<RequestIdMissing>;

impl Reason for RequestIdMissing {
    fn status(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

impl RequestId {
    /// The id of the request with these extensions; none when it did not come through a bus. For layers; a handler takes
    /// the id as an argument.
    ///
    /// ```
    /// # use tower_http::trace::TraceLayer;
    /// let trace = TraceLayer::new_for_http().make_span_with(|request: &http::Request<slotbus::Body>| {
    ///     let id = slotbus::RequestId::of(request.extensions()).map(tracing::field::display);
    ///     tracing::info_span!("request", id)
    /// });
    /// # let _: slotbus::Router = slotbus::Router::new().layer(trace);
    /// ```
    #[inline]
    pub fn of(extensions: &Extensions) -> Option<Self> {
        CallContext::id_in(extensions)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = RequestIdRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Self::of(&parts.extensions).ok_or_else(|| Rejection::new(RequestIdMissing, parts))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Self::Rejection> {
        Ok(Self::of(&parts.extensions))
    }
}
