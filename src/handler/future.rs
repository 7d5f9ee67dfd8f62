//! The one future of the framework.

use std::{
    convert::Infallible,
    fmt, mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum_core::response::Response;
use http::{HeaderValue, StatusCode, header};
use http_body::Body as _;

use crate::body::Body;

/// Resolves to the answer of a handler, a route or a router; never to an error.
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture {
    kind: Kind,
    /// The request's method was HEAD, so the body stays here.
    head: bool,
}

enum Kind {
    /// None once it was given away.
    Ready(Option<Response>),
    Boxed(Pin<Box<dyn Future<Output = Response> + Send>>),
}

impl ResponseFuture {
    /// A future that does something; costs an allocation.
    pub fn new(future: impl Future<Output = Response> + Send + 'static) -> Self {
        Self { kind: Kind::Boxed(Box::pin(future)), head: false }
    }

    /// An answer that is there already.
    pub fn ready(response: Response) -> Self {
        Self { kind: Kind::Ready(Some(response)), head: false }
    }

    /// Whether the answer is there already.
    #[cfg(feature = "tokio")]
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.kind, Kind::Ready(_))
    }

    /// Answers as a HEAD request is answered: the headers of a GET, without its body (RFC 9110, section 9.3.2).
    pub(crate) fn headers_only(mut self) -> Self {
        self.head = true;
        self
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut response = match &mut self.kind {
            Kind::Ready(response) => response.take().expect("the future was not polled after it was ready"),
            Kind::Boxed(future) => ready!(future.as_mut().poll(cx)),
        };
        if self.head {
            drop_body(&mut response);
        }
        Poll::Ready(Ok(response))
    }
}

/// Empties the response, but says how long the body would have been where that is known. That there is none is not: an empty body is
/// also what is left of one that a router before has taken away.
fn drop_body(response: &mut Response) {
    let body = mem::replace(response.body_mut(), Body::empty());
    let bodiless = matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if let Some(len) = body.size_hint().exact().filter(|&len| len > 0 && !bodiless) {
        response.headers_mut().entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from(len));
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, head } = self;
        let ready = matches!(kind, Kind::Ready(_));
        f.debug_struct("ResponseFuture").field("ready", &ready).field("head", head).finish()
    }
}
