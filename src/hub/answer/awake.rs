//! Waiting awake.
//!
//! A caller that waits awake looks at its own slot, and takes rings for those that are on the board. The first of a hub spins;
//! one that finds others awake, or woken and not come yet, lets its executor run them before it looks at all: they may be tasks of
//! its own thread, with answers to take and requests to send. So does one that finds itself alone, once in a while, since the
//! others may not have had their turn yet; and one that has taken a ring, since whom it woke may have to run where it spins. A
//! plain thread has nobody to run: it parks where others are awake, and spins on when it has taken a ring.
//!
//! It ends when nothing comes in, at the latest after [`LONGEST`] and a spin. Then the caller rings, if its request was left to
//! workers that are awake and none has claimed it.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::{Answer, Waiting};
use crate::hub::error::CallError;
use crate::hub::manner::Manner;
use crate::protocol::Reply;
use crate::signal::copying_time;
use crate::slot::{DispatchedSlot, Progress};

/// Nobody is polled again while awake for longer, however fast others are answered meanwhile.
const LONGEST: Duration = Duration::from_micros(200);

/// How often a caller is polled until it looks at the clock.
const YIELDS_PER_LOOK: u32 = 4;

impl Answer<'_> {
    /// Joins those who wait awake; whether this caller is the only one.
    #[inline]
    pub(super) fn join_awake(&mut self, slot: DispatchedSlot) -> bool {
        let shared = self.deadline.shared();
        let others = shared.awake.enter();
        self.waiting = Waiting::Awake { slot, answered: shared.answered.get(), since: self.dispatched, yields: 0 };
        others == 0
    }

    /// Whether this caller's executor is to run others before it looks for the first time: others that wait awake, tasks that were
    /// woken and have not come yet, or whatever there is when callers have been alone for long. All of them may have their answers,
    /// and so may this one: where the worker runs on the caller's core it has run by now, and a caller that takes one such answer
    /// after the other never lets its executor go. Who is not to wait awake looks at once, and parks.
    #[inline]
    pub(super) fn gives_a_turn(&self, is_alone: bool) -> bool {
        let shared = self.deadline.shared();
        let gives = || !is_alone || shared.board.gives_a_turn() || shared.owes_courtesy(self.dispatched);
        self.manner == Manner::Yield && !shared.spin.budget().is_zero() && gives()
    }

    /// Ends waiting awake.
    #[inline]
    pub(super) fn leave_awake(&mut self) -> DispatchedSlot {
        let Waiting::Awake { slot, .. } = std::mem::replace(&mut self.waiting, Waiting::Over) else {
            unreachable!("only who is awake leaves those who are")
        };
        self.deadline.shared().leave_awake();
        slot
    }

    /// Looks, for others too; `None` when it is time to park.
    #[inline]
    pub(super) fn poll_awake(&mut self, spins: bool, cx: &mut Context<'_>) -> Option<Poll<Result<Reply, CallError>>> {
        let (looked, gives_way) = if spins { self.spin() } else { self.look_around() };
        if looked.is_ready() {
            self.deadline.shared().spin.paid();
            return Some(looked);
        }
        if gives_way && self.may_stay(Instant::now()) || !gives_way && !spins && self.may_yield() {
            cx.waker().wake_by_ref();
            return Some(Poll::Pending);
        }
        self.ring_if_unclaimed();
        None
    }

    /// Looks at the own slot; takes the answer if it is there.
    #[inline]
    fn look(&mut self) -> Poll<Result<Reply, CallError>> {
        let shared = self.deadline.shared();
        let Waiting::Awake { slot, .. } = &self.waiting else { return Poll::Pending };
        let progress = slot.progress(&shared.bus);
        if matches!(progress, Progress::Waiting | Progress::Claimed(_)) {
            if progress != Progress::Waiting {
                slot.read_ahead(&shared.bus, &mut self.ahead);
            }
            return Poll::Pending;
        }
        shared.answered.add(1);
        // This may run foreign wakers; if one panics, the answer is still awake and its drop sees to the slot.
        shared.take_rings_of_own();
        let slot = self.leave_awake();
        Poll::Ready(self.take(slot, progress))
    }

    /// Takes a ring that may be for others, and looks at the own slot; whether it is the turn of others then.
    #[inline]
    fn look_around(&mut self) -> (Poll<Result<Reply, CallError>>, bool) {
        let gives_way = self.deadline.shared().serve_others() && self.manner == Manner::Yield;
        (self.look(), gives_way)
    }

    /// Looks around again and again, as long as that is worth it or until it is the turn of others.
    #[inline]
    fn spin(&mut self) -> (Poll<Result<Reply, CallError>>, bool) {
        let shared = Arc::clone(self.deadline.shared());
        let found = shared.spin.until(self.peer, self.length, || match self.look_around() {
            (Poll::Pending, false) => None,
            found => Some(found),
        });
        // Where nobody spins it has not looked yet.
        found.unwrap_or_else(|| self.look_around())
    }

    /// Whether to be polled again soon is better than to be woken.
    fn may_yield(&mut self) -> bool {
        let (peer, length) = (self.peer, self.length);
        let Self { deadline, waiting: Waiting::Awake { answered, since, yields, .. }, .. } = self else {
            return false;
        };
        let shared = deadline.shared();
        if self.manner == Manner::Park || shared.spin.budget().is_zero() {
            return false;
        }
        // Nearly all are answered after one or two rounds; the clock is for the others.
        *yields += 1;
        if *yields % YIELDS_PER_LOOK != 0 {
            return true;
        }
        let (now, answered_now) = (Instant::now(), shared.answered.get());
        if std::mem::replace(answered, answered_now) != answered_now {
            *since = now;
        }
        now - *since < shared.spin.patience(peer, length) && self.may_stay(now)
    }

    /// Whether this caller may be polled again while it waits awake.
    fn may_stay(&self, now: Instant) -> bool {
        let is_soon = now - self.dispatched < LONGEST + copying_time(self.length);
        is_soon && !self.deadline.shared().spin.budget().is_zero()
    }

    /// Rings for a request that no worker has claimed, if that was left to workers that were awake: they are busy, or dead.
    fn ring_if_unclaimed(&mut self) {
        let Waiting::Awake { slot, .. } = &self.waiting else { return };
        let shared = self.deadline.shared();
        if !std::mem::replace(&mut self.rung, true)
            && slot.progress(&shared.bus) == Progress::Waiting
            && shared.bus.bus().is_own_life()
        {
            shared.bus.bus().requests().ring();
        }
    }
}

#[cfg(all(test, not(loom)))]
#[path = "awake_tests.rs"]
mod tests;
