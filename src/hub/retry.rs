//! A policy for tower's retry layer: what may be sent again when a worker died over it.

use std::future::{Ready, ready};

use http::{Method, Request};
use tower::retry::Policy;

use super::error::CallError;

/// Sends a request again whose worker died before it answered.
///
/// Only one that may be carried out twice: of a method that is idempotent (RFC 9110 section 9.2.2: GET, HEAD, OPTIONS, TRACE,
/// PUT, DELETE), and without a body, because a body is gone when it was sent. Nothing else is retried: not what timed out,
/// whose handler may be running still, not what no worker took while there was time, and not what a handler answered, whatever its
/// status.
///
/// ```no_run
/// use slotbus::hub::{Hub, RetryIdempotent};
/// use tower::{ServiceBuilder, ServiceExt};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let hub = Hub::builder("greeter").create()?;
/// let service = ServiceBuilder::new().retry(RetryIdempotent::times(2)).service(hub);
/// let request = http::Request::get("/hello").body(slotbus::Body::empty())?;
/// let response = service.oneshot(request).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetryIdempotent {
    left: usize,
}

impl RetryIdempotent {
    /// Sends a request again at most `times` times.
    #[must_use]
    pub fn times(times: usize) -> Self {
        Self { left: times }
    }
}

impl<B, R> Policy<Request<B>, R, CallError> for RetryIdempotent
where
    B: http_body::Body + Default,
{
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Request<B>, result: &mut Result<R, CallError>) -> Option<Ready<()>> {
        match result {
            Err(CallError::WorkerDied | CallError::Abandoned) if self.left > 0 => {
                self.left -= 1;
                Some(ready(()))
            }
            _ => None,
        }
    }

    fn clone_request(&mut self, request: &Request<B>) -> Option<Request<B>> {
        let may = is_idempotent(request.method()) && request.body().is_end_stream() && self.left > 0;
        may.then(|| {
            let mut again = Request::new(B::default());
            *again.method_mut() = request.method().clone();
            *again.uri_mut() = request.uri().clone();
            *again.version_mut() = request.version();
            *again.headers_mut() = request.headers().clone();
            *again.extensions_mut() = request.extensions().clone();
            again
        })
    }
}

fn is_idempotent(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE, Method::PUT, Method::DELETE].contains(method)
}
