//! What a router is besides its builder: a tower service, cheap to clone.

use std::{
    convert::Infallible,
    fmt,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use axum_core::response::Response;
use bytes::Bytes;
use tower::Service;

use super::{endpoint::in_place, paths::Inner, router::Router};
use crate::{body::BoxError, handler::ResponseFuture};

impl<B> Service<http::Request<B>> for Router
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A worker asks before it claims its first request, which therefore does not wait for the table.
        self.inner.table();
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> ResponseFuture {
        in_place(request, |request| self.inner.answer(request))
    }
}

impl<S> From<Inner<S>> for Router<S> {
    fn from(mut inner: Inner<S>) -> Self {
        // The table may be that of the router this one was made of.
        inner.table = OnceLock::new();
        Self { inner: Arc::new(inner) }
    }
}

impl<S> Default for Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Clone for Router<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<S> fmt::Debug for Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}
