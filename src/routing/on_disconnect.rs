//! What becomes of handlers whose callers give up, as a layer.

use std::task::{Context, Poll};

use http::Request;
use tower::{Layer, Service};

use crate::handler::OnDisconnect;

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
        self.what.note(&request);
        self.service.call(request)
    }
}
