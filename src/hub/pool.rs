//! The free slots of a hub, given out first come, first served.
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

/// The pool was closed: no slot will be given out any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed;

/// Callers are held back for published workers' sake at most so long: a slot whose answer never comes would hold them
/// for ever.
const LONGEST_HOLD: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Pool {
    bus: Arc<HubBus>,
    slots: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// A stack: the slot used last is the one whose memory is warm.
    free: Vec<SlotIndex>,
    /// Callers in the order they came.
    queue: BTreeMap<u64, Waker>,
    /// Slots for callers that were woken and have not come for them yet.
    granted: BTreeMap<u64, SlotIndex>,
    next_place: u64,
    held_since: Option<Instant>,
    closed: bool,
}

impl Pool {
    pub(super) fn new(bus: Arc<HubBus>) -> Self {
        let free: Vec<_> = bus.slots().rev().collect();
        Self { bus, slots: free.len(), state: Mutex::new(State { free, ..State::default() }) }
    }

    /// A slot for this caller alone, when its turn comes.
    pub(super) fn acquire(self: &Arc<Self>) -> Acquire {
        Acquire { pool: Arc::clone(self), place: None }
    }

    /// Whether callers wait for a slot.
    pub(super) fn has_queue(&self) -> bool {
        !self.lock().queue.is_empty()
    }

    /// Gives out what can be given out: a hold may have become too long.
    pub(super) fn retry(&self) {
        self.hand_out(self.lock());
    }

    /// Refuses every waiting and coming caller.
    pub(super) fn close(&self) {
        let queue = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.queue)
        };
        queue.into_values().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a free slot, unless published workers might find no room for so many answers: then every slot must come
    /// back first. Slots that come back look here again, so a hold ends with the last of them.
    fn pop(&self, state: &mut State) -> Option<SlotIndex> {
        let in_flight = self.slots - state.free.len() + 1;
        if state.held_since.is_some() || !self.bus.has_room_for_answers(in_flight) {
            self.bus.rewind_bump_area();
            let since = *state.held_since.get_or_insert_with(Instant::now);
            if !self.bus.has_room_for_answers(self.slots) && since.elapsed() < LONGEST_HOLD {
                return None;
            }
            state.held_since = None;
        }
        state.free.pop()
    }

    fn put_back(&self, slot: SlotIndex) {
        let mut state = self.lock();
        state.free.push(slot);
        self.hand_out(state);
    }

    fn hand_out(&self, mut state: MutexGuard<'_, State>) {
        let mut wakers = Vec::new();
        while !state.queue.is_empty() {
            let Some(slot) = self.pop(&mut state) else { break };
            let (place, waker) = state.queue.pop_first().expect("the queue is not empty");
            state.granted.insert(place, slot);
            wakers.push(waker);
        }
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
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
        let waker = cx.waker().clone();
        let mut state = pool.lock();
        if state.closed {
            return Poll::Ready(Err(Closed));
        }
        let granted = match *place {
            Some(place) => state.granted.remove(&place),
            // Nobody overtakes the queue.
            None if state.queue.is_empty() => pool.pop(&mut state),
            None => None,
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
            (state.queue.remove(&place), state.granted.remove(&place))
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
    pub(super) fn slot(&self) -> SlotIndex {
        self.slot
    }

    /// Takes the slot out of use for good.
    pub(super) fn forget(self) {
        std::mem::forget(self);
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
