//! What the handles, callers and the watcher of one hub share.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use uuid::{Builder, Uuid};

use super::board::Board;
use super::error::CallError;
use super::pool::Pool;
use super::watcher;
use crate::atomic::{Condvar, Mutex, MutexGuard};
use crate::protocol::RequestId;
use crate::signal::Spin;
use crate::slot::{HubBus, TrustedPeers};
use crate::sync::{Counter, Flag, OrderedCounter};

/// How often a caller that is alone lets its executor run others before it spins.
const COURTESY: Duration = Duration::from_micros(500);
/// How many rings may lie on the bell before callers take them.
const RINGS_AT_ONCE: u64 = 16;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) bus: Arc<HubBus>,
    pub(super) pool: Arc<Pool>,
    pub(super) board: Board,
    /// How long a call may take, waiting for a slot included.
    pub(super) timeout: Duration,
    pub(super) spin: Spin,
    /// Long response bodies are lent instead of copied.
    pub(super) trust: Option<TrustedPeers>,
    /// Callers that wait awake: they take the rings, so the watcher stays off the bell.
    pub(super) awake: OrderedCounter,
    /// Answers that callers have seen.
    pub(super) answered: Counter,
    /// When a caller that was alone last let its executor run others, in microseconds since `started`.
    courtesy: Counter,
    started: Instant,
    /// Callers and zombies that wait for somebody else to take the rings.
    pub(super) interested: OrderedCounter,
    pub(super) watch: Watch,
    /// The watcher is parked on the bell, or about to be.
    pub(super) parked: Flag,
    /// The watcher looks after the memory kept for long bodies.
    pub(super) minds_memory: Flag,
    ids: Ids,
}

impl Shared {
    pub(super) fn new(bus: HubBus, timeout: Duration, spin: Duration, trust: Option<TrustedPeers>) -> Self {
        let bus = Arc::new(bus);
        Self {
            pool: Arc::new(Pool::new(Arc::clone(&bus))),
            board: Board::new(&bus),
            bus,
            timeout,
            spin: Spin::new(spin),
            trust,
            awake: OrderedCounter::default(),
            answered: Counter::default(),
            courtesy: Counter::default(),
            started: Instant::now(),
            interested: OrderedCounter::default(),
            watch: Watch::default(),
            parked: Flag::default(),
            minds_memory: Flag::default(),
            ids: Ids::new(),
        }
    }

    /// An id for a request that brings none.
    pub(super) fn next_id(&self) -> RequestId {
        self.ids.next()
    }

    /// Ends waiting awake. The rings are nobody's if it was the last.
    pub(super) fn leave_awake(&self) {
        if self.awake.leave() == 0 && self.interested.peek() > 0 {
            self.wake_watcher();
        }
    }

    /// Whether it is time again to let the executor of a lone caller run others; if so, it is told once.
    pub(super) fn owes_courtesy(&self, now: Instant) -> bool {
        let now = now.duration_since(self.started).as_micros() as u64;
        let owes = now.saturating_sub(self.courtesy.get()) >= COURTESY.as_micros() as u64;
        if owes {
            self.courtesy.set(now);
        }
        owes
    }

    /// Takes a ring for those who wait for others to take it, if there are any, and wakes whom it was for.
    pub(super) fn serve_others(&self) {
        if self.interested.peek() > 0 && self.bus.bus().responses().try_take() {
            watcher::look(self);
        }
    }

    /// Takes the rings of answers that callers saw by themselves, many at once: each time the bell's memory comes over
    /// from the worker.
    pub(super) fn take_rings_of_own(&self) {
        if self.answered.get().is_multiple_of(RINGS_AT_ONCE) {
            while self.bus.bus().responses().try_take() {}
            // Read after the rings were taken: some may have been for somebody who waits, or for the watcher itself.
            if self.interested.get() > 0 {
                watcher::look(self);
            }
            if self.parked.is_raised() && self.watch.is_parked_too_long() {
                self.bus.bus().responses().ring();
            }
        }
    }

    /// Has the watcher look after the memory kept for long bodies, unless it does so already.
    pub(super) fn mind_memory(&self) {
        if self.bus.keeps_memory() && !self.minds_memory.is_raised() {
            self.minds_memory.raise();
            self.wake_watcher();
        }
    }

    /// Gives back the memory kept for long bodies if there was none since `bodies` were counted; how many there were.
    pub(super) fn trim_idle(&self, bodies: u64) -> u64 {
        let now = self.bus.bodies();
        if now == bodies && self.minds_memory.is_raised() {
            // Lowered before: who leaves memory behind meanwhile has it minded again.
            self.minds_memory.lower();
            self.bus.drop_views();
            // One at a time, so that no caller finds all slots taken.
            for permit in self.bus.slots().filter_map(|slot| self.pool.take_this(slot)) {
                self.bus.give_back(permit.slot());
            }
            self.mind_memory();
        }
        now
    }

    /// Somebody waits from now on for a ring that others take.
    pub(super) fn add_interest(&self) {
        self.interested.add(1);
        self.wake_watcher();
    }

    /// Makes the watcher look at everything that somebody else may have left to it.
    pub(super) fn wake_watcher(&self) {
        if self.watch.notify() {
            self.bus.bus().responses().ring();
        }
    }

