//! Who sends requests: to a service in this process, or through a hub.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use http::{Method, Request, Response};
use tower::Service;

use super::in_process::InProcess;
use super::request::{TestRequest, request_methods};
use crate::body::{Body, BoxError};
use crate::hub::{CallError, Hub};
use crate::serve::{Serve, serve};

/// The way of a request.
pub(super) trait Transport: Send + Sync {
    fn send(&self, request: Request<Body>) -> BoxFuture<'static, Result<Response<Body>, CallError>>;
}

impl Transport for Hub {
    fn send(&self, request: Request<Body>) -> BoxFuture<'static, Result<Response<Body>, CallError>> {
        Box::pin(self.call(request))
    }
}

/// Sends requests to a service in this process, without a bus.
///
/// The service sees what a worker would show it: each request is encoded and decoded as on the wire, has a
/// [`RequestId`](crate::RequestId), a [`Deadline`](crate::Deadline) of 30 s and the default body limit, and lacks what the wire does
/// not carry (hop-by-hop headers, extensions). So is the answer: errors of the service are problems, a panic is a 500, a body of a
/// HEAD is not there. What takes a bus is a [`TestBus`](super::TestBus)'s: nobody keeps the deadline here, and
/// [`Cancelled`](crate::Cancelled) never resolves; a request that is dropped drops its handler.
///
/// ```
/// use slotbus::testing::TestClient;
/// use slotbus::{Path, Router, handler, routes};
///
/// #[handler(GET, "/hello/{name}")]
/// async fn hello(Path(name): Path<String>) -> String {
///     format!("hello, {name}")
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let client = TestClient::new(Router::new().routes(routes![hello]));
/// client.get("/hello/world").await.assert_status(200).assert_text("hello, world");
/// client.get("/goodbye").await.assert_status(404);
/// # }
/// ```
#[derive(Clone)]
pub struct TestClient {
    transport: Arc<dyn Transport>,
}

impl TestClient {
    /// Sends to `service` what [`serve`] would show it.
    pub fn new<S, R>(service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<R>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        R: http_body::Body + Send + 'static,
        R::Data: Send,
        R::Error: Into<BoxError>,
    {
        Self::with_options(serve(service))
    }

    /// Sends to the service of a worker that is not started. Its `body_limit`, `message_limit` and `header_limit` count; what takes a
    /// bus or a thread does not.
    pub fn with_options<S, R>(worker: Serve<S>) -> Self
    where
        S: Service<Request<Body>, Response = Response<R>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        R: http_body::Body + Send + 'static,
        R::Data: Send,
        R::Error: Into<BoxError>,
    {
        let (service, limits) = worker.into_http_service();
        Self { transport: Arc::new(InProcess::new(service, limits)) }
    }

    pub(super) fn over(hub: &Hub) -> Self {
        Self { transport: Arc::new(hub.clone()) }
    }

    request_methods!();

    #[track_caller]
    fn start_request(&self, request: Request<Body>) -> TestRequest {
        TestRequest::new(Arc::clone(&self.transport), request)
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClient").finish_non_exhaustive()
    }
}
