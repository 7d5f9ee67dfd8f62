//! What becomes of a request while it runs: its caller may give up, its deadline may pass.
//!
//! The hub only writes it down; nobody is rung for it. So whoever looks after an attachment looks at every slot with a
//! lease once in a while, and wakes the future that runs there, which then asks [`ClaimedSlot::fate`] for itself.
//!
//! [`ClaimedSlot::fate`]: super::ClaimedSlot::fate

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures::task::AtomicWaker;

use super::attachment::Attachment;
use crate::protocol::{Callers, News, SlotIndex};
use crate::signal::monotonic_nanos;
use crate::sync::{Counter, Flag, caught};

/// Who wants to know what becomes of a slot's request.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// Wakes the future that runs it.
    pub(super) runner: AtomicWaker,
    /// The dispatch whose handler runs to its end in any case.
    pub(super) finishes: Counter,
    /// Handlers that asked, each with its dispatch.
    listeners: Mutex<Vec<(u64, Arc<News>)>>,
    /// There are some.
    has_listeners: Flag,
}

impl Watched {
    fn listeners(&self) -> MutexGuard<'_, Vec<(u64, Arc<News>)>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who asked for this dispatch, and forgets all others: theirs is over.
    pub(super) fn spread(&self, ticket: u64) {
        // Told and dropped without the lock: their tasks are foreign code.
        let listeners = std::mem::take(&mut *self.listeners());
        listeners.iter().filter(|(of, _)| *of == ticket).for_each(|(_, news)| caught(|| news.spread()));
    }

    /// Forgets those who asked for this dispatch: it is answered.
    #[inline]
    pub(super) fn forget(&self, ticket: u64) {
        if self.has_listeners.is_raised() {
            self.forget_listeners(ticket);
        }
    }

    #[cold]
    fn forget_listeners(&self, ticket: u64) {
        let mut listeners = self.listeners();
        let answered: Vec<_> = listeners.extract_if(.., |(of, _)| *of == ticket).collect();
        if listeners.is_empty() {
            self.has_listeners.lower();
        }
        // Dropped without the lock: what they hold is foreign code.
        drop(listeners);
        drop(answered);
    }

    /// Tells everybody whose request is not answered that it is over, whatever the slot says by now.
    pub(super) fn end(&self) {
        let listeners = std::mem::take(&mut *self.listeners());
        listeners.iter().for_each(|(_, news)| caught(|| news.spread()));
        caught(|| self.runner.wake());
    }

    /// Tells everybody who has to do with this dispatch that nobody waits for it.
    pub(super) fn tell_all(&self, ticket: u64) {
        self.spread(ticket);
        caught(|| self.runner.wake());
    }
}

/// What became of a request whose handler is not done yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// Its caller has given up, or somebody has answered for it: nobody reads the answer.
    GivenUp,
    /// Its deadline has passed.
    Overdue,
}

/// Whether `cancel` means the dispatch `ticket`.
pub(super) fn is_cancelled(cancel: u32, ticket: u64) -> bool {
    cancel != 0 && cancel == ticket as u32
}

impl Attachment {
    /// Wakes futures whose caller has given up or whose deadline has passed.
    pub(crate) fn look_after_callers(&self) {
        let now = monotonic_nanos();
        for index in self.slots().filter(|index| self.rights[index.get()].is_out()) {
            let (slot, watched) = (self.slot(index), &self.watched[index.get()]);
            let (ticket, deadline) = (slot.ticket.get(), slot.deadline.get());
            if self.has_given_up(index, ticket) || deadline != 0 && deadline <= now {
                watched.tell_all(ticket);
            }
        }
    }
}

impl Callers for Attachment {
    fn has_given_up(&self, slot: SlotIndex, ticket: u64) -> bool {
        is_cancelled(self.slot(slot).cancel.get(), ticket)
    }

    fn tell(&self, slot: SlotIndex, ticket: u64, news: &Arc<News>) {
        let mut over = Vec::new();
        let mut listeners = self.watched[slot.get()].listeners();
        // Who asks late asks for a dispatch that is over, and must not take the place of who asks for the one that is not.
        if self.slot(slot).ticket.get() == ticket {
            let is_over = |(of, news): &mut (u64, Arc<News>)| *of != ticket || Arc::strong_count(news) == 1;
            over.extend(listeners.extract_if(.., is_over));
            listeners.push((ticket, Arc::clone(news)));
            self.watched[slot.get()].has_listeners.raise();
        }
        // Dropped without the lock: what they hold is foreign code.
        drop(listeners);
        drop(over);
    }

    fn finish(&self, slot: SlotIndex, ticket: u64, finish: bool) {
        if self.slot(slot).ticket.get() == ticket {
            self.watched[slot.get()].finishes.set(if finish { ticket } else { 0 });
        }
    }

    fn instant(&self, nanos: u64) -> Instant {
        self.clock.instant(nanos)
    }
}
