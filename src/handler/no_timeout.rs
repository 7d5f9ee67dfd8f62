//! Time-outs of routes without tokio: there are none.

use std::time::Duration;

use axum_core::response::Response;

use super::ResponseFuture;

/// Is never called, as nothing sets a time-out here: to the attribute it is an error.
pub(super) fn limit(_: ResponseFuture, _: Duration, _: impl FnOnce() -> Response) -> ResponseFuture {
    unreachable!("a time-out is set without the feature `tokio`")
}
