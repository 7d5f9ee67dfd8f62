//! What a layer left for the handler.

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::{Extensions, StatusCode, request::Parts};

use super::{Reason, Rejection, deref};

/// A clone of the extension of type `T` that a layer put into the request.
///
/// State that is known when the router is built belongs in [`State`](super::State), where the compiler sees that it is there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extension<T>(pub T);

deref!(Extension);

/// No layer put an extension of that type into the request. Answered 500.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the request has no extension of type `{type_name}`: is its layer missing?")]
pub struct ExtensionError {
    type_name: &'static str,
}

/// What [`Extension`] is refused with.
pub type ExtensionRejection = Rejection<ExtensionError>;

impl Reason for ExtensionError {
    fn status(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

impl<T: Clone + Send + Sync + 'static> Extension<T> {
    /// That among these extensions.
    pub(crate) fn find(extensions: &Extensions) -> Option<Self> {
        extensions.get().cloned().map(Self)
    }
}

impl<S, T> FromRequestParts<S> for Extension<T>
where
    T: Clone + Send + Sync + 'static,
    S: Send + Sync,
{
    type Rejection = ExtensionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Self::find(&parts.extensions)
            .ok_or_else(|| Rejection::new(ExtensionError { type_name: std::any::type_name::<T>() }, parts))
    }
}

impl<S, T> OptionalFromRequestParts<S> for Extension<T>
where
    T: Clone + Send + Sync + 'static,
    S: Send + Sync,
{
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Self::Rejection> {
        Ok(Self::find(&parts.extensions))
    }
}
