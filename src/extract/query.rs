//! The query string.

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::{StatusCode, Uri, request::Parts};
use serde::de::DeserializeOwned;

use super::{FieldError, Reason, Rejection, deref, field};

/// The query string, deserialised. Repeated keys fill a `Vec`.
///
/// A request without a query string is one with an empty query; `Option<Query<T>>` tells the two apart.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Page { after: Option<u64>, #[serde(default)] tag: Vec<String> }
///
/// // GET /items?tag=red&tag=blue
/// #[slotbus::handler(GET, "/items")]
/// async fn items(slotbus::Query(page): slotbus::Query<Page>) -> String {
///     page.tag.join(" ")
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<T>(pub T);

deref!(Query);

/// The query string does not hold a `T`. Answered 400.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the query string is not as expected: {0}")]
pub struct QueryError(#[source] FieldError);

/// What [`Query`] is refused with.
pub type QueryRejection = Rejection<QueryError>;

impl Reason for QueryError {
    fn status(&self) -> StatusCode {
        StatusCode::BAD_REQUEST
    }
}

impl<T: DeserializeOwned> Query<T> {
    fn of(query: &str) -> Result<Self, FieldError> {
        field::parse(query.as_bytes()).map(Self)
    }

    /// That of `uri`, if it is one.
    pub(crate) fn find(uri: &Uri) -> Option<Self> {
        Self::of(uri.query().unwrap_or_default()).ok()
    }
}

fn parse<T: DeserializeOwned>(query: &str, parts: &Parts) -> Result<Query<T>, QueryRejection> {
    Query::of(query).map_err(|error| Rejection::new(QueryError(error), parts))
}

impl<S, T> FromRequestParts<S> for Query<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = QueryRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        parse(parts.uri.query().unwrap_or_default(), parts)
    }
}

impl<S, T> OptionalFromRequestParts<S> for Query<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = QueryRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Self::Rejection> {
        parts.uri.query().map(|query| parse(query, parts)).transpose()
    }
}
