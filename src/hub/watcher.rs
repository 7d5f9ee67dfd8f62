//! The hub's first thread: takes rings for callers that do not spin, and keeps time. The second is the guard.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::board::Dead;
use super::shared::Shared;
use crate::bus::LIFE_CHECK;
use crate::sync::caught;

/// Runs until the hub is closed.
pub(super) fn watch(shared: &Arc<Shared>) {
    let mut checked = Instant::now();
    let mut bodies = 0;
    let (mut answered, mut idle_ticks) = (0, 0);
    loop {
        // A ring taken here obliges to scan; so does waking up, since a caller that spun may have taken it.
        shared.bus.bus().responses().take_all();
        look(shared);
        let now = Instant::now();
        if now.duration_since(checked) >= LIFE_CHECK {
            checked = now;
            look_after_life(shared);
            shared.pool.retry();
            bodies = shared.trim_idle(bodies);
        }
        let mut state = shared.watch.lock();
        if state.closed {
            return;
        }
        let expired = {
            let later = state.deadlines.split_off(&(now, u64::MAX));
            std::mem::replace(&mut state.deadlines, later)
        };
        if !expired.is_empty() {
            drop(state);
            expired.into_values().for_each(|waker| caught(|| waker.wake()));
            continue;
        }
        let mut next = state.deadlines.keys().next().map(|(at, _)| *at);
        // A caller that falls asleep leaves the waking ones before it reads the interest, and this thread reads them the
        // other way round: either it sees that they are gone, or that caller sees the interest and notifies.
        let interested = shared.interested.get() > 0;
        if shared.pool.has_queue() || shared.minds_memory.is_raised() {
            // Callers that are held back, and memory that is idle, must be looked after though no answer is waited for.
            next = Some(next.map_or(now + LIFE_CHECK, |next| next.min(now + LIFE_CHECK)));
        }
        let answered_now = shared.answered.get();
        idle_ticks = if std::mem::replace(&mut answered, answered_now) == answered_now { idle_ticks + 1 } else { 0 };
        if interested && shared.awake.get() > 0 && idle_ticks < IDLE_TICKS {
            // They take the rings, unless their executor has other things to do.
            next = Some(next.map_or(now + TICK, |next| next.min(now + TICK)));
            shared.watch.sleep(state, next);
            continue;
        }
        if !interested {
            shared.watch.sleep(state, next);
            // Somebody may have waited meanwhile for longer than a life check; its clock starts with the waiting.
            if next.is_none() {
                checked = Instant::now();
            }
            continue;
        }
        let until = next.map_or(now + LIFE_CHECK, |next| next.min(now + LIFE_CHECK));
        shared.parked.raise();
        shared.watch.park(state, until, || {
            shared.bus.bus().responses().wait(until.saturating_duration_since(Instant::now()));
        });
        shared.parked.lower();
        idle_ticks = 0;
    }
}

/// Wakes callers whose answer is there.
pub(super) fn look(shared: &Shared) {
    for _ in 0..shared.board.scan(&shared.bus) {
        shared.drop_interest();
    }
}

/// Asks the locks and inodes: are the workers alive that run requests, is the bus still ours?
pub(super) fn look_after_life(shared: &Shared) {
    bury_the_dead(shared);
    let bus = shared.bus.bus();
    if !shared.succeeding.is_raised() && !bus.is_current() && !shared.is_closed() {
        shared.close();
        tracing::error!(bus = %bus.name(), "the region was removed or taken over: the hub closes");
    }
}

fn bury_the_dead(shared: &Shared) {
    let Dead { workers, zombies } = shared.board.reap(&shared.bus);
    shared.mind_memory();
    for _ in 0..zombies + shared.board.scan_closely(&shared.bus) {
        shared.drop_interest();
    }
    let bus = shared.bus.bus();
    // A worker that died may have taken rings that it never acted on, or been counted on: what waits is told of anew. Not what
    // has just been sent, since what workers that are awake are about to claim has no ring either.
    let waiting = Instant::now().checked_sub(TICK).map_or(0, |then| shared.bus.waiting(shared.clock.nanos(then)));
    if waiting > 0 && bus.requests().rings() < waiting && bus.is_own_life() {
        shared.bus.forget_awake_workers();
        (0..waiting).for_each(|_| bus.requests().ring());
    }
    // Last, since it may panic in foreign code.
    if !workers.is_empty() {
        shared.meters.workers_died(&workers);
        tracing::warn!(bus = %bus.name(), requests = workers.len(), "a worker died with requests in hand");
    }
}

/// How often the watcher looks by itself while callers that wait awake take the rings.
const TICK: Duration = Duration::from_millis(1);

/// Ticks without an answer after which callers that are said to be awake are not counted on: nobody polls them.
const IDLE_TICKS: u32 = 3;

/// How long a closing hub waits for its watcher to notice.
pub(super) const NOTICE: Duration = Duration::from_millis(1);
