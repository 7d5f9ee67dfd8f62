//! What an attribute sets for one route.

use std::{fmt, time::Duration};

use axum_core::extract::Request;
use http::StatusCode;

use super::{ResponseFuture, timeout};
use crate::{
    http::{Refuser, context::CallContext, limit_body},
    response::{Problem, Refusal},
};

/// The time of a route was over before its handler was done: what is behind the
/// [`Refusal`](crate::response::Refusal) of its `timeout`, answered 504.
#[derive(Debug, thiserror::Error)]
#[error("the handler was not done within {0:?}")]
pub struct HandlerTimedOut(Duration);

impl HandlerTimedOut {
    /// The time that the handler had.
    pub fn time(&self) -> Duration {
        self.0
    }
}

/// The options of one route, as its `#[slotbus::handler]` set them.
///
/// They are applied right around the handler, inside all layers, so they win over a layer that sets the same thing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RouteOptions {
    pub(super) timeout: Option<Duration>,
    pub(super) body_limit: Option<usize>,
    pub(super) on_disconnect: Option<OnDisconnect>,
}

/// What becomes of a handler whose caller gives up or whose deadline passes before it is done.
///
/// It is an option of a handler, and a layer for a router or for a whole service; the option wins.
///
/// ```
/// # use slotbus::{Router, handler, routes, routing::OnDisconnect};
/// #[handler(POST, "/orders", on_disconnect = finish)]
/// async fn order() {}
/// # #[handler(GET, "/refund")]
/// # async fn refund() {}
///
/// let app: Router = Router::new().routes(routes![order]);
/// let app: Router = Router::new().routes(routes![refund]).layer(OnDisconnect::Finish);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum OnDisconnect {
    /// Its future is dropped, as when a connection breaks.
    #[default]
    Cancel,
    /// It runs to its end, and its answer is dropped: the caller has had an error.
    Finish,
}

impl OnDisconnect {
    /// Notes for the caller of this request, if a bus tells of one, what is to become of the handler.
    pub(crate) fn note<B>(self, request: &http::Request<B>) {
        if let Some(caller) = CallContext::caller_in(request.extensions()) {
            caller.finish(self == Self::Finish);
        }
    }
}

impl RouteOptions {
    /// Nothing is set.
    pub(super) const NONE: Self = Self { timeout: None, body_limit: None, on_disconnect: None };

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// After which time the handler is dropped and answered 504.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// How many bytes of a body extractors accept.
    pub fn body_limit(&self) -> Option<usize> {
        self.body_limit
    }

    /// What becomes of the handler when its caller gives up.
    pub fn on_disconnect(&self) -> Option<OnDisconnect> {
        self.on_disconnect
    }

    /// Calls a handler as the options say.
    pub(crate) fn call(
        self,
        request: &mut Request,
        handler: impl FnOnce(&mut Request) -> ResponseFuture,
    ) -> ResponseFuture {
        let Self { timeout, body_limit, on_disconnect } = self;
        if let Some(bytes) = body_limit {
            limit_body(request, bytes);
        }
        if let Some(what) = on_disconnect {
            what.note(request);
        }
        let Some(time) = timeout else { return handler(request) };
        let refuser = Refuser::of(request);
        timeout::limit(handler(request), time, move || {
            let detail = format!("the handler was not done within {time:?}");
            let problem = refuser.about(Problem::new(StatusCode::GATEWAY_TIMEOUT).detail(detail));
            refuser.answer(Refusal::because(problem, HandlerTimedOut(time)))
        })
    }
}

/// Shows what is set: `timeout 2s, body_limit 1024, on_disconnect finish`.
impl fmt::Display for RouteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { timeout, body_limit, on_disconnect } = self;
        let set = [
            timeout.map(|time| format!("timeout {time:?}")),
            body_limit.map(|bytes| format!("body_limit {bytes}")),
            on_disconnect.map(|what| format!("on_disconnect {what:?}").to_lowercase()),
        ];
        f.write_str(&set.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}
