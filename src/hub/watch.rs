//! Where the watcher sleeps and how it is woken; the deadlines it keeps.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::task::Waker;
use std::time::Instant;

use super::error::CallError;
use crate::atomic::{Condvar, Mutex, MutexGuard};

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
