//! Shields callers of a published hub from its race.
//!
//! Such a hub stores READY, then registers its caller, then rings. An answer that is DONE before the caller is
//! registered is dropped, and the caller waits out its time-out. One ring is proof that one more caller is registered,
//! though not whose: with several dispatchers a ring may belong to another request. So an answer waits until the rings
//! taken cover every request that is outstanding:
//!
//! 1. read `taken`, the rings consumed so far;
//! 2. scan: `outstanding` slots are READY or CLAIMED;
//! 3. read `published`, the answers so far, each counted before its DONE is stored.
//!
//! If `taken − published ≥ outstanding`, every request the scan saw has its caller registered: a dispatch not rung for
//! by step 1 that the scan saw would make `outstanding` exceed the difference, because each dispatch adds at most one
//! to `taken`, and each answer counted between 2 and 3 only lowers the left side. Otherwise rings are drained here and
//! the look repeated, for at most [`PATIENCE`]: a ring taken here is one its pump will not see, so a pump is rung for
//! again when a READY slot is left.
//!
//! Other processes on the same region take rings too, which shows as expired patience; after three in a row the shield
//! stays down. On regions with tickets, whose hub registers first, there is none.

use std::time::{Duration, Instant};

use crate::bus::Bus;
use crate::protocol::{SlotIndex, Status};
use crate::sync::{Counter, Flag, OrderedCounter};

/// The longest an answer is held back.
const PATIENCE: Duration = Duration::from_millis(20);
/// After so many expiries in a row the rings are shared with other processes.
const EXPIRIES_UNTIL_DOWN: u64 = 3;

/// The tallies of one attachment to a region without tickets.
#[derive(Debug, Default)]
pub(crate) struct Shield {
    taken: OrderedCounter,
    published: OrderedCounter,
    expiries: Counter,
    /// Slots that were CLAIMED when this worker attached, perhaps by one that has died: they are not waited for.
    stale: Box<[Flag]>,
}

impl Shield {
    /// Takes stock of a bus that may have been in use: rings that are waiting count only for requests that are. The
    /// rings are gone then; a pump looks at all slots before it first waits.
    pub(crate) fn raise(bus: &Bus) -> Self {
        let mut drained = 0;
        while bus.requests().try_take() {
            drained += 1;
        }
        let shield = Self { stale: statuses(bus).map(|_| Flag::default()).collect(), ..Self::default() };
        let mut ready = 0;
        for (slot, status) in statuses(bus) {
            match status {
                Status::Ready => ready += 1,
                Status::Claimed(_) => shield.stale[slot.get()].raise(),
                _ => {}
            }
        }
        shield.taken.set(drained.min(ready));
        shield
    }

    /// This worker claimed `slot`, so what was there before is over.
    pub(crate) fn claimed(&self, slot: SlotIndex) {
        self.stale[slot.get()].lower();
    }

    /// A pump took a ring.
    pub(crate) fn ring_taken(&self) {
        self.taken.add(1);
    }

    /// A pump gives a ring back that it took.
    pub(crate) fn ring_returned(&self) {
        self.taken.sub(1);
    }

    /// Waits until the callers of all outstanding requests are registered, then counts an answer.
    pub(crate) fn before_publish(&self, bus: &Bus) {
        if self.expiries.get() < EXPIRIES_UNTIL_DOWN && !self.covers(bus) {
            self.wait(bus);
        }
        self.published.add(1);
    }

    fn covers(&self, bus: &Bus) -> bool {
        let taken = self.taken.get();
        let outstanding = statuses(bus).filter(|&(slot, status)| self.is_outstanding(slot, status)).count();
        let published = self.published.get();
        taken - published >= outstanding as i64
    }

    fn is_outstanding(&self, slot: SlotIndex, status: Status) -> bool {
        match status {
            Status::Ready => true,
            Status::Claimed(_) => !self.stale[slot.get()].is_raised(),
            _ => false,
        }
    }

    fn wait(&self, bus: &Bus) {
        let deadline = Instant::now() + PATIENCE;
        let mut drained = false;
        let covered = loop {
            while bus.requests().try_take() {
                self.taken.add(1);
                drained = true;
            }
            if self.covers(bus) {
                break true;
            }
            if Instant::now() >= deadline {
                break false;
            }
            std::thread::yield_now();
        };
        if covered {
            self.expiries.set(0);
        } else {
            self.expiries.add(1);
            if self.expiries.get() == EXPIRIES_UNTIL_DOWN {
                tracing::info!(bus = %bus.name(), "rings are shared with other workers, answers are no longer held back");
            }
        }
        if drained && statuses(bus).any(|(_, status)| status == Status::Ready) {
            // The pump that would have taken these rings may be parked.
            self.taken.sub(1);
            bus.requests().ring();
        }
    }
}

fn statuses(bus: &Bus) -> impl Iterator<Item = (SlotIndex, Status)> {
    let region = bus.region();
    region.geometry().slots().map(|slot| (slot, region.slot(slot).status.observe()))
}
