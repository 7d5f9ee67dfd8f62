//! Which handler answers a request.
//!
//! A [`Router`] is declared before its state is known and asked afterwards, so it has two forms: paths with endpoints that
//! wait for the state (`endpoint`), and a table of [`Route`]s that is made of them once, when the first request comes
//! (`table`). A clone of a router is one count.

mod declared;
mod endpoint;
mod on_disconnect;
#[cfg(all(test, feature = "macros"))]
mod hub_tests;
mod paths;
#[cfg(any(fuzzing, test))]
pub(crate) mod probe;
mod refusals;
mod router;
mod service;
mod table;

pub use crate::handler::{Declaration, Handler, HandlerFn, ResponseFuture, Shared};

pub use crate::http::RefusedRequest;

pub use self::{
    declared::{RouteInfo, Routes},
    endpoint::Route,
    on_disconnect::{OnDisconnect, OnDisconnectService},
    router::Router,
};

/// Names the handlers to add to a [`Router`](crate::Router): `routes![show, admin::delete]`.
///
/// ```
/// #[slotbus::handler(GET, "/")]
/// async fn index() {}
///
/// let app: slotbus::Router = slotbus::Router::new().routes(slotbus::routes![index]);
/// ```
#[macro_export]
macro_rules! routes {
    ($($handler:ty),* $(,)?) => {
        $crate::routing::Routes::new()$(.with::<$handler, _>())*
    };
}
