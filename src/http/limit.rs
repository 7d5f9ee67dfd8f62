//! The limit of a body that an argument reads whole, kept beside the request so that a refusal can name it: axum-core tells
//! nobody which one it is.

use axum_core::extract::DefaultBodyLimit;
use http::Request;
use http_body::Body as _;

use super::context::CallContext;
use crate::body::Body;

/// axum-core's own limit in bytes, where nobody set another.
const DEFAULT: u64 = 2 * 1024 * 1024;

/// Sets how many bytes of its body an argument may read.
pub(crate) fn limit_body(request: &mut Request<Body>, bytes: usize) {
    DefaultBodyLimit::max(bytes).apply(request);
    if let Some(context) = request.extensions_mut().get_mut::<CallContext>() {
        context.body_limit = Some(bytes);
    }
}

/// A body that is longer than an argument may read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Excess {
    pub(crate) len: u64,
    pub(crate) limit: u64,
}

/// Whether the request's body is too long for an argument. `None` also where that is not known: the body's length is not, the
/// request came through no bus, or a layer that is not ours has set a lower limit.
pub(super) fn excess(request: &Request<Body>) -> Option<Excess> {
    let len = request.body().size_hint().exact()?;
    let context = request.extensions().get::<CallContext>()?;
    let limit = context.body_limit.map_or(DEFAULT, |bytes| bytes as u64);
    (len > limit).then_some(Excess { len, limit })
}
