//! What the hub knows of each slot whose caller waits to be woken, or has given up.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::manner::Manner;
use super::pool::Permit;
use crate::observe::SlotCounts;
use crate::protocol::{Claim, OwnerToken, SlotIndex, Status};
use crate::slot::{DispatchedSlot, HubBus, Progress};
use crate::sync::{Counter, caught};

/// One entry for each slot.
#[derive(Debug)]
pub(super) struct Board {
    entries: Box<[Mutex<Entry>]>,
    /// Tasks that were woken and have not come since; each has an entry without a waker.
    due: Counter,
    /// Turns that others have given them since one came, or was woken.
    turns: Counter,
}

/// Executors look at what other threads have woken after so many turns at the latest (tokio after 31): whoever has not come by then is
/// polled by nobody.
const MOST_TURNS: u64 = 64;

/// Whose a slot is.
#[derive(Debug, Default)]
pub(super) enum Entry {
    /// Nothing to see to: it is in the pool, or its caller looks at it by itself.
    #[default]
    Idle,
    /// As idle; the worker of this request of a caller that looks by itself was proven dead, and the slot freed.
    Orphan(DispatchedSlot),
    /// A caller's, who waits.
    Pending {
        slot: DispatchedSlot,
        /// Taken when the caller is woken.
        waker: Option<Waker>,
        manner: Manner,
        /// Its worker was proven dead and the slot freed.
        orphaned: bool,
    },
    /// Nobody's, but a worker still runs the request or holds bytes of it. The permit keeps the slot out of the pool until it is dropped.
    Zombie {
        slot: DispatchedSlot,
        /// When its caller gave it up.
        since: Instant,
        _permit: Permit,
    },
}

/// How many slots are nobody's.
#[derive(Debug, Default)]
pub(super) struct Zombies {
    pub(super) all: usize,
    /// Those that a worker has run for long since.
    pub(super) stuck: usize,
}

/// What was found of workers that are proven dead.
#[derive(Debug, Default)]
pub(super) struct Dead {
    /// Whose claims were freed, once for each claim.
    pub(super) workers: Vec<OwnerToken>,
    /// How many of the claims were zombies.
    pub(super) zombies: u64,
}

impl Board {
    pub(super) fn new(bus: &HubBus) -> Self {
        Self {
            entries: bus.slots().map(|_| Mutex::default()).collect(),
            due: Counter::default(),
            turns: Counter::default(),
        }
    }

    pub(super) fn entry(&self, slot: SlotIndex) -> MutexGuard<'_, Entry> {
        self.entries[slot.get()].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the waker of a caller that is to come.
    fn summon(&self, waker: &mut Option<Waker>, manner: Manner) -> Option<Waker> {
        let taken = waker.take();
        if taken.is_some() && manner == Manner::Yield {
            self.due.add(1);
            self.turns.set(0);
        }
        taken
    }

    /// The caller of `entry` has come, or gives up: under the lock of its entry, which it takes away or puts its waker in.
    pub(super) fn came(&self, entry: &Entry) {
        if let Entry::Pending { waker: None, manner: Manner::Yield, .. } = entry {
            self.due.sub(1);
            self.turns.set(0);
        }
    }

    /// Whether a task was woken that has not come yet; then a turn is given to it.
    #[inline]
    pub(super) fn gives_a_turn(&self) -> bool {
        self.due.get() > 0 && self.turns.next() < MOST_TURNS
    }

    /// Tasks that were woken and have not come since.
    #[cfg(all(test, not(loom)))]
    pub(super) fn due(&self) -> u64 {
        self.due.get()
    }

    /// Wakes callers whose slot is answered and buries zombies that are; how many zombies went.
    ///
    /// Only slots that are DONE are looked at closely, so this costs little while many wait.
    pub(super) fn scan(&self, bus: &HubBus) -> u64 {
        bus.slots().filter(|&slot| bus.status(slot) == Status::Done).map(|slot| self.settle(bus, slot)).sum()
    }

    /// As `scan`, and sees to slots that a published worker gave back without an answer.
    pub(super) fn scan_closely(&self, bus: &HubBus) -> u64 {
        bus.slots().map(|slot| self.settle(bus, slot)).sum()
    }

