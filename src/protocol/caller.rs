//! Who waits for the answer of a request, as far as its handler may know: until when, and whether still.
//!
//! A trait, because what asks knows HTTP and what can tell knows slots, and neither knows the other.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use futures::task::AtomicWaker;

use super::geometry::SlotIndex;
use crate::sync::Flag;

/// Knows the callers of an attachment's requests.
pub(crate) trait Callers: Send + Sync {
    /// Whether the caller of this dispatch has given up.
    fn has_given_up(&self, slot: SlotIndex, ticket: u64) -> bool;

    /// Has `news` told when the caller of this dispatch gives up, unless that is over by then.
    fn tell(&self, slot: SlotIndex, ticket: u64, news: &Arc<News>);

    /// Whether the handler of this dispatch is to run to its end though its caller gives up.
    fn finish(&self, slot: SlotIndex, ticket: u64, finish: bool);

    /// A time of CLOCK_MONOTONIC.
    fn instant(&self, nanos: u64) -> Instant;
}

/// The caller of one dispatch.
#[derive(Clone)]
pub(crate) struct Caller {
    callers: Arc<dyn Callers>,
    slot: SlotIndex,
    ticket: u64,
    /// Nanoseconds of CLOCK_MONOTONIC, 0 for none.
    deadline: u64,
}

impl Caller {
    pub(crate) fn new(callers: Arc<dyn Callers>, slot: SlotIndex, ticket: u64, deadline: u64) -> Self {
        Self { callers, slot, ticket, deadline }
    }

    /// Until when the caller waits, if it says so.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        (self.deadline != 0).then(|| self.callers.instant(self.deadline))
    }

    /// Whether the handler is to run to its end though the caller gives up.
    pub(crate) fn finish(&self, finish: bool) {
        self.callers.finish(self.slot, self.ticket, finish);
    }

    /// What will tell that the caller gave up.
    pub(crate) fn news(&self) -> Arc<News> {
        let news = Arc::new(News::default());
        self.callers.tell(self.slot, self.ticket, &news);
        // Looked at after it was asked for: it may have happened in between.
        if self.callers.has_given_up(self.slot, self.ticket) {
            news.spread();
        }
        news
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { callers: _, slot, ticket, deadline } = self;
        f.debug_struct("Caller").field("slot", slot).field("ticket", ticket).field("deadline", deadline).finish()
    }
}

/// Whether a caller has given up, and whom to wake when it does.
#[derive(Debug, Default)]
pub(crate) struct News {
    out: Flag,
    waiter: AtomicWaker,
}

impl News {
    /// The caller has given up.
    pub(crate) fn spread(&self) {
        self.out.raise();
        self.waiter.wake();
    }

    /// Ready when the caller has given up.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        self.waiter.register(cx.waker());
        // After registering: news that came before is seen here, later ones wake.
        if self.out.is_raised() { Poll::Ready(()) } else { Poll::Pending }
    }
}
