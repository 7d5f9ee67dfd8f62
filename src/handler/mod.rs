//! What turns a request into an answer: functions under `#[slotbus::handler]`, and plain async functions as fallbacks.
//!
//! A handler knows extractors and responses, never routes of a table. It is handed a request and the router's state and
//! gives back one future, allocated once. In it are the function's body, the conversion of its result, and the extraction of what is
//! not there at once.

mod at_once;
mod check;
mod declaration;
#[cfg_attr(not(feature = "openapi"), path = "undocumented.rs")]
mod documented;
mod function;
mod future;
mod held;
mod last;
mod options;
mod state;
#[cfg_attr(not(feature = "tokio"), path = "no_timeout.rs")]
mod timeout;

use axum_core::extract::Request;

pub use self::{
    at_once::{ArgumentsOf, TakeAtOnce, TakeLater},
    check::{Answer, Argument, LastArgument, ReadsNoBody, reads_no_body, respond, respond_unnamed, sendable},
    declaration::Declaration,
    documented::Documented,
    function::HandlerFn,
    future::ResponseFuture,
    held::{Head, HeadForState, HoldForState, HoldHead, HoldWhole, LastOf, Whole, let_go},
    options::{HandlerTimedOut, OnDisconnect, RouteOptions},
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

    /// Takes the arguments out of the request, runs the function, converts what it returned. What is left of the request is nothing
    /// to be read.
    fn call(request: &mut Request, state: Shared<S>) -> ResponseFuture;
}
