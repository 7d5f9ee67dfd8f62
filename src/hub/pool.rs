//! The free slots of a hub, given out first come, first served.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::protocol::SlotIndex;
use crate::slot::{Hold, HubBus};

/// The pool was closed: no slot will be given out any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed;

#[derive(Debug)]
pub(super) struct Pool {
    bus: Arc<HubBus>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// A stack: the slot used last is the one whose memory is warm.
    free: Vec<SlotIndex>,
    queue: VecDeque<Arc<Ticket>>,
    closed: bool,
}

/// A place in the queue.
#[derive(Debug, Default)]
struct Ticket(Mutex<TicketState>);

#[derive(Debug, Default)]
enum TicketState {
    #[default]
    Waiting,
    Polled(Waker),
    Granted(SlotIndex),
    /// Nobody waits any more.
    Left,
}

impl Ticket {
    fn lock(&self) -> MutexGuard<'_, TicketState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands `slot` over; false when nobody waits any more.
    fn grant(&self, slot: SlotIndex) -> bool {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, TicketState::Granted(slot)) {
            TicketState::Left => {
                *state = TicketState::Left;
                false
            }
            TicketState::Polled(waker) => {
                drop(state);
                waker.wake();
                true
            }
            TicketState::Waiting | TicketState::Granted(_) => true,
        }
    }
}

impl Pool {
    pub(super) fn new(bus: Arc<HubBus>) -> Self {
        let free = bus.slots().rev().collect();
        Self { bus, state: Mutex::new(State { free, ..State::default() }) }
    }

    /// A slot for this caller alone, when its turn comes.
    pub(super) fn acquire(self: &Arc<Self>) -> Acquire {
        Acquire { pool: Arc::clone(self), ticket: None }
    }

    /// Whether every slot is here.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.lock().free.len() == self.bus.slots().count()
    }

    /// Refuses every waiting and coming caller.
    pub(super) fn close(&self) {
        let queue = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.queue)
        };
        for ticket in queue {
            if let TicketState::Polled(waker) = &*ticket.lock() {
                waker.wake_by_ref();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a free slot, unless published workers have used up their room for answers: then every slot must come
    /// back first. Slots that come back look here again, so a hold ends with the last of them.
    fn pop(&self, state: &mut State) -> Option<SlotIndex> {
        if self.bus.hold() == Hold::UntilAllFree {
            self.bus.rewind_bump_area();
            if self.bus.hold() == Hold::UntilAllFree {
                return None;
            }
        }
        state.free.pop()
    }

    fn put_back(&self, slot: SlotIndex) {
        let mut state = self.lock();
        state.free.push(slot);
        while !state.queue.is_empty() {
            let Some(slot) = self.pop(&mut state) else { return };
            let ticket = state.queue.pop_front().expect("the queue is not empty");
            if !ticket.grant(slot) {
                state.free.push(slot);
            }
        }
    }
}

/// Waits for a slot. Dropped, it leaves the queue; a slot granted meanwhile goes to the next.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub(super) struct Acquire {
    pool: Arc<Pool>,
    ticket: Option<Arc<Ticket>>,
}

impl Future for Acquire {
    type Output = Result<Permit, Closed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { pool, ticket } = self.get_mut();
        let mut state = pool.lock();
        if state.closed {
            return Poll::Ready(Err(Closed));
        }
        let Some(place) = ticket else {
            // Nobody overtakes the queue.
            if state.queue.is_empty()
                && let Some(slot) = pool.pop(&mut state)
            {
                return Poll::Ready(Ok(Permit { pool: Arc::clone(pool), slot }));
            }
            let place = Arc::new(Ticket(Mutex::new(TicketState::Polled(cx.waker().clone()))));
            state.queue.push_back(Arc::clone(&place));
            *ticket = Some(place);
            return Poll::Pending;
        };
        let mut at = place.lock();
        if let TicketState::Granted(slot) = *at {
            *at = TicketState::Left;
            drop((at, state));
            *ticket = None;
            return Poll::Ready(Ok(Permit { pool: Arc::clone(pool), slot }));
        }
        *at = TicketState::Polled(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        let mut state = self.pool.lock();
        state.queue.retain(|other| !Arc::ptr_eq(other, &ticket));
        drop(state);
        let left = std::mem::replace(&mut *ticket.lock(), TicketState::Left);
        if let TicketState::Granted(slot) = left {
            self.pool.put_back(slot);
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
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Self { pool, slot } = self;
        pool.put_back(*slot);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use uuid::Uuid;

    use super::*;
    use crate::bus::{Bus, Founding};
    use crate::protocol::{BusName, Version};

    fn pool(slots: usize) -> Arc<Pool> {
        let name = BusName::new("slotbus-test", &Uuid::new_v4().to_string()).unwrap();
        let founding = Founding { version: Version::V1, slots, half: 64, force: false };
        Arc::new(Pool::new(Arc::new(HubBus::new(Bus::found(&name, &founding).unwrap(), 1 << 20))))
    }

    #[test]
    fn callers_get_slots_in_the_order_they_asked() {
        let pool = pool(1);
        let permit = pool.acquire().now_or_never().unwrap().unwrap();
        let (mut second, mut third) = (pool.acquire(), pool.acquire());
        assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
        drop(permit);
        assert!((&mut third).now_or_never().is_none(), "it is not its turn");
        assert!(pool.acquire().now_or_never().is_none(), "nobody overtakes");
        drop(second.now_or_never().unwrap());
        assert!(third.now_or_never().is_some());
        assert!(pool.is_idle());
    }

    #[test]
    fn a_caller_that_leaves_passes_its_slot_on() {
        let pool = pool(1);
        let permit = pool.acquire().now_or_never().unwrap().unwrap();
        let (mut second, mut third) = (pool.acquire(), pool.acquire());
        assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
        drop(permit);
        drop(second);
        assert!(third.now_or_never().is_some());
    }

    #[test]
    fn a_closed_pool_refuses_those_who_wait_and_those_who_come() {
        let pool = pool(1);
        let _permit = pool.acquire().now_or_never().unwrap().unwrap();
        let mut waiting = pool.acquire();
        assert!((&mut waiting).now_or_never().is_none());
        pool.close();
        assert_eq!(waiting.now_or_never().unwrap().err(), Some(Closed));
        assert_eq!(pool.acquire().now_or_never().unwrap().err(), Some(Closed));
    }

    #[test]
    fn a_used_up_bump_area_holds_callers_back_until_every_slot_is_free() {
        let pool = pool(2);
        let region = pool.bus.bus().region();
        let head = &region.header().alloc_head;
        let start = head.given_out();
        head.take(200 * 1024, region.geometry().bump_end()).unwrap();
        let busy = pool.bus.slots().next().unwrap();
        let reserved = pool.bus.reserve(busy).unwrap();
        let permit = Permit { pool: Arc::clone(&pool), slot: busy };
        pool.lock().free.retain(|&slot| slot != busy);
        let mut waiting = pool.acquire();
        assert!((&mut waiting).now_or_never().is_none());
        drop(reserved);
        drop(permit);
        assert!(waiting.now_or_never().is_some());
        assert_eq!(head.given_out(), start);
    }
}
