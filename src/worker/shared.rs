//! What the pumps of one attachment and their supervisor share.

use std::sync::Arc;

use super::baton::Baton;
use super::flight::Gauge;
use super::{Executor, WorkerOptions};
use crate::bus::Alarm;
use crate::signal::Spin;
use crate::slot::Attachment;
use crate::sync::{Counter, Flag};

/// Slots a published hub needs for its pings beside what a worker holds.
const SLOTS_FOR_PINGS: usize = 2;

/// What the pumps of one attachment share.
pub(super) struct Shared {
    pub(super) attachment: Arc<Attachment>,
    pub(super) baton: Baton,
    pub(super) gauge: Arc<Gauge>,
    pub(super) executor: Arc<dyn Executor>,
    pub(super) stop: Flag,
    /// Rung when the first future stays unfinished: its caller must be looked after.
    alarm: Arc<Alarm>,
    /// Somebody looks after callers.
    pub(super) is_looked_after: Flag,
    /// Handlers have been slow lately, so the baton is handed over at once.
    pub(super) slow: Flag,
    /// Errors of `poll_ready` in a row, over all pumps.
    pub(super) ready_errors: Counter,
    /// One budget for all: only the holder of the baton spins.
    pub(super) spin: Spin,
    pub(super) concurrency: usize,
}

impl Shared {
    pub(super) fn new(
        attachment: Arc<Attachment>,
        executor: Arc<dyn Executor>,
        alarm: Arc<Alarm>,
        options: &WorkerOptions,
    ) -> Self {
        let slots = attachment.bus().region().geometry().num_slots();
        let most = if attachment.is_published_hub() { slots.saturating_sub(SLOTS_FOR_PINGS).max(1) } else { slots };
        Self {
            concurrency: options.concurrency.unwrap_or(most).min(most),
            attachment,
            executor,
            baton: Baton::default(),
            gauge: Arc::default(),
            stop: Flag::default(),
            alarm,
            is_looked_after: Flag::default(),
            slow: Flag::default(),
            ready_errors: Counter::default(),
            spin: Spin::new(options.spin),
        }
    }

    /// A future stays unfinished. It is counted among those in hand already, which whoever stops looking looks at last.
    pub(super) fn has_unfinished(&self) {
        if self.attachment.tells_of_callers() && !self.is_looked_after.is_raised() {
            self.is_looked_after.raise();
            self.alarm.ring();
        }
    }
}
