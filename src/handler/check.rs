//! Questions the attribute asks the compiler, so that it answers in the handler's words.
//!
//! Each trait here is another one under a name of its own, with a text that says what to do. The attribute asks by them for
//! plain types. For a type with parameters it asks by the trait itself: most often one of the parameters is to blame, and
//! the compiler's own text names that one.

use axum_core::{
    extract::{FromRequest, FromRequestParts},
    response::{IntoResponse, Response},
};

use crate::response::answer_of;

/// An argument that may stand before the last one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` reads the body of the request, so it must be the last argument of the handler",
    label = "move it to the end; only one argument may read the body"
)]
pub trait ReadsNoBody<S> {}

#[diagnostic::do_not_recommend]
impl<S, T: FromRequestParts<S>> ReadsNoBody<S> for T {}

/// Compiles if `T` does not need the body.
pub fn reads_no_body<S, T: ReadsNoBody<S>>() {}

/// An argument before the last one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an extractor that may stand before the last argument of a handler",
    note = "take a type of `slotbus::extract`, such as `Path<T>`, `Query<T>` or `State<T>`, move `{Self}` to the end if it reads \
            the body, or implement `FromRequestParts<S>` for it",
    note = "an extractor for one type of state fits only a router with that state"
)]
pub trait Argument<S>: FromRequestParts<S> {}

#[diagnostic::do_not_recommend]
impl<S, T: FromRequestParts<S>> Argument<S> for T {}

/// The last argument.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an extractor, so it cannot be an argument of a handler",
    note = "take a type of `slotbus::extract`, such as `Path<T>`, `Query<T>`, `Json<T>` or `State<T>`, or implement \
            `FromRequestParts<S>` for `{Self}`, or `FromRequest<S>` if it reads the body",
    note = "an extractor for one type of state fits only a router with that state"
)]
pub trait LastArgument<S, M>: FromRequest<S, M> {}

#[diagnostic::do_not_recommend]
impl<S, M, T: FromRequest<S, M>> LastArgument<S, M> for T {}

/// What a handler returns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a response, so a handler cannot return it",
    note = "return `Json(..)` of it, a `String`, a `StatusCode`, or a tuple of status, headers and one of these, or implement \
            `IntoResponse` for `{Self}`"
)]
pub trait Answer: IntoResponse {}

#[diagnostic::do_not_recommend]
impl<T: IntoResponse> Answer for T {}

/// The response that a handler's result is.
pub fn respond<T: Answer + 'static>(result: T) -> Response {
    answer_of(result)
}

/// As `respond`, for a type that has no name or has others in it: the compiler says itself which of them is no response.
pub fn respond_unnamed<T: IntoResponse + 'static>(result: T) -> Response {
    answer_of(result)
}

/// Passes the future of a handler on; it must be `Send`, as it may be finished on another thread.
pub fn sendable<F: Future + Send>(future: F) -> F {
    future
}
