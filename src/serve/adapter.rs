//! A tower service of HTTP as the worker's service of calls.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Method, Request, Response, StatusCode, response};
use pin_project_lite::pin_project;
use tower::Service;

use crate::body::{Body, BoxError};
use crate::http::context::CallContext;
use crate::http::{BodyCollector, has_body, limit_body, put_request, reply_of};
use crate::observe::{Observation, Subject, Watch, WorkerMeters};
use crate::protocol::{Call, CallError, Limits, OutgoingReply, RequestId, Segments};
use crate::response::{IntoResponse as _, refusal_of};
use crate::worker::CallService;

/// Wraps a service of `http::Request`.
#[derive(Clone, Debug)]
pub(crate) struct HttpService<S> {
    service: S,
    /// For extractors.
    body_limit: Option<usize>,
    /// For what comes and what goes.
    limits: Limits,
}

impl<S> HttpService<S> {
    pub(crate) fn new(service: S, body_limit: Option<usize>, limits: Limits) -> Self {
        Self { service, body_limit, limits }
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
    type Request = Request<Body>;
    type Future = CallFuture<S::Future, R>;

    fn request(&self, call: &mut Call, place: &mut Option<Request<Body>>) -> Result<(), CallError> {
        put_request(place, call, self.limits.headers)?;
        if let (Some(request), Some(limit)) = (place, self.body_limit) {
            limit_body(request, limit);
        }
        Ok(())
    }

    #[cold]
    fn observe(request: &mut Request<Body>, watch: Watch, meters: &WorkerMeters, sent_at: Option<u64>) -> Observation {
        let subject = Subject {
            id: RequestId::of(request.extensions()),
            method: request.method(),
            path: request.uri().path(),
            headers: request.headers(),
        };
        let observation = watch.observe(meters, sent_at, &subject);
        if let Some(context) = request.extensions_mut().get_mut::<CallContext>() {
            context.observed = observation.witness();
        }
        observation
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.service.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, place: &mut Option<Request<Body>>) -> Self::Future {
        let request = place.as_ref().expect("a request was put there");
        let (id, method) = (RequestId::of(request.extensions()), request.method().clone());
        let state = State::Calling { future: self.service.call(place.take().expect("it is there")) };
        CallFuture { state, id, method, limits: self.limits }
    }

    fn error(request: &Request<Body>, error: BoxError) -> OutgoingReply {
        failure(error, RequestId::of(request.extensions()).as_ref())
    }
}

/// The answer to a request whose service failed.
fn failure(error: BoxError, id: Option<&RequestId>) -> OutgoingReply {
    full_reply(refusal_of(error, id).into_response())
}

/// Makes a reply of a response of our own, whose body is there already.
fn full_reply(response: Response<Body>) -> OutgoingReply {
    let (parts, body) = response.into_parts();
    let status = parts.status;
    let collector = std::pin::pin!(BodyCollector::new(body, usize::MAX));
    match collector.poll(&mut Context::from_waker(std::task::Waker::noop())) {
        Poll::Ready(Ok(body)) => {
            reply_of(parts, body, &Method::GET, usize::MAX).unwrap_or_else(|_| OutgoingReply::bare(status))
        }
        _ => OutgoingReply::bare(status),
    }
}

pin_project! {
    /// Runs a service's future and collects its response.
    pub(crate) struct CallFuture<F, R> {
        #[pin]
        state: State<F, R>,
        id: Option<RequestId>,
        method: Method,
        limits: Limits,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, R> {
        Calling { #[pin] future: F },
        Collecting { #[pin] body: BodyCollector<R>, parts: Option<response::Parts> },
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
                        Err(error) => return Poll::Ready(failure(error.into(), this.id.as_ref())),
                    };
                    if parts.status.is_informational() {
                        return Poll::Ready(refused(&NotFinal(parts.status), this.id.as_ref()));
                    }
                    if !has_body(this.method, parts.status) {
                        return Poll::Ready(finish(
                            parts,
                            Segments::default(),
                            this.method,
                            this.limits.headers,
                            this.id.as_ref(),
                        ));
                    }
                    let body = BodyCollector::new(body, this.limits.body);
                    this.state.set(State::Collecting { body, parts: Some(parts) });
                }
                StateProjection::Collecting { body, parts } => {
                    let collected = ready!(body.poll(cx));
                    let parts = parts.take().expect("polled after it was ready");
                    return Poll::Ready(match collected {
                        Ok(body) => finish(parts, body, this.method, this.limits.headers, this.id.as_ref()),
                        Err(error) => refused(&error, this.id.as_ref()),
                    });
                }
            }
        }
    }
}

#[inline]
fn finish(
    parts: response::Parts,
    body: Segments,
    method: &Method,
    header_limit: usize,
    id: Option<&RequestId>,
) -> OutgoingReply {
    reply_of(parts, body, method, header_limit).unwrap_or_else(|error| refused(&error, id))
}

/// The answer in place of a response that cannot be sent.
fn refused(error: &(dyn Error + 'static), id: Option<&RequestId>) -> OutgoingReply {
    let cause = error.source().map(ToString::to_string);
    tracing::error!(request_id = id.map(tracing::field::display), cause, "response refused: {error}");
    let detail = format!("the response was refused: {error}");
    OutgoingReply::problem(StatusCode::INTERNAL_SERVER_ERROR, &detail, id)
}

/// A handler answered with a status that only announces another.
#[derive(Debug, thiserror::Error)]
#[error("{0} is no final status")]
struct NotFinal(StatusCode);
