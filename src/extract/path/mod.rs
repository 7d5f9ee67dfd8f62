//! The parameters of the path.

mod de;
mod error;
mod param;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::{Extensions, request::Parts};
use serde::de::DeserializeOwned;

use self::de::PathDeserializer;
pub use self::error::{PathError, PathRejection};
use super::{Rejection, deref};
use crate::http::context::MatchedRoute;

/// The parameters of the path, percent-decoded and deserialised.
///
/// | `T` | is filled |
/// | --- | --- |
/// | a number, `String`, `Uuid`, a newtype, an enum of unit variants | from the only parameter |
/// | a tuple, a tuple struct, `Vec<T>` | in the order of the pattern |
/// | a struct, a map | by name; an `Option` field is none when the pattern has no such parameter |
/// | `Vec<(String, String)>` | with names and values in the order of the pattern |
///
/// A value that is not a `T` is answered 400, as is one whose percent-encoding is broken or not UTF-8; a type that does not
/// fit the pattern is the program's fault and answered 500. `Option<Path<T>>` is none where the pattern has no parameter at
/// all, or no pattern matched. The fallback of a router that is nested has the parameters of its prefix.
///
/// ```
/// use slotbus::Path;
///
/// #[slotbus::handler(GET, "/users/{user}/posts/{post}")]
/// async fn post(Path((user, post)): Path<(String, u64)>) -> String {
///     format!("post {post} of {user}")
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Path<T>(pub T);

deref!(Path);

impl<T: DeserializeOwned> Path<T> {
    fn of(route: &MatchedRoute) -> Result<Self, PathError> {
        T::deserialize(PathDeserializer::new(route.params())).map(Self)
    }

    /// That of the request with these extensions, if it has one.
    pub(crate) fn find(extensions: &Extensions) -> Option<Self> {
        MatchedRoute::with_params(extensions).and_then(|route| Self::of(route).ok())
    }
}

fn parse<T: DeserializeOwned>(route: &MatchedRoute, parts: &Parts) -> Result<Path<T>, PathRejection> {
    Path::of(route).map_err(|reason| Rejection::new(reason, parts))
}

impl<S, T> FromRequestParts<S> for Path<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = PathRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        match MatchedRoute::with_params(&parts.extensions) {
            Some(route) => parse(route, parts),
            None => Err(Rejection::new(PathError::NoRoute, parts)),
        }
    }
}

impl<S, T> OptionalFromRequestParts<S> for Path<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = PathRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Self::Rejection> {
        match MatchedRoute::with_params(&parts.extensions) {
            Some(route) if route.params().next().is_some() => parse(route, parts).map(Some),
            _ => Ok(None),
        }
    }
}
