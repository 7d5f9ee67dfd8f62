//! What the handles, callers and the watcher of one hub share.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::board::Board;
use super::error::CallError;
use super::ids::Ids;
use super::lives::{Lives, Options};
use super::pool::Pool;
use super::watch::Watch;
use super::watcher;
use crate::bus::Alarm;
use crate::observe::HubMeters;
use crate::protocol::RequestId;
use crate::signal::{Peer, Spin, WireClock};
use crate::slot::{HubBus, TrustedPeers, most_awake};
use crate::sync::{Counter, Flag, OrderedCounter, caught};

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
    pub(super) clock: WireClock,
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
    /// Wakes the guard.
    pub(super) alarm: Alarm,
    pub(super) meters: HubMeters,
    /// The guard counts the slots of each state once in a while.
    pub(super) counts_slots: Flag,
    /// There may be zombies, which the guard looks after.
    pub(super) has_zombies: Flag,
    /// Callers and workers have another region by now.
    pub(super) retired: Flag,
    /// The region's name is being given to another.
    pub(super) succeeding: Flag,
    closed: Flag,
    /// Where the hub's other lives are.
    lives: Weak<Lives>,
}

impl Shared {
    pub(super) fn new(bus: HubBus, alarm: Alarm, options: &Options, lives: Weak<Lives>) -> Self {
        let bus = Arc::new(bus);
        let meters = HubMeters::new(bus.bus().name());
        let &Options { timeout, spin, trust, .. } = options;
        Self {
            pool: Arc::new(Pool::new(Arc::clone(&bus))),
            board: Board::new(&bus),
            bus,
            timeout,
            clock: WireClock::new(),
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
            alarm,
            meters,
            counts_slots: Flag::default(),
            has_zombies: Flag::default(),
            retired: Flag::default(),
            succeeding: Flag::default(),
            closed: Flag::default(),
            lives,
        }
    }

    /// An id for a request that brings none.
    #[inline]
    pub(super) fn next_id(&self) -> RequestId {
        self.ids.next()
    }

    /// Ends waiting awake. The rings are nobody's if it was the last.
    #[inline]
    pub(super) fn leave_awake(&self) {
        if self.awake.leave() == 0 && self.interested.peek() > 0 {
            self.wake_watcher();
        }
    }

    /// Whether it is time again to let the executor of a lone caller run others; if so, it is told once.
    #[inline]
    pub(super) fn owes_courtesy(&self, now: Instant) -> bool {
        let now = now.duration_since(self.started).as_micros() as u64;
        let owes = now.saturating_sub(self.courtesy.get()) >= COURTESY.as_micros() as u64;
        if owes {
            self.courtesy.set(now);
        }
        owes
    }

    /// Takes a ring for those who wait for others to take it, if there are any, and wakes whom it was for; whether it took one.
    #[inline]
    pub(super) fn serve_others(&self) -> bool {
        let took = self.interested.peek() > 0 && self.bus.bus().responses().try_take();
        if took {
            watcher::look(self);
        }
        took
    }

    /// Takes the rings of answers that callers saw by themselves, many at once: each time the bell's memory comes over
    /// from the worker. Published workers ring for every answer, ours for those of callers that had parked.
    #[inline]
    pub(super) fn take_rings_of_own(&self) {
        if self.answered.get().is_multiple_of(RINGS_AT_ONCE) {
            self.bus.bus().responses().take_all();
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
    #[inline]
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
            self.give_memory_back();
            self.mind_memory();
        }
        now
    }

    /// Makes room for a request that found none: gives back what is kept for later bodies; whether that was anything.
    pub(super) fn make_room(&self) -> bool {
        let keeps = self.bus.keeps_memory();
        self.give_memory_back();
        keeps
    }

    /// Gives back what is kept for the long bodies of slots that nobody uses.
    fn give_memory_back(&self) {
        self.bus.drop_views();
        // One at a time, so that no caller finds all slots taken.
        for permit in self.bus.slots().filter_map(|slot| self.pool.take_this(slot)) {
            self.bus.give_back(permit.slot());
        }
    }

    /// Whether a request needs no ring: as many workers are awake as there are requests, or cores for them.
    #[inline]
    pub(super) fn is_attended(&self) -> bool {
        let awake = self.bus.awake_workers();
        awake >= most_awake() || awake > 0 && awake as usize >= self.pool.taken()
    }

    /// Whom a request was rung for: a worker that has to wake first if none was awake. Published ones say nothing of that.
    pub(super) fn rung_peer(&self) -> Peer {
        let is_known = !self.bus.has_published_workers();
        if is_known && self.bus.awake_workers() == 0 { Peer::Woken } else { Peer::Awake }
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

    /// Fails every waiting and coming call, lets workers go and ends the threads.
    pub(super) fn close(&self) {
        self.closed.raise();
        let deadlines = {
            let mut state = self.watch.lock();
            state.closed = true;
            std::mem::take(&mut state.deadlines)
        };
        self.pool.close();
        self.board.wake_all();
        deadlines.into_values().for_each(|waker| caught(|| waker.wake()));
        self.bus.bus().retire();
        // Both threads, wherever they sleep: the watcher may be parked on the bell.
        self.wake_watcher();
        self.bus.bus().responses().ring();
        self.alarm.ring();
    }

    /// Whether no call can be made any more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_raised()
    }

    /// What the caller of a worker that is gone gets: one that lets go because the hub closes has not died.
    pub(super) fn worker_died(&self) -> CallError {
        if self.is_closed() { CallError::Interrupted } else { CallError::WorkerDied }
    }

    /// Sends callers whose request no worker has claimed to the hub's next life, which is there already.
    pub(super) fn move_callers(&self) {
        self.retired.raise();
        self.pool.close();
        self.board.wake_all();
    }

    /// The life that takes calls now.
    pub(super) fn current(&self) -> Option<Arc<Self>> {
        self.lives.upgrade().map(|lives| lives.current())
    }

    /// A slot has become a zombie's.
    pub(super) fn mind_zombies(&self) {
        if !self.has_zombies.is_raised() {
            self.has_zombies.raise();
            self.alarm.ring();
        }
    }

    /// Has the guard count slots, if anybody wants to know and it does not do so already.
    #[inline]
    pub(super) fn count_slots(&self) {
        if HubMeters::COUNTS_SLOTS && !self.counts_slots.is_raised() {
            self.counts_slots.raise();
            self.alarm.ring();
        }
    }

    /// Somebody waits no longer.
    pub(super) fn drop_interest(&self) {
        self.interested.leave();
    }
}
