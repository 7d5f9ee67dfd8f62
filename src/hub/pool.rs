//! The free slots of a hub, given out first come, first served.
//!
//! While nobody waits, a slot is taken from and put back into a set without a lock, the lowest first: the slots used last
//! are the ones whose memory is warm. A caller that finds none counts itself in the queue and looks once more, under the
//! queue's lock; whoever puts a slot back reads that count afterwards, so one of the two sees the other.
//!
//! Wakers are woken and dropped only while no lock is held: both may run a caller's code, which may come back here.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::protocol::SlotIndex;
use crate::slot::HubBus;
use crate::sync::{Flag, IndexSet, OrderedCounter, caught};

/// The pool was closed: no slot will be given out any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed;

/// Callers are held back for the bodies of published workers' answers at most so long: a slot whose answer never comes would
/// hold them for ever. Then they go one at a time, as long as there is room for the heads of answers.
const LONGEST_HOLD: Duration = Duration::from_secs(1);
/// A slot that has kept callers back for so long, when there was no such room either, is taken to be lost.
pub(super) const LOST_AFTER: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Pool {
    bus: Arc<HubBus>,
    slots: usize,
    free: IndexSet,
    /// Callers in the queue.
    queued: OrderedCounter,
    closed: Flag,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Callers in the order they came.
    queue: BTreeMap<u64, Waker>,
    /// Slots for callers that were woken and have not come for them yet.
    granted: BTreeMap<u64, SlotIndex>,
    next_place: u64,
    /// Present from when the bump area is too short for answers until every slot has been free.
    shortage: Option<Shortage>,
}

/// How callers fare while published workers might find no room for their answers.
#[derive(Debug)]
struct Shortage {
    since: Instant,
    /// Slots that have not come back since, when the hold was over.
    stuck: Option<usize>,
    /// When a caller was first refused because not even an answer's head has room.
    refused: Option<Instant>,
}

impl Shortage {
    fn begin() -> Self {
        Self { since: Instant::now(), stuck: None, refused: None }
    }

    /// Whether a caller may go beside those of `taken` slots: nobody at first, then one at a time beside what is stuck. A
    /// published worker takes an answer's head before its body, so what has room when it alone is sent is not lost.
    fn admits(&mut self, taken: usize, has_room_for_heads: impl FnOnce() -> bool) -> bool {
        if self.since.elapsed() < LONGEST_HOLD {
            return false;
        }
        let stuck = self.stuck.map_or(taken, |stuck| stuck.min(taken));
        self.stuck = Some(stuck);
        if taken > stuck {
            return false;
        }
        let admits = has_room_for_heads();
        if !admits {
            self.refused.get_or_insert_with(Instant::now);
        }
        admits
    }
}

impl Pool {
    pub(super) fn new(bus: Arc<HubBus>) -> Self {
        let slots = bus.slots().count();
        Self {
            free: IndexSet::below(slots),
            bus,
            slots,
            queued: OrderedCounter::default(),
            closed: Flag::default(),
            state: Mutex::default(),
        }
    }

    /// A slot for this caller alone, when its turn comes.
    pub(super) fn acquire(self: &Arc<Self>) -> Acquire {
        Acquire { pool: Arc::clone(self), place: None }
    }

    /// A slot for somebody who waits for nothing and nobody, without a future; `None` for who has to `acquire` it.
    #[inline]
    pub(super) fn acquire_at_once(self: &Arc<Self>) -> Option<Permit> {
        let crowded = self.queued.peek() > 0 || self.closed.is_raised() || self.bus.is_bump_area_in_use();
        let slot = if crowded { None } else { self.pop_any() };
        slot.map(|slot| Permit { pool: Arc::clone(self), slot })
    }

    /// How many slots are in use.
    #[inline]
    pub(super) fn taken(&self) -> usize {
        self.slots - self.free.len()
    }

    /// Whether callers wait for a slot.
    pub(super) fn has_queue(&self) -> bool {
        self.queued.peek() > 0
    }

    /// Gives out what can be given out: a hold may have become too long.
    pub(super) fn retry(&self) {
        self.hand_out(self.lock());
    }

    /// Refuses every waiting and coming caller.
    pub(super) fn close(&self) {
        let queue = {
            // Under the lock, so that nobody joins the queue behind this.
            let mut state = self.lock();
            self.closed.raise();
            let queue = std::mem::take(&mut state.queue);
            for _ in queue.keys() {
                self.queued.leave();
            }
            queue
        };
        queue.into_values().for_each(|waker| caught(|| waker.wake()));
    }

