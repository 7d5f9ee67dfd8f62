//! The limit of a body that an argument reads whole, kept beside the request so that a refusal can name it.

use std::mem;

use axum_core::{RequestExt as _, extract::DefaultBodyLimit};
use futures::stream;
use http::Request;
use http_body::Body as _;

use super::context::CallContext;
use crate::body::{Body, BoxError};

/// axum-core's own limit in bytes, where nobody set another. It is asked all the same before it is named; `whole` believes it, and its
/// test compares it with axum-core's.
pub(super) const DEFAULT: u64 = 2 * 1024 * 1024;

/// Sets how many bytes of its body an argument may read.
pub(crate) fn limit_body(request: &mut Request<Body>, bytes: usize) {
    DefaultBodyLimit::max(bytes).apply(request);
    if let Some(context) = request.extensions_mut().get_mut::<CallContext>() {
        context.body_limit = Some(bytes);
    }
}

/// The limit in bytes that the request's body exceeds, when an argument reads all of it.
///
/// `None` also where that is not known: the body's length is not, the request came through no bus, or a layer of somebody else has
/// lowered the limit so far that this body is not long by ours.
pub(super) fn exceeded_limit(request: &mut Request<Body>) -> Option<u64> {
    let len = request.body().size_hint().exact()?;
    let known = request.extensions().get::<CallContext>()?.body_limit.map_or(DEFAULT, |bytes| bytes as u64);
    if len <= known {
        return None;
    }
    limit(request).filter(|&limit| len > limit)
}

/// The limit that axum-core goes by, which a layer may have raised, lowered or lifted. It tells it by the length that a body without
/// an end has under it.
fn limit(request: &mut Request<Body>) -> Option<u64> {
    let mut endless = Request::new(Body::from_stream(stream::empty::<Result<bytes::Bytes, BoxError>>()));
    mem::swap(endless.extensions_mut(), request.extensions_mut());
    let mut limited = endless.with_limited_body();
    mem::swap(limited.extensions_mut(), request.extensions_mut());
    limited.body().size_hint().upper()
}
