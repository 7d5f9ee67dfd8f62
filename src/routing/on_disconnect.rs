//! What becomes of a handler whose caller gives up.

use std::task::{Context, Poll};

use http::Request;
use tower::{Layer, Service};

use crate::http::context::CallContext;

/// What becomes of a handler whose caller gives up or whose deadline passes before it is done.
///
/// It is a layer: for one route, for a router or for a whole service.
///
/// ```
/// # use slotbus::{Router, handler, routes, routing::OnDisconnect};
/// # #[handler(POST, "/orders")]
/// # async fn order() {}
/// let app: Router = Router::new().routes(routes![order]).layer(OnDisconnect::Finish);
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

impl<S> Layer<S> for OnDisconnect {
    type Service = OnDisconnectService<S>;

    fn layer(&self, service: S) -> OnDisconnectService<S> {
        OnDisconnectService { service, what: *self }
    }
}

/// The service that [`OnDisconnect`] makes.
#[derive(Clone, Debug)]
pub struct OnDisconnectService<S> {
    service: S,
    what: OnDisconnect,
}

impl<S, B> Service<Request<B>> for OnDisconnectService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        if let Some(caller) = CallContext::caller_in(request.extensions()) {
            caller.finish(self.what == OnDisconnect::Finish);
        }
        self.service.call(request)
    }
}
