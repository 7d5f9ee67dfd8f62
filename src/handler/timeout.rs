//! The time-out of one route, by tokio's clock.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum_core::response::Response;
use pin_project_lite::pin_project;
use tokio::{
    task::unconstrained,
    time::{Instant, Sleep, sleep_until},
};

use super::ResponseFuture;

pin_project! {
    /// A handler that is dropped when its time is over.
    ///
    /// The clock is read before the first poll, but a timer is set only for a handler that still waits after it.
    struct Limited<L> {
        // Present until it was dropped.
        handler: Option<ResponseFuture>,
        time: Duration,
        #[pin]
        timer: Option<Sleep>,
        // Present until the time is over.
        late: Option<L>,
    }
}

/// Answers with `late` instead when `handler` is not done within `time`.
pub(super) fn limit(
    handler: ResponseFuture,
    time: Duration,
    late: impl FnOnce() -> Response + Send + 'static,
) -> ResponseFuture {
    if handler.is_ready() {
        return handler;
    }
    ResponseFuture::new(Limited { handler: Some(handler), time, timer: None, late: Some(late) })
}

impl<L: FnOnce() -> Response> Future for Limited<L> {
    type Output = Response;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        let mut this = self.project();
        let start = this.timer.is_none().then(Instant::now);
        let handler = this.handler.as_mut().expect("the future was not polled after it was ready");
        if let Poll::Ready(Ok(response)) = Pin::new(handler).poll(cx) {
            return Poll::Ready(response);
        }
        if let Some(start) = start {
            this.timer.set(Some(sleep_until(start + *this.time)));
        }
        let timer = this.timer.as_pin_mut().expect("it was set");
        // A handler that uses up its task's budget in every poll would keep the timer from being looked at.
        ready!(Pin::new(&mut unconstrained(timer)).poll(cx));
        // Before the answer, so that nothing of the request runs when its caller goes on.
        *this.handler = None;
        Poll::Ready(this.late.take().expect("the time is over once")())
    }
}

/// A `Declaration` with a time-out in milliseconds.
#[doc(hidden)]
#[macro_export]
macro_rules! __timeout {
    ($declaration:expr, $millis:literal) => {
        $declaration.timeout(::core::time::Duration::from_millis($millis))
    };
}
