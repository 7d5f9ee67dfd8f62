//! What turns a request into an answer: functions under `#[slotbus::handler]`, and plain async functions as fallbacks.
//!
//! A handler knows extractors and responses, never routes of a table. It is handed a request and the router's state and
//! gives back one future, allocated once; extraction, the function's body and the conversion of its result are all in it.

mod check;
mod function;
mod future;
mod last;
mod state;

use axum_core::extract::Request;
use http::Method;

pub use self::{
    check::{ReadsNoBody, reads_no_body, sendable},
    function::HandlerFn,
    future::ResponseFuture,
    last::last_argument,
    state::Shared,
};

/// The route that `#[slotbus::handler]` puts beside a function, under the function's name.
///
/// The attribute implements it; nothing else needs to. `S` is the state of the router the handler is added to, and `M` says
/// whether the last argument reads the body.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a route of a router with state `{S}`",
    note = "each argument must be an extractor for that state: `FromRequestParts`, or `FromRequest` for the last one",
    note = "`State<T>` asks for a router whose state is `T`, or has a part `T` by `FromRef`"
)]
pub trait Handler<S, M>: 'static {
    /// What the attribute said.
    const DECLARATION: Declaration;

    /// Takes the arguments out of the request, runs the function, converts what it returned.
    fn call(request: Request, state: Shared<S>) -> ResponseFuture;
}

/// What `#[slotbus::handler]` knows of a function.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// The method.
    pub method: Method,
    /// The path, in either spelling.
    pub pattern: &'static str,
    /// The function, with its module.
    pub handler: &'static str,
    /// The first line of its documentation, or nothing.
    pub summary: &'static str,
    /// Where it stands: file and line.
    pub location: (&'static str, u32),
}
