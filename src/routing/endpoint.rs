//! What answers: a [`Route`], or an endpoint that becomes one when the state is known.

use std::{
    any::Any,
    convert::Infallible,
    fmt, mem,
    sync::Arc,
    task::{Context, Poll},
};

use axum_core::{
    extract::Request,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use tower::{Layer, Service, ServiceExt};

use crate::{
    body::{Body, BoxError},
    handler::{Handler, HandlerFn, ResponseFuture, Shared},
    http::{RefusalMap, Refuser},
    response::refusal_of,
};

/// The service a layer is given: the rest of the way to one handler.
///
/// It is always ready and never fails.
#[derive(Clone)]
pub struct Route(Arc<dyn Answer>);

/// The object behind a route.
trait Answer: Send + Sync {
    /// Takes what it needs of the request; what is left is its caller's to drop.
    fn answer(&self, request: &mut Request) -> ResponseFuture;
}

impl<F> Answer for F
where
    F: Fn(&mut Request) -> ResponseFuture + Send + Sync,
{
    fn answer(&self, request: &mut Request) -> ResponseFuture {
        self(request)
    }
}

impl Route {
    pub(super) fn new(answer: impl Fn(&mut Request) -> ResponseFuture + Send + Sync + 'static) -> Self {
        Self(Arc::new(answer))
    }

    /// A service that is cloned for each request, as its readiness belongs to one.
    pub(super) fn service<S>(service: S) -> Self
    where
        S: Service<Request, Response: IntoResponse, Error: Into<BoxError>, Future: Send>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        Self::new(move |request| {
            let service = service.clone();
            let (refuser, request) = (Refuser::of(request), mem::take(request));
            ResponseFuture::new(async move {
                match service.oneshot(request).await {
                    Ok(response) => response.into_response(),
                    Err(error) => refuser.answer(refusal_of(error.into(), refuser.request_id())),
                }
            })
        })
    }

    pub(super) fn answer(&self, request: &mut Request) -> ResponseFuture {
        self.0.answer(request)
    }
}

impl<B> Service<http::Request<B>> for Route
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> ResponseFuture {
        in_place(request, |request| self.answer(request))
    }
}

/// Calls `answer` with a request as handlers take it: with one that is so already where it stands.
#[inline]
pub(super) fn in_place<B>(
    mut request: http::Request<B>,
    answer: impl FnOnce(&mut Request) -> ResponseFuture,
) -> ResponseFuture
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    match (&mut request as &mut dyn Any).downcast_mut() {
        Some(request) => answer(request),
        None => answer(&mut request.map(Body::new)),
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").finish_non_exhaustive()
    }
}

/// A route, perhaps without its state yet.
pub(super) enum Endpoint<S> {
    Bound(Route),
    Waiting(Arc<Bind<S>>),
}

/// Makes the route when the state is there.
type Bind<S> = dyn Fn(&Shared<S>) -> Route + Send + Sync;

impl<S> Endpoint<S>
where
    S: Clone + Send + Sync + 'static,
{
    pub(super) fn handler<H: Handler<S, M>, M: 'static>() -> Self {
        let options = H::DECLARATION.options;
        if options.is_empty() {
            return Self::waiting(H::call);
        }
        Self::waiting(move |request, state| options.call(request, |request| H::call(request, state)))
    }

    pub(super) fn function<F: HandlerFn<S, A>, A>(function: F) -> Self {
        Self::waiting(move |request, state| function.call(request, state))
    }

    pub(super) fn waiting(
        call: impl Fn(&mut Request, Shared<S>) -> ResponseFuture + Clone + Send + Sync + 'static,
    ) -> Self {
        Self::Waiting(Arc::new(move |state| {
            let (call, state) = (call.clone(), state.clone());
            Route::new(move |request| call(request, state.clone()))
        }))
    }

    pub(super) fn layer<L>(self, layer: L) -> Self
    where
        L: Layer<Route> + Send + Sync + 'static,
        L::Service: Service<Request, Response: IntoResponse, Error: Into<BoxError>, Future: Send>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        match self {
            Self::Bound(route) => Self::Bound(Route::service(layer.layer(route))),
            Self::Waiting(bind) => Self::Waiting(Arc::new(move |state| Route::service(layer.layer(bind(state))))),
        }
    }
}

impl<S: 'static> Endpoint<S> {
    /// The same, with refusals answered by `map`.
    pub(super) fn refusing(self, map: &RefusalMap) -> Self {
        let map = map.clone();
        match self {
            Self::Bound(route) => Self::Bound(route.refusing(map)),
            Self::Waiting(bind) => Self::Waiting(Arc::new(move |state| bind(state).refusing(map.clone()))),
        }
    }
}

impl<S> Endpoint<S> {
    pub(super) fn bind(&self, state: &Shared<S>) -> Route {
        match self {
            Self::Bound(route) => route.clone(),
            Self::Waiting(bind) => bind(state),
        }
    }
}

impl<S> Clone for Endpoint<S> {
    fn clone(&self) -> Self {
        match self {
            Self::Bound(route) => Self::Bound(route.clone()),
            Self::Waiting(bind) => Self::Waiting(Arc::clone(bind)),
        }
    }
}
