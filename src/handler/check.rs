//! Questions the attribute asks the compiler, so that it answers in the handler's words.

use axum_core::extract::FromRequestParts;

/// An argument that may stand before the last one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` reads the body of the request, so it must be the last argument of the handler",
    label = "move it to the end"
)]
pub trait ReadsNoBody<S> {}

#[diagnostic::do_not_recommend]
impl<S, T: FromRequestParts<S>> ReadsNoBody<S> for T {}

/// Compiles if `T` does not need the body.
pub fn reads_no_body<S, T: ReadsNoBody<S>>() {}

/// Passes the future of a handler on; it must be `Send`, as it may be finished on another thread.
pub fn sendable<F: Future + Send>(future: F) -> F {
    future
}
