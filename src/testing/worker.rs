//! [`TestWorker`]: a worker in the process of its test.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::channel::oneshot;
use http::{Request, Response};
use tower::Service;

use crate::body::{Body, BoxError};
use crate::serve::{Error, Serve, ServeFuture};

/// A worker of a [`TestBus`](super::TestBus), in this process. Clones are the same worker.
#[derive(Clone)]
pub struct TestWorker(Arc<Mutex<Option<Running>>>);

struct Running {
    stop: oneshot::Sender<()>,
    /// Its threads run without being polled; polled, it learns that it is to stop.
    serve: ServeFuture,
}

impl TestWorker {
    /// Starts a worker that has the name of its bus.
    #[track_caller]
    pub(super) fn start<S, R>(worker: Serve<S>) -> Self
    where
        S: Service<Request<Body>, Response = Response<R>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        R: http_body::Body + Send + 'static,
        R::Data: Send,
        R::Error: Into<BoxError>,
    {
        let (stop, stopped) = oneshot::channel();
        let worker = worker.with_graceful_shutdown(async {
            // A sender that is dropped goes together with the worker.
            let _ = stopped.await;
        });
        let worker = Self(Arc::new(Mutex::new(Some(Running { stop, serve: worker.into_future() }))));
        worker.check();
        worker
    }

    /// Stops it gracefully: it claims no more, and what it has in hand is answered. Resolves when it has ended, at once when it
    /// was stopped before.
    ///
    /// # Panics
    /// When it has ended by itself, with its error.
    pub async fn stop(self) {
        let Some(Running { stop, serve }) = self.running().take() else { return };
        let _ = stop.send(());
        serve.await.unwrap_or_else(|error| panic!("the worker ended: {}", Causes(&error)));
    }

    /// Waits until it ends by itself, as when its service fails three times in a row. At once, and fine, when it was stopped
    /// before. Given up, this stops it at once.
    ///
    /// # Errors
    /// What it ended with.
    pub async fn ended(self) -> Result<(), Error> {
        let Some(Running { stop: _stop, serve }) = self.running().take() else { return Ok(()) };
        serve.await
    }

    /// Stops it at once, as when its future is dropped: what it has in hand is answered 503. Does nothing when it was stopped before.
    pub fn abort(self) {
        // Taken out first: the drop takes a while.
        let running = self.running().take();
        drop(running);
    }

    /// Panics if it has ended by itself.
    #[track_caller]
    pub(super) fn check(&self) {
        let mut running = self.running();
        let Some(Running { stop: _, serve }) = &mut *running else { return };
        if let Poll::Ready(ended) = Pin::new(serve).poll(&mut Context::from_waker(Waker::noop())) {
            *running = None;
            drop(running);
            let error = ended.expect_err("it was not told to stop");
            panic!("the worker ended: {}", Causes(&error));
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TestWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestWorker").field("is_running", &self.running().is_some()).finish()
    }
}

/// An error with what caused it.
struct Causes<'a>(&'a Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = std::error::Error::source(self.0);
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}
