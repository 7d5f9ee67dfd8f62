//! Which pump waits on the bell.
//!
//! Any thread parked on a semaphore turns every ring into a system call, so one pump holds the baton and waits there,
//! and the others wait here. The holder gives the baton up when it has claimed, runs its request, and takes it again;
//! while handlers are fast no other pump is woken for that. One of the waiting pumps is the deputy: as long as there is
//! traffic it looks once a [`TICK`] whether the baton lies where it lay at its last look, which means that its former
//! holder is busy with a slow handler, and then takes it. Without traffic it sleeps, and the next turn wakes it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often the deputy looks.
const TICK: Duration = Duration::from_millis(1);
/// Looks without traffic until the deputy sleeps.
const QUIET_TICKS: u32 = 10;

#[derive(Debug, Default)]
pub(super) struct Baton {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    held: bool,
    closed: bool,
    /// How often the baton was given up.
    turns: u64,
    waiting: usize,
    has_deputy: bool,
}

/// Whether the pump that gives the baton up wants another to take it at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Handover {
    /// Its own request will be short, and it comes back.
    Later,
    /// Handlers have been slow, or it does not come back.
    Now,
}

impl Baton {
    /// Waits until the baton is free and takes it; `None` when it was closed.
    pub(super) fn take(&self) -> Option<Held<'_>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.held && !state.closed {
            state.waiting += 1;
            while state.held && !state.closed {
                if !state.has_deputy {
                    state = self.watch(state);
                }
                if state.held && !state.closed {
                    // Whoever gives the baton up without a deputy awake notifies, under the same lock.
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
            state.waiting -= 1;
        }
        if state.closed {
            return None;
        }
        state.held = true;
        Some(Held(self))
    }

    /// Whether a pump holds the baton.
    pub(super) fn is_held(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).held
    }

    /// The deputy's watch: ends when the baton is free to take, closed, or after a while without traffic.
    fn watch<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.has_deputy = true;
        let (mut turns, mut lay_free, mut quiet) = (state.turns, false, 0);
        while quiet < QUIET_TICKS {
            let waited = self.changed.wait_timeout(state, TICK);
            let (now, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = now;
            let untouched = state.turns == turns;
            if state.closed || !state.held && (!timeout.timed_out() || lay_free && untouched) {
                break;
            }
            quiet = if untouched { quiet + 1 } else { 0 };
            (turns, lay_free) = (state.turns, !state.held);
        }
        state.has_deputy = false;
        state
    }

    fn give_up(&self, handover: Handover) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.held = false;
        state.turns += 1;
        let notify = state.waiting > 0 && (handover == Handover::Now || !state.has_deputy);
        drop(state);
        if notify {
            self.changed.notify_one();
        }
    }

    /// Sends every waiting pump home.
    pub(super) fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.changed.notify_all();
    }
}

/// The baton in a pump's hands. Dropped, as by a panic, it goes to the next.
#[derive(Debug)]
#[must_use = "a baton that is dropped is handed over at once"]
pub(super) struct Held<'a>(&'a Baton);

impl Held<'_> {
    /// Gives the baton up.
    pub(super) fn give_up(self, handover: Handover) {
        self.0.give_up(handover);
        std::mem::forget(self);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.give_up(Handover::Now);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn the_baton_comes_back_to_a_lone_holder_without_waiting() {
        let baton = Baton::default();
        for _ in 0..3 {
            baton.take().unwrap().give_up(Handover::Later);
        }
    }

    #[test]
    fn a_holder_that_stays_away_is_replaced_by_the_deputy() {
        let baton = Arc::new(Baton::default());
        let held = baton.take().unwrap();
        let deputy = thread::spawn({
            let baton = Arc::clone(&baton);
            move || baton.take().is_some()
        });
        // Whether the deputy waits already or not, it gets the baton though nobody hands it over.
        held.give_up(Handover::Later);
        assert!(deputy.join().unwrap());
    }

    #[test]
    fn a_sleeping_deputy_is_woken_by_the_next_turn() {
        let baton = Arc::new(Baton::default());
        let held = baton.take().unwrap();
        let deputy = thread::spawn({
            let baton = Arc::clone(&baton);
            move || baton.take().is_some()
        });
        let asleep = || {
            let state = baton.state.lock().unwrap();
            state.waiting == 1 && !state.has_deputy
        };
        while !asleep() {
            thread::yield_now();
        }
        held.give_up(Handover::Later);
        assert!(deputy.join().unwrap());
    }

    #[test]
    fn closing_sends_waiting_and_coming_pumps_home() {
        let baton = Arc::new(Baton::default());
        let held = baton.take().unwrap();
        let waiting = thread::spawn({
            let baton = Arc::clone(&baton);
            move || baton.take().is_some()
        });
        baton.close();
        assert!(!waiting.join().unwrap());
        held.give_up(Handover::Now);
        assert!(baton.take().is_none());
    }
}