    /// Fails every waiting and coming call, lets workers go and ends the watcher.
    pub(super) fn close(&self) {
        let deadlines = {
            let mut state = self.watch.lock();
            state.closed = true;
            std::mem::take(&mut state.deadlines)
        };
        self.pool.close();
        self.board.wake_all();
        deadlines.into_values().for_each(Waker::wake);
        self.bus.bus().retire();
    }

    /// Somebody waits no longer.
    pub(super) fn drop_interest(&self) {
        self.interested.leave();
    }
}

/// Where the watcher sleeps and how it is woken.
#[derive(Debug, Default)]
pub(super) struct Watch {
    state: Mutex<WatchState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct WatchState {
    pub(super) closed: bool,
    place: Place,
    /// Whom to wake when, one for each call that waits.
    pub(super) deadlines: BTreeMap<(Instant, u64), Waker>,
    next_key: u64,
}

impl WatchState {
    fn is_parked_too_long(&self) -> bool {
        match self.place {
            Place::Parked(until) => self.deadlines.keys().next().is_some_and(|(first, _)| *first < until),
            Place::Looking | Place::Asleep(_) => false,
        }
    }
}

/// What the watcher does.
#[derive(Debug, Default, Clone, Copy)]
enum Place {
    /// It will look at everything before it waits again.
    #[default]
    Looking,
    /// It sleeps until it is notified or this time has come.
    Asleep(Option<Instant>),
    /// It is parked on the bell, until a ring or this time.
    Parked(Instant),
}

/// One entry among the deadlines.
#[derive(Debug, Clone, Copy)]
pub(super) struct DeadlineKey(Instant, u64);

impl Watch {
    pub(super) fn lock(&self) -> MutexGuard<'_, WatchState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the watcher if it sleeps. Parked on the bell, it is woken by the ring that is being waited for; true when it
    /// must be rung awake, because somebody took the ring that told it of an earlier deadline.
    #[must_use]
    pub(super) fn notify(&self) -> bool {
        let state = self.lock();
        let asleep = matches!(state.place, Place::Asleep(_));
        let must_ring = state.is_parked_too_long();
        drop(state);
        if asleep {
            self.changed.notify_one();
        }
        must_ring
    }

    /// Whether the watcher is parked on the bell beyond the next deadline.
    pub(super) fn is_parked_too_long(&self) -> bool {
        self.lock().is_parked_too_long()
    }

    /// The watcher: sleeps until notified, at most until `until`.
    pub(super) fn sleep(&self, mut state: MutexGuard<'_, WatchState>, until: Option<Instant>) {
        state.place = Place::Asleep(until);
        let mut state = match until.map(|until| until.saturating_duration_since(Instant::now())) {
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(left) => self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
        };
        state.place = Place::Looking;
    }

    /// The watcher: runs `park`, which waits for a ring until `until`.
    pub(super) fn park(&self, mut state: MutexGuard<'_, WatchState>, until: Instant, park: impl FnOnce()) {
        state.place = Place::Parked(until);
        drop(state);
        park();
        self.lock().place = Place::Looking;
    }

    /// Has `waker` woken at `deadline`; true when the watcher must be rung awake because it is parked for longer.
    ///
    /// Fails when the hub is closed; closing wakes whoever got here before.
    pub(super) fn set_deadline(
        &self,
        deadline: Instant,
        key: &mut Option<DeadlineKey>,
        waker: &Waker,
    ) -> Result<bool, CallError> {
        // A waker may run foreign code when it is cloned or dropped, so that happens without the lock.
        let waker = waker.clone();
        let mut state = self.lock();
        if state.closed {
            return Err(CallError::Closed);
        }
        let DeadlineKey(at, number) = *key.get_or_insert_with(|| {
            state.next_key += 1;
            DeadlineKey(deadline, state.next_key)
        });
        let former = state.deadlines.insert((at, number), waker);
        let place = state.place;
        drop(state);
        drop(former);
        Ok(match place {
            Place::Asleep(until) if until.is_none_or(|until| at < until) => {
                self.changed.notify_one();
                false
            }
            Place::Parked(until) => at < until,
            Place::Looking | Place::Asleep(_) => false,
        })
    }

    pub(super) fn clear_deadline(&self, DeadlineKey(at, number): DeadlineKey) {
        let former = self.lock().deadlines.remove(&(at, number));
        drop(former);
    }
}

/// Ids for requests: a random half for this hub, a counter for the request, marked as a custom UUID (version 8, RFC 9562
/// section 5.8). Drawing each at random would cost a system call or a generator's lock.
#[derive(Debug)]
struct Ids {
    hub: u64,
    counter: Counter,
}

impl Ids {
    fn new() -> Self {
        Self { hub: Uuid::new_v4().as_u128() as u64, counter: Counter::default() }
    }

    fn next(&self) -> RequestId {
        let bits = u128::from(self.hub) << 64 | u128::from(self.counter.next());
        RequestId::from(Builder::from_custom_bytes(bits.to_be_bytes()).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_uuids_and_never_repeat() {
        let ids = Ids::new();
        let drawn: HashSet<Uuid> = (0..1000).map(|_| ids.next().uuid().unwrap()).collect();
        assert_eq!(drawn.len(), 1000);
        assert!(drawn.iter().all(|uuid| uuid.get_version_num() == 8));
    }
}
