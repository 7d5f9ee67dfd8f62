//! The deadline of one call, kept by the watcher while the call waits for somebody else to wake it.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::error::CallError;
use super::shared::Shared;
use super::watch::DeadlineKey;

/// Stands for a time-out that the clock cannot reach.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// When a call must have ended.
#[derive(Debug)]
pub(super) struct Deadline {
    shared: Arc<Shared>,
    started: Instant,
    /// The call was pending since: for its body, or for a slot.
    waited: bool,
    at: Instant,
    key: Option<DeadlineKey>,
}

impl Deadline {
    /// The hub's time-out from now on, or what the request says if that is sooner.
    #[inline]
    pub(super) fn start(shared: Arc<Shared>, own: Option<crate::http::Deadline>) -> Self {
        let started = Instant::now();
        let at = started.checked_add(shared.timeout).unwrap_or_else(|| started + A_YEAR);
        let at = own.map_or(at, |crate::http::Deadline(own)| own.min(at));
        Self { shared, started, waited: false, at, key: None }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The time now, which is when the call began unless it has waited since.
    #[inline]
    pub(super) fn now(&self) -> Instant {
        if self.waited { Instant::now() } else { self.started }
    }

    /// The same deadline in the hub's next life, for a call of which nothing is sent in this one.
    ///
    /// Fails when this life is over because the hub is.
    pub(super) fn moved(&self) -> Result<Self, CallError> {
        let next = if self.shared.retired.is_raised() { self.shared.current() } else { None };
        let shared = next.filter(|next| !next.is_closed()).ok_or(CallError::Closed)?;
        Ok(Self { shared, started: self.started, waited: true, at: self.at, key: None })
    }

    /// The time now, as `now` tells it; fails when the time is up. The clock is asked only if there was something to wait for.
    #[inline]
    pub(super) fn check(&self) -> Result<Instant, CallError> {
        let now = self.now();
        if self.at <= now { Err(self.timed_out()) } else { Ok(now) }
    }

    fn timed_out(&self) -> CallError {
        CallError::TimedOut(self.at.saturating_duration_since(self.started))
    }

    /// When the call must have ended, as a worker is told.
    #[inline]
    pub(super) fn on_the_wire(&self) -> u64 {
        self.shared.clock.nanos(self.at)
    }

    /// Sees to it that the task of `cx` is woken when the time is up or the hub closes; fails when either is so already.
    pub(super) fn watch(&mut self, cx: &Context<'_>) -> Result<(), CallError> {
        self.waited = true;
        self.check()?;
        let Self { shared, started: _, waited: _, at, key } = self;
        if shared.watch.set_deadline(*at, key, cx.waker())? {
            // The watcher is parked on the bell for longer: a ring of our own makes it look.
            shared.bus.bus().responses().ring();
        }
        Ok(())
    }

    /// Resolves as `future` does, or fails when the time is up.
    pub(super) async fn limit<T, E: Into<CallError>>(
        &mut self,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CallError> {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(output.map_err(Into::into)),
            Poll::Pending => match self.watch(cx) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
        })
        .await
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.shared.watch.clear_deadline(key);
        }
    }
}
