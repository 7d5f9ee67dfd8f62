//! Which handler answers a request.
//!
//! A [`Router`] is declared before its state is known and asked afterwards, so it has two forms: paths with endpoints that
//! wait for the state (`endpoint`), and a table of [`Route`]s that is made of them once, when it is first asked whether it is
//! ready (`table`), and logged then (`announce`). A clone of a router is one count.

mod announce;
mod declared;
#[cfg(feature = "openapi")]
mod describe;
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

pub use crate::handler::{
    Declaration, Handler, HandlerFn, HandlerTimedOut, OnDisconnect, ResponseFuture, RouteOptions, Shared,
};

pub use crate::http::RefusedRequest;

pub use self::{
    declared::{RouteInfo, Routes},
    endpoint::Route,
    on_disconnect::OnDisconnectService,
    router::Router,
};

/// Names the handlers to add to a [`Router`](crate::Router): `routes![show, admin::delete]`.
///
/// A handler that is named twice is a compile-time error, whatever names it goes by: conflicting implementations of
/// `ListedOnlyOnce`. Two handlers that answer the same requests are found when they are added to the router.
///
/// ```
/// #[slotbus::handler(GET, "/")]
/// async fn index() {}
///
/// let app: slotbus::Router = slotbus::Router::new().routes(slotbus::routes![index]);
/// ```
///
/// ```compile_fail,E0119
/// # #[slotbus::handler(GET, "/")]
/// # async fn index() {}
/// let routes = slotbus::routes![index, index];
/// # let _: slotbus::Router = slotbus::Router::new().routes(routes);
/// ```
#[macro_export]
macro_rules! routes {
    ($($handler:ty),* $(,)?) => {{
        #[allow(dead_code)]
        trait ListedOnlyOnce {}
        $(impl ListedOnlyOnce for $handler {})*
        $crate::routing::Routes::new()$(.with::<$handler, _>())*
    }};
}
