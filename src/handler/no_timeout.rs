//! Time-outs of routes without tokio: there are none.

use std::time::Duration;

use axum_core::response::Response;

use super::ResponseFuture;

/// Is never called, as nothing sets a time-out here: to the attribute it is an error.
pub(super) fn limit(_: ResponseFuture, _: Duration, _: impl FnOnce() -> Response) -> ResponseFuture {
    unreachable!("a time-out is set without the feature `tokio`")
}

/// Refuses a time-out, as there is no clock for it.
///
/// ```compile_fail
/// #[slotbus::handler(GET, "/", timeout = "2s")]
/// async fn handler() {}
/// ```
///
/// ```
/// #[slotbus::handler(GET, "/")]
/// async fn handler() {}
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __timeout {
    ($declaration:expr, $millis:literal) => {
        ::core::compile_error!(
            "the option `timeout` needs the feature `tokio` of slotbus, which is not enabled: enable it, or put a time-out \
             of your runtime into the function"
        )
    };
}
