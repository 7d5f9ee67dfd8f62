//! Where threads of a worker wait for something that changes without a lock.
//!
//! Who waits holds the door from its look until it sleeps, and was counted before the look; who changes something reads the
//! count afterwards and passes the door before it calls. So one of the two sees the other, and no call comes in between.

use std::sync::PoisonError;
use std::time::Duration;

use crate::atomic::{Condvar, Mutex, MutexGuard};
use crate::sync::OrderedCounter;

#[derive(Debug, Default)]
pub(super) struct WaitingRoom {
    waiting: OrderedCounter,
    door: Mutex<()>,
    called: Condvar,
}

impl WaitingRoom {
    /// Goes in, counted, with the door in hand. What is waited for is looked at after this.
    pub(super) fn enter(&self) -> Waiting<'_> {
        let door = self.door();
        self.waiting.enter();
        Waiting { room: self, door: Some(door) }
    }

    /// Whether nobody waits; read after something changed.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.peek() == 0
    }

    /// Wakes one of those who wait.
    pub(super) fn call_one(&self) {
        drop(self.door());
        self.called.notify_one();
    }

    /// Wakes all of those who wait.
    pub(super) fn call_all(&self) {
        drop(self.door());
        self.called.notify_all();
    }

    fn door(&self) -> MutexGuard<'_, ()> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread in a waiting room. Dropped, it goes out.
#[derive(Debug)]
pub(super) struct Waiting<'a> {
    room: &'a WaitingRoom,
    /// Away while this thread sleeps.
    door: Option<MutexGuard<'a, ()>>,
}

impl<'a> Waiting<'a> {
    /// Sleeps until called.
    pub(super) fn sleep(&mut self) {
        let woken = self.room.called.wait(self.take_door());
        self.door = Some(woken.unwrap_or_else(PoisonError::into_inner));
    }

    /// Sleeps until called, at most `patience`; whether nobody called.
    pub(super) fn sleep_at_most(&mut self, patience: Duration) -> bool {
        let woken = self.room.called.wait_timeout(self.take_door(), patience);
        let (door, timeout) = woken.unwrap_or_else(PoisonError::into_inner);
        self.door = Some(door);
        timeout.timed_out()
    }

    /// How many wait, this thread included.
    #[cfg(test)]
    pub(super) fn count(&self) -> i64 {
        self.room.waiting.peek()
    }

    fn take_door(&mut self) -> MutexGuard<'a, ()> {
        self.door.take().expect("the door is back after each sleep")
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.room.waiting.leave();
    }
}