    /// Keeps everybody from the queue.
    #[cfg(all(test, not(loom)))]
    pub(super) fn hold(&self) -> impl Sized + '_ {
        self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This slot, if it is free now.
    pub(super) fn take_this(self: &Arc<Self>, slot: SlotIndex) -> Option<Permit> {
        self.free.remove(slot.get()).then(|| Permit { pool: Arc::clone(self), slot })
    }

    #[inline]
    fn pop_any(&self) -> Option<SlotIndex> {
        self.free.take().map(|index| self.bus.slot_at(index))
    }

    /// Takes a free slot, unless published workers might find no room for so many answers: then every slot is to come back
    /// first. Slots that come back look here again, so a shortage ends with the last of them.
    fn pop(&self, state: &mut State) -> Option<SlotIndex> {
        let taken = self.taken();
        if state.shortage.is_some() || !self.bus.has_room_for_answers(taken + 1) {
            self.bus.rewind_bump_area();
            if self.bus.has_room_for_answers(self.slots) {
                state.shortage = None;
            } else {
                let shortage = state.shortage.get_or_insert_with(Shortage::begin);
                if !shortage.admits(taken, || self.bus.has_room_for_heads(taken + 1)) {
                    return None;
                }
            }
        }
        self.pop_any()
    }

    /// Whether callers wait, and have for long, because a slot that does not come back keeps the room for answers used up.
    pub(super) fn is_used_up(&self) -> bool {
        let state = self.lock();
        let refused = state.shortage.as_ref().and_then(|shortage| shortage.refused);
        !state.queue.is_empty() && refused.is_some_and(|since| since.elapsed() >= LOST_AFTER)
    }

    #[inline]
    fn put_back(&self, slot: SlotIndex) {
        self.free.put(slot.get());
        if self.queued.peek() > 0 {
            self.hand_out(self.lock());
        }
    }

    fn hand_out(&self, mut state: MutexGuard<'_, State>) {
        let mut wakers = Vec::new();
        while !state.queue.is_empty() {
            let Some(slot) = self.pop(&mut state) else { break };
            let (place, waker) = state.queue.pop_first().expect("the queue is not empty");
            self.queued.leave();
            state.granted.insert(place, slot);
            wakers.push(waker);
        }
        drop(state);
        wakers.into_iter().for_each(|waker| caught(|| waker.wake()));
    }
}

/// Waits for a slot. Dropped, it leaves the queue; a slot granted meanwhile goes to the next.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub(super) struct Acquire {
    pool: Arc<Pool>,
    /// Its place in the queue.
    place: Option<u64>,
}

impl Future for Acquire {
    type Output = Result<Permit, Closed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { pool, place } = self.get_mut();
        if place.is_none()
            && let Some(permit) = pool.acquire_at_once()
        {
            return Poll::Ready(Ok(permit));
        }
        let waker = cx.waker().clone();
        let mut state = pool.lock();
        if pool.closed.is_raised() {
            return Poll::Ready(Err(Closed));
        }
        let granted = match *place {
            Some(place) => state.granted.remove(&place),
            // Nobody overtakes the queue. Counted before the look: a slot that comes back now is for this caller.
            None => {
                pool.queued.enter();
                let slot = if state.queue.is_empty() { pool.pop(&mut state) } else { None };
                if slot.is_some() {
                    pool.queued.leave();
                }
                slot
            }
        };
        if let Some(slot) = granted {
            *place = None;
            return Poll::Ready(Ok(Permit { pool: Arc::clone(pool), slot }));
        }
        let place = *place.get_or_insert_with(|| {
            state.next_place += 1;
            state.next_place
        });
        let former = state.queue.insert(place, waker);
        drop(state);
        drop(former);
        Poll::Pending
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        let Self { pool, place } = self;
        let Some(place) = place.take() else { return };
        let (waker, slot) = {
            let mut state = pool.lock();
            let waker = state.queue.remove(&place);
            if waker.is_some() {
                pool.queued.leave();
            }
            (waker, state.granted.remove(&place))
        };
        drop(waker);
        if let Some(slot) = slot {
            pool.put_back(slot);
        }
    }
}

/// The right to use one slot; dropped, the slot is free for the next caller.
#[derive(Debug)]
pub(super) struct Permit {
    pool: Arc<Pool>,
    slot: SlotIndex,
}

impl Permit {
    #[inline]
    pub(super) fn slot(&self) -> SlotIndex {
        self.slot
    }

    /// Whether the slot is one of `pool`.
    pub(super) fn is_of(&self, pool: &Arc<Pool>) -> bool {
        Arc::ptr_eq(&self.pool, pool)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Self { pool, slot } = self;
        pool.put_back(*slot);
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
