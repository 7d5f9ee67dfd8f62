//! A worker that runs.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::error::Error;

/// A running worker. It ends when its shutdown signal resolves, or with an [`Error`].
///
/// Dropped, the worker stops at once: what is in hand is answered 503, and the drop blocks for as long as its threads need
/// to come back, 100 ms at most for one that is inside a handler, and 1 s at most for a hub that has not read a long
/// answer yet. A thread still inside a handler then ends by itself after it.
#[must_use = "a worker does nothing until it is awaited"]
pub struct ServeFuture(Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>);

impl ServeFuture {
    pub(crate) fn new(worker: impl Future<Output = Result<(), Error>> + Send + 'static) -> Self {
        Self(Box::pin(worker))
    }
}

impl Future for ServeFuture {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for ServeFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServeFuture")
    }
}
