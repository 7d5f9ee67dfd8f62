//! The pattern a request was routed by.

use std::{convert::Infallible, fmt, sync::Arc};

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::{Extensions, StatusCode, request::Parts};

use super::{Reason, Rejection};
use crate::http::{context::MatchedRoute, pattern::Pattern};

/// The pattern of the route that was chosen, with braces and with the prefixes it is nested under: `/users/{id}`.
///
/// It is what metrics and spans want for a name. Layers of a [`Router`](crate::Router) run after routing, so they see it too.
#[derive(Clone)]
pub struct MatchedPath(Arc<Pattern>);

impl MatchedPath {
    /// The pattern.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The pattern of the request with these extensions; none when no route was chosen. For layers; a handler takes it as
    /// an argument.
    pub fn of(extensions: &Extensions) -> Option<Self> {
        MatchedRoute::find(extensions).map(|route| Self(Arc::clone(route.pattern())))
    }
}

impl fmt::Debug for MatchedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MatchedPath({})", self.as_str())
    }
}

/// No route was chosen: the function runs as a fallback, or without a router. Answered 500.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no route was chosen for the request")]
pub struct MatchedPathError;

/// What [`MatchedPath`] is refused with.
pub type MatchedPathRejection = Rejection<MatchedPathError>;

impl Reason for MatchedPathError {
    fn status(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

impl<S: Send + Sync> FromRequestParts<S> for MatchedPath {
    type Rejection = MatchedPathRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Self::of(&parts.extensions).ok_or_else(|| Rejection::new(MatchedPathError, parts))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for MatchedPath {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Self::Rejection> {
        Ok(Self::of(&parts.extensions))
    }
}
