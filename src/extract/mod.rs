//! What a handler can ask for: its arguments.
//!
//! An argument is anything that implements axum-core's [`FromRequestParts`], and the last one may implement
//! [`FromRequest`] instead and read the body. Besides the extractors of this module these work as they are: [`Request`],
//! `Bytes`, `String` and [`Body`](crate::Body) (last argument), [`http::HeaderMap`], [`http::Method`], [`http::Uri`],
//! [`http::Version`], and `Result<T, T::Rejection>` of any extractor to see why it failed. `Option<T>` works for those
//! that can tell "not there" from "wrong": [`Path`], [`Query`], [`Json`], [`RequestId`](crate::RequestId), [`MatchedPath`],
//! [`Deadline`], [`TraceContext`].
//!
//! Extractors written for axum work too, unless they read axum's own extensions: `axum::extract::Path` and
//! `axum::extract::MatchedPath` know only axum's router. Use the ones here.

mod caller;
mod extension;
mod form;
mod json;
mod matched_path;
mod path;
mod query;
mod rejection;
mod request_id;
mod state;
mod trace_context;

pub use self::{
    caller::{Cancelled, DeadlineMissing, DeadlineRejection},
    extension::{Extension, ExtensionError, ExtensionRejection},
    form::{Form, FormError, FormRejection},
    json::{Json, JsonError, JsonRejection},
    matched_path::{MatchedPath, MatchedPathError, MatchedPathRejection},
    path::{Path, PathError, PathRejection},
    query::{Query, QueryError, QueryRejection},
    rejection::{Reason, Rejection},
    request_id::{RequestIdMissing, RequestIdRejection},
    state::State,
    trace_context::{TraceContextMissing, TraceContextRejection},
};
pub use crate::http::Deadline;
pub use crate::observe::{ParentId, TraceContext, TraceId};
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
    let Some(value) = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let Some((left, right)) = value.split(';').next().unwrap_or_default().split_once('/') else {
        return false;
    };
    let right = right.trim_end();
    let right = if suffix { right.rsplit('+').next().unwrap_or_default() } else { right };
    left.trim_start().eq_ignore_ascii_case(kind) && right.eq_ignore_ascii_case(subtype)
}
