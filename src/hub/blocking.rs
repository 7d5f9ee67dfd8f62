//! Calls from plain threads.

use std::future::Future;
use std::task::{Context, Poll};

use crate::sync::unpark_waker;

/// Drives `future` to its end on this thread.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let waker = unpark_waker();
    let mut context = Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
