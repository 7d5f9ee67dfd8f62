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
//! the look repeated, for at most [`PATIENCE`]: a dispatcher may have lost its processor between READY and its ring, so
//! waiting gives ours away. A ring taken here is one its pump will not see, so a pump is rung for again when a READY slot
//! is left.
//!
//! Other processes on the same region take rings too, which shows as expired patience; after three in a row the shield
//! stays down. Answers that wait at the same time expire together and count once. On regions with tickets, whose hub
//! registers first, there is no shield.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::bus::Bus;
use crate::protocol::{SlotIndex, Status};
use crate::sync::{Flag, OrderedCounter};

/// The longest an answer is held back: longer than a dispatcher waits for its turn on a busy machine.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long a waiting answer only yields; then it sleeps for [`PAUSE`] between two looks.
const YIELDING: Duration = Duration::from_micros(200);
const PAUSE: Duration = Duration::from_micros(100);
/// After so many expiries in a row the rings are shared with other processes.
const EXPIRIES_UNTIL_DOWN: u32 = 3;

/// The tallies of one attachment to a region without tickets.
#[derive(Debug, Default)]
pub(crate) struct Shield {
    taken: OrderedCounter,
    published: OrderedCounter,
    expiries: Mutex<Expiries>,
    /// Nothing is held back any more.
    down: Flag,
    /// Slots that were CLAIMED when this worker attached, perhaps by one that has died: they are not waited for.
    stale: Box<[Flag]>,
}

/// Times in a row that patience was not enough.
#[derive(Debug, Default)]
struct Expiries {
    in_a_row: u32,
    last: Option<Instant>,
}

impl Shield {
    /// Takes stock of a bus that may have been in use: rings that are waiting count only for requests that are. The
    /// rings are gone then; a pump looks at all slots before it first waits.
    pub(crate) fn raise(bus: &Bus) -> Self {
        let drained = u64::from(bus.requests().take_all());
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
        self.taken.leave();
    }

    /// Waits until the callers of all outstanding requests are registered, then counts an answer.
    pub(crate) fn before_publish(&self, bus: &Bus) {
        if !self.down.is_raised() && !self.covers(bus) {
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
        let start = Instant::now();
        let mut drained = false;
        let covered = loop {
            let taken = bus.requests().take_all();
            if taken > 0 {
                self.taken.add(u64::from(taken));
                drained = true;
            }
            if self.covers(bus) {
                break true;
            }
            match start.elapsed() {
                waited if waited >= PATIENCE => break false,
                waited if waited >= YIELDING => std::thread::sleep(PAUSE),
                _ => std::thread::yield_now(),
            }
        };
        self.learn(bus, start, covered);
        if drained && statuses(bus).any(|(_, status)| status == Status::Ready) {
            // The pump that would have taken these rings may be parked.
            self.taken.leave();
            bus.requests().ring();
        }
    }

    /// Notes how a wait that began at `start` ended.
    fn learn(&self, bus: &Bus, start: Instant, covered: bool) {
        let mut expiries = self.expiries.lock().unwrap_or_else(PoisonError::into_inner);
        if covered {
            expiries.in_a_row = 0;
        } else if expiries.last.is_none_or(|last| last <= start) {
            expiries.in_a_row += 1;
            expiries.last = Some(Instant::now());
            if expiries.in_a_row >= EXPIRIES_UNTIL_DOWN {
                self.down.raise();
                tracing::info!(bus = %bus.name(), "other workers share the bell: answers are not held back any more");
            }
        }
    }
}

fn statuses(bus: &Bus) -> impl Iterator<Item = (SlotIndex, Status)> {
    let region = bus.region();
    region.geometry().slots().map(|slot| (slot, region.slot(slot).status.observe()))
}
