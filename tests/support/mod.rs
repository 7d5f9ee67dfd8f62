//! A worker task and small helpers for tests that run both ends of a bus in one process.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod objects;
pub(crate) mod process;

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use slotbus::{Body, Serve};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::Service;
use uuid::Uuid;

/// A worker on a task of this runtime, stopped gracefully by `stop`.
pub(crate) struct Worker {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), slotbus::Error>>,
}

impl Worker {
    /// Serves `service` on the bus called `name`.
    pub(crate) fn start<S, R, E>(name: &str, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<R>, Error = E> + Clone + Send + 'static,
        S::Future: Send,
        E: Into<slotbus::body::BoxError>,
        R: http_body::Body<Data = Bytes> + Send + 'static,
        R::Error: Into<slotbus::body::BoxError>,
    {
        Self::with(name, service, |serve| serve)
    }

    /// As `start`, with options.
    pub(crate) fn with<S, R, E>(name: &str, service: S, options: impl FnOnce(Serve<S>) -> Serve<S>) -> Self
    where
        S: Service<Request<Body>, Response = Response<R>, Error = E> + Clone + Send + 'static,
        S::Future: Send,
        E: Into<slotbus::body::BoxError>,
        R: http_body::Body<Data = Bytes> + Send + 'static,
        R::Error: Into<slotbus::body::BoxError>,
    {
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = options(slotbus::serve(service).name(name).body_limit(8 << 20));
        let serve = serve.with_graceful_shutdown(async {
            // A dropped sender means the test has ended without stopping its worker.
            let _ = stopped.await;
        });
        Self { stop, task: tokio::spawn(serve.into_future()) }
    }

    /// Tells the worker to stop.
    pub(crate) fn tell(self) -> JoinHandle<Result<(), slotbus::Error>> {
        let _ = self.stop.send(());
        self.task
    }

    /// Tells the worker to stop and waits until it has.
    pub(crate) async fn stop(self) {
        self.tell().await.unwrap().unwrap();
    }

    /// Drops the worker without telling it.
    pub(crate) fn abort(self) {
        self.task.abort();
    }
}

/// A worker on a thread and a runtime of its own, for tests that block; stopped gracefully when dropped.
pub(crate) struct OnThread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl OnThread {
    /// Serves `app` on the bus called `name`.
    pub(crate) fn start(name: &str, app: slotbus::Router) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = slotbus::serve(app).name(name).with_graceful_shutdown(async { drop(stopped.await) });
        let thread = std::thread::spawn(|| {
            tokio::runtime::Runtime::new().unwrap().block_on(serve.into_future()).unwrap();
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for OnThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(std::thread::JoinHandle::join);
        assert!(std::thread::panicking() || matches!(ended, Some(Ok(()))), "the worker did not end well");
    }
}

/// A name of its own for each test.
pub(crate) fn name() -> String {
    format!("test-{}", Uuid::new_v4())
}

/// A GET without a body.
pub(crate) fn get_request(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

/// The whole body of a response.
pub(crate) async fn bytes(response: Response<Body>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

/// A service of one function, for tests that need no router.
pub(crate) fn service<F, Fut>(
    answer: F,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static
where
    F: Fn(Request<Body>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Response<Body>> + Send + 'static,
{
    tower::service_fn(move |request| {
        let response = answer(request);
        async move { Ok(response.await) }
    })
}
