//! Which pump waits on the bell.
//!
//! Any thread parked on a semaphore turns every ring into a system call, so one pump holds the baton and waits there,
//! and the others wait here. The holder gives the baton up when it has claimed, runs its request, and takes it again;
//! while handlers are fast no other pump is woken for that. One of the waiting pumps is the deputy: as long as there is
//! traffic it looks once a [`TICK`] whether the baton lies where it lay at its last look, which means that its former
//! holder is busy with a slow handler, and then takes it. Without traffic it sleeps, and the next turn wakes it.

use std::time::Duration;

use super::waiting_room::{Waiting, WaitingRoom};
use crate::sync::{Flag, Turn};

/// How often the deputy looks.
const TICK: Duration = Duration::from_millis(1);
/// Looks without traffic until the deputy sleeps.
const QUIET_TICKS: u32 = if cfg!(loom) { 1 } else { 10 };

/// Taken and given up without a lock while nobody waits for it.
#[derive(Debug, Default)]
pub(super) struct Baton {
    turn: Turn,
    closed: Flag,
    room: WaitingRoom,
    has_deputy: Flag,
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
        if let Some(held) = self.try_take(false) {
            return held;
        }
        let mut waiting = self.room.enter();
        loop {
            if let Some(held) = self.try_take(false) {
                return held;
            }
            if !self.has_deputy.is_raised() {
                let overdue = self.watch(&mut waiting);
                if let Some(held) = self.try_take(overdue) {
                    return held;
                }
            }
            waiting.sleep();
        }
    }

    /// The end of waiting, if it has come: the baton, or nothing any more.
    fn try_take(&self, was_overdue: bool) -> Option<Option<Held<'_>>> {
        if self.closed.is_raised() {
            return Some(None);
        }
        self.turn.try_take().then(|| Some(Held { baton: self, was_overdue }))
    }

    /// Whether a pump holds the baton.
    pub(super) fn is_held(&self) -> bool {
        self.turn.look().0
    }

    /// The deputy's watch: ends when the baton is free to take, closed, or after a while without traffic. Also says
    /// whether the baton lay where it lay a tick ago.
    fn watch(&self, waiting: &mut Waiting<'_>) -> bool {
        self.has_deputy.raise();
        let (mut turns, mut lay_free, mut quiet) = (self.turn.look().1, false, 0);
        let mut overdue = false;
        while quiet < QUIET_TICKS {
            let uncalled = waiting.sleep_at_most(TICK);
            let (held, turns_now) = self.turn.look();
            let untouched = turns_now == turns;
            overdue = !held && lay_free && untouched;
            if self.closed.is_raised() || !held && (!uncalled || overdue) {
                break;
            }
            quiet = if untouched { quiet + 1 } else { 0 };
            (turns, lay_free) = (turns_now, !held);
        }
        // Lowered before the next look at the turn: whoever gave the baton up and still saw a deputy gave it to that look.
        self.has_deputy.lower();
        overdue
    }

    #[inline]
    fn give_up(&self, handover: Handover) {
        self.turn.end();
        if !self.room.is_empty() && (handover == Handover::Now || !self.has_deputy.is_raised()) {
            self.room.call_one();
        }
    }

    /// Sends every waiting pump home.
    pub(super) fn close(&self) {
        self.closed.raise();
        self.room.call_all();
    }
}

/// The baton in a pump's hands. Dropped, as by a panic, it goes to the next.
#[derive(Debug)]
#[must_use = "a baton that is dropped is handed over at once"]
pub(super) struct Held<'a> {
    baton: &'a Baton,
    was_overdue: bool,
}

impl Held<'_> {
    /// Whether the deputy took it because its last holder did not come back.
    pub(super) fn was_overdue(&self) -> bool {
        self.was_overdue
    }

    /// Gives the baton up.
    #[inline]
    pub(super) fn give_up(self, handover: Handover) {
        self.baton.give_up(handover);
        std::mem::forget(self);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.baton.give_up(Handover::Now);
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
            // The pump that waits has the door unless it sleeps; passing it once shows that it does.
            let others = baton.room.enter();
            let sleeps = !baton.has_deputy.is_raised() && others.count() == 2;
            drop(others);
            sleeps
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

#[cfg(all(test, loom))]
#[path = "baton_loom_tests.rs"]
mod loom_tests;
