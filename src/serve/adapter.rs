//! A tower service of HTTP as the worker's service of calls.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum_core::extract::DefaultBodyLimit;
use http::{Method, Request, Response, StatusCode, response};
use pin_project_lite::pin_project;
use tower::Service;

use crate::body::{Body, BoxError};
use crate::http::{BodyCollector, call_to_request, has_body, reply_of};
use crate::protocol::{Call, CallError, OutgoingReply, RequestId, Segments};
use crate::response::error_response;
use crate::worker::CallService;

/// Wraps a service of `http::Request`.
#[derive(Clone, Debug)]
pub(super) struct HttpService<S> {
    service: S,
    /// For extractors.
    body_limit: Option<usize>,
    /// For response bodies, in bytes.
    message_limit: usize,
}

impl<S> HttpService<S> {
    pub(super) fn new(service: S, body_limit: Option<usize>, message_limit: usize) -> Self {
        Self { service, body_limit, message_limit }
    }
}

impl<S, R> CallService for HttpService<S>
where
    S: Service<Request<Body>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    R: http_body::Body + Send + 'static,
    R::Data: Send,
    R::Error: Into<BoxError>,
{
    type Future = CallFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.service.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let (id, method) = (call.id, call.method.clone());
        let state = match call_to_request(call) {
            Ok(mut request) => {
                if let Some(limit) = self.body_limit {
                    DefaultBodyLimit::max(limit).apply(&mut request);
                }
                State::Calling { future: self.service.call(request) }
            }
            Err(error) => State::Refused { error: Some(error) },
        };
        CallFuture { state, id, method, message_limit: self.message_limit }
    }

    fn error(&self, call: &Call, error: BoxError) -> OutgoingReply {
        failure(error, &call.id)
    }
}

/// The answer to a request whose service failed.
fn failure(error: BoxError, id: &RequestId) -> OutgoingReply {
    full_reply(error_response(error, Some(id)))
}

/// Makes a reply of a response of our own, whose body is there already.
fn full_reply(response: Response<Body>) -> OutgoingReply {
    let (parts, body) = response.into_parts();
    let status = parts.status;
    let collector = std::pin::pin!(BodyCollector::new(body, usize::MAX));
    match collector.poll(&mut Context::from_waker(std::task::Waker::noop())) {
        Poll::Ready(Ok(body)) => reply_of(parts, body, &Method::GET).unwrap_or_else(|_| OutgoingReply::bare(status)),
        _ => OutgoingReply::bare(status),
    }
}

pin_project! {
    /// Runs a service's future and collects its response.
    pub(super) struct CallFuture<F, R> {
        #[pin]
        state: State<F, R>,
        id: RequestId,
        method: Method,
        message_limit: usize,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, R> {
        Calling { #[pin] future: F },
        Collecting { #[pin] body: BodyCollector<R>, parts: Option<response::Parts> },
        Refused { error: Option<CallError> },
    }
}

impl<F, R, E> Future for CallFuture<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: Into<BoxError>,
    R: http_body::Body,
    R::Error: Into<BoxError>,
{
    type Output = OutgoingReply;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<OutgoingReply> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProjection::Calling { future } => {
                    let (parts, body) = match ready!(future.poll(cx)) {
                        Ok(response) => response.into_parts(),
                        Err(error) => return Poll::Ready(failure(error.into(), this.id)),
                    };
                    if parts.status.is_informational() {
                        tracing::error!(request_id = %this.id, "response refused: {} is no final status", parts.status);
                        return Poll::Ready(OutgoingReply::bare(StatusCode::INTERNAL_SERVER_ERROR));
                    }
                    if !has_body(this.method, parts.status) {
                        return Poll::Ready(finish(parts, Segments::default(), this.method, this.id));
                    }
                    let body = BodyCollector::new(body, *this.message_limit);
                    this.state.set(State::Collecting { body, parts: Some(parts) });
                }
                StateProjection::Collecting { body, parts } => {
                    let collected = ready!(body.poll(cx));
                    let parts = parts.take().expect("polled after it was ready");
                    return Poll::Ready(match collected {
                        Ok(body) => finish(parts, body, this.method, this.id),
                        Err(error) => {
                            let cause = std::error::Error::source(&error).map(ToString::to_string);
                            tracing::error!(request_id = %this.id, cause, "response refused: {error}");
                            OutgoingReply::error(
                                StatusCode::INTERNAL_SERVER_ERROR,
                                format!("response refused: {error}"),
                            )
                        }
                    });
                }
                StateProjection::Refused { error } => {
                    let error = error.take().expect("polled after it was ready");
                    tracing::warn!(request_id = %this.id, "request refused: {error}");
                    return Poll::Ready(OutgoingReply::error(error.status(), error.to_string()));
                }
            }
        }
    }
}

fn finish(parts: response::Parts, body: Segments, method: &Method, id: &RequestId) -> OutgoingReply {
    reply_of(parts, body, method).unwrap_or_else(|error| {
        tracing::error!(request_id = %id, "response refused: {error}");
        OutgoingReply::error(StatusCode::INTERNAL_SERVER_ERROR, format!("response refused: {error}"))
    })
}
