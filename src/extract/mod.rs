//! What a handler can ask for: its arguments.
//!
//! An argument is anything that implements axum-core's [`FromRequestParts`]; the last one may implement [`FromRequest`]
//! instead and read the body.
//!
//! | argument | `Option` of it is none | refused |
//! | --- | --- | --- |
//! | [`Path`] | where the pattern has no parameter, or none was chosen | 400, 500 |
//! | [`Query`] | without a query string | 400 |
//! | [`Form`] | without a query string (GET, HEAD) or a content type (others) | 400, 413, 415, 422 |
//! | [`Json`] | without a content type | 400, 413, 415, 422 |
//! | `Header` (feature `headers`) | without a header of that name | 400 |
//! | [`Extension`] | when no layer put one there | 500 |
//! | [`MatchedPath`] | when no pattern was chosen | 500 |
//! | [`RequestId`](crate::RequestId) | when no bus was involved | 500 |
//! | [`Deadline`] | when the hub tells none | 500 |
//! | [`TraceContext`] | without a `traceparent` that is one | 400 |
//! | `Bytes`, `String` | – | 400, 413 |
//! | [`RawBody`], [`Body`](crate::Body), [`Request`] | – | never |
//! | [`State`], [`Cancelled`] | – | never |
//! | [`http::HeaderMap`], [`http::Method`], [`http::Uri`], [`http::Version`] | – | never |
//!
//! An `Option` tells "not there" from "wrong": what is there and cannot be read is refused all the same, but for a trace
//! context, which its recommendation has ignored. Where the table has
//! a dash there is nothing to tell, as the argument is always there (a request without a body has an empty one), and an
//! `Option` of it does not compile.
//!
//! `Result<T, T::Rejection>` works for every argument and leaves the refusal to the handler. A refused request is answered with
//! a [`Rejection`], a problem (RFC 9457) that [`Router::map_rejection`](crate::Router::map_rejection) can put in other words. An
//! extractor of your own gets the same by a [`Reason`] and [`Rejection::new`]:
//!
//! ```
//! use http::{StatusCode, request::Parts};
//! use slotbus::extract::{FromRequestParts, Reason, Rejection};
//!
//! struct ApiKey(String);
//!
//! #[derive(Debug, thiserror::Error)]
//! #[error("an api key is needed")]
//! struct NoApiKey;
//!
//! impl Reason for NoApiKey {
//!     fn status(&self) -> StatusCode {
//!         StatusCode::UNAUTHORIZED
//!     }
//! }
//!
//! impl<S: Sync> FromRequestParts<S> for ApiKey {
//!     type Rejection = Rejection<NoApiKey>;
//!
//!     async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
//!         let key = parts.headers.get("x-api-key").and_then(|key| key.to_str().ok());
//!         key.map(|key| Self(key.to_owned())).ok_or_else(|| Rejection::new(NoApiKey, parts))
//!     }
//! }
//! ```
//!
//! # Extractors from elsewhere
//!
//! Those written for axum-core or axum work too: `axum::Json`, `axum::extract::Query`, axum-extra's `TypedHeader` and
//! `CookieJar`. Their rejections are their own, mostly plain text, and are not mapped.
//!
//! What does not work is what reads axum's own extensions, which only its router puts there: `axum::extract::Path`,
//! `RawPathParams` and `MatchedPath`. They compile, and then refuse every request with 500, also as an
//! `Option<Path>`; an `Option<MatchedPath>` is always none. Use the ones here.

mod at_once;
mod caller;
mod extension;
mod field;
mod form;
#[cfg(feature = "headers")]
mod header;
mod json;
mod matched_path;
mod path;
mod query;
mod raw_body;
mod rejection;
mod request_id;
mod state;
mod trace_context;

pub(crate) use self::at_once::Arguments;
#[cfg(feature = "headers")]
pub use self::header::{Header, HeaderError, HeaderRejection};
pub use self::{
    caller::{Cancelled, DeadlineMissing, DeadlineRejection},
    extension::{Extension, ExtensionError, ExtensionRejection},
    field::FieldError,
    form::{Form, FormError, FormRejection},
    json::{Json, JsonError, JsonRejection},
    matched_path::{MatchedPath, MatchedPathError, MatchedPathRejection},
    path::{Path, PathError, PathRejection},
    query::{Query, QueryError, QueryRejection},
    raw_body::RawBody,
    rejection::{Reason, Rejection},
    request_id::{RequestIdMissing, RequestIdRejection},
    state::State,
    trace_context::{TraceContextMissing, TraceContextRejection},
};
pub use crate::http::Deadline;
pub use crate::observe::{ParentId, TraceContext, TraceId};
pub use axum_core::extract::rejection::{BytesRejection, StringRejection};
pub use axum_core::extract::{
    DefaultBodyLimit, FromRef, FromRequest, FromRequestParts, OptionalFromRequest, OptionalFromRequestParts, Request,
};

/// Lets an extractor be used as what it holds.
macro_rules! deref {
    ($name:ident) => {
        impl<T> std::ops::Deref for $name<T> {
            type Target = T;

            fn deref(&self) -> &T {
                &self.0
            }
        }

        impl<T> std::ops::DerefMut for $name<T> {
            fn deref_mut(&mut self) -> &mut T {
                &mut self.0
            }
        }
    };
}
use deref;

/// Whether the content type is `type/subtype`, or `type/…+subtype` where `suffix` allows it.
fn content_type_is(headers: &http::HeaderMap, kind: &str, subtype: &str, suffix: bool) -> bool {
    // Looking at a few names costs less than hashing one; of several the first counts.
    let value = headers.iter().find_map(|(name, value)| (name == http::header::CONTENT_TYPE).then_some(value));
    let Some(value) = value.and_then(|value| value.to_str().ok()) else {
        return false;
    };
    // As nearly all say it.
    if value.strip_prefix(kind).and_then(|rest| rest.strip_prefix('/')) == Some(subtype) {
        return true;
    }
    let Some((left, right)) = value.split(';').next().unwrap_or_default().split_once('/') else {
        return false;
    };
    let right = right.trim_end();
    let right = if suffix { right.rsplit('+').next().unwrap_or_default() } else { right };
    left.trim_start().eq_ignore_ascii_case(kind) && right.eq_ignore_ascii_case(subtype)
}