    /// Wakes the caller of a slot, or buries its zombie, if there is nothing more to wait for; how many zombies went.
    fn settle(&self, bus: &HubBus, index: SlotIndex) -> u64 {
        let mut entry = self.entry(index);
        match &mut *entry {
            Entry::Idle | Entry::Orphan(_) => {}
            Entry::Pending { slot, waker, manner, .. } => {
                if matches!(slot.progress(bus), Progress::Waiting | Progress::Claimed(_)) {
                    return 0;
                }
                if let Some(waker) = self.summon(waker, *manner) {
                    drop(entry);
                    caught(|| waker.wake());
                }
            }
            Entry::Zombie { slot, .. } => {
                // Nobody reads the late answer.
                if !slot.end(bus) {
                    return 0;
                }
                // The permit goes back only after the entry is free for the next caller.
                let zombie = std::mem::take(&mut *entry);
                drop(entry);
                drop(zombie);
                return 1;
            }
        }
        0
    }

    /// Frees the slots whose workers are proven dead and wakes their callers.
    pub(super) fn reap(&self, bus: &HubBus) -> Dead {
        let mut dead = Dead::default();
        let dead_owner = |claim: Claim| claim.owner().filter(|&owner| !bus.bus().owner_is_alive(owner));
        for index in bus.slots() {
            let mut entry = self.entry(index);
            let mut own = None;
            let slot = match &*entry {
                Entry::Pending { slot, .. } | Entry::Zombie { slot, .. } => slot,
                // A caller's who looks by itself, but perhaps not soon: it is freed all the same, and this caller's until
                // its permit is back.
                Entry::Idle | Entry::Orphan(_) => &*own.insert(DispatchedSlot::in_slot(bus, index)),
            };
            slot.end_hold_if(bus, |owner| !bus.bus().owner_is_alive(owner));
            let Progress::Claimed(claim) = slot.progress(bus) else { continue };
            let Some(owner) = dead_owner(claim) else { continue };
            if !slot.reap(bus, claim) {
                continue;
            }
            dead.workers.push(owner);
            match &mut *entry {
                Entry::Pending { waker, manner, orphaned, .. } => {
                    *orphaned = true;
                    let waker = self.summon(waker, *manner);
                    drop(entry);
                    if let Some(waker) = waker {
                        caught(|| waker.wake());
                    }
                }
                Entry::Zombie { .. } => {
                    let zombie = std::mem::take(&mut *entry);
                    drop(entry);
                    drop(zombie);
                    dead.zombies += 1;
                }
                // The dispatch that was looked at: by now its caller may have gone, and another's request be in the slot.
                Entry::Idle | Entry::Orphan(_) => *entry = own.map_or(Entry::Idle, Entry::Orphan),
            }
        }
        dead
    }

    /// Whether the worker of this request, whose caller looks by itself, was proven dead.
    pub(super) fn is_orphan(&self, index: SlotIndex, slot: &DispatchedSlot) -> bool {
        matches!(&*self.entry(index), Entry::Orphan(orphan) if orphan == slot)
    }

    /// Counts the zombies, and those of them that were given up `long` ago and run still.
    pub(super) fn zombies(&self, bus: &HubBus, long: Duration) -> Zombies {
        let mut zombies = Zombies::default();
        for index in bus.slots() {
            if let Entry::Zombie { slot, since, .. } = &*self.entry(index) {
                zombies.all += 1;
                let runs = matches!(slot.progress(bus), Progress::Claimed(_));
                zombies.stuck += usize::from(runs && since.elapsed() >= long);
            }
        }
        zombies
    }

    /// Counts the slots of each state.
    pub(super) fn count(&self, bus: &HubBus) -> SlotCounts {
        let mut counts = SlotCounts::default();
        for index in bus.slots() {
            if let Entry::Zombie { .. } = &*self.entry(index) {
                counts.zombies += 1;
                continue;
            }
            match bus.status(index) {
                Status::Ready => counts.ready += 1,
                Status::Claimed(_) => counts.claimed += 1,
                _ => {}
            }
        }
        counts
    }

    /// Wakes every waiting caller, for a hub that closes or retires its region.
    pub(super) fn wake_all(&self) {
        for entry in &self.entries {
            let waker = match &mut *entry.lock().unwrap_or_else(PoisonError::into_inner) {
                Entry::Pending { waker, manner, .. } => self.summon(waker, *manner),
                _ => None,
            };
            if let Some(waker) = waker {
                caught(|| waker.wake());
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
#[path = "board_tests.rs"]
mod tests;
