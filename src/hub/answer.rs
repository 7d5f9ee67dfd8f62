//! Waiting for an answer: awake at first, then on the board.
//!
//! Waiting awake (`awake`) ends when nothing comes in. Then the caller counts itself as interested, says in its slot that a ring
//! is waited for, puts it on the board with its waker, and looks once more.

mod awake;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::board::Entry;
use super::deadline::Deadline;
use super::error::{CallError, Unanswered};
use super::lent::{LentSlot, give_back};
use super::manner::Manner;
use super::pool::Permit;
use super::sent::Sent;
use crate::protocol::Reply;
use crate::signal::Peer;
use crate::slot::{DispatchedSlot, LEND_FROM, Progress, ReadAhead, TrustedPeers};

/// A dispatched request. Dropped, it takes the request back or leaves a zombie in its slot.
pub(super) struct Answer<'a> {
    deadline: &'a mut Deadline,
    dispatched: Instant,
    /// Present until the answer was taken.
    permit: Option<Permit>,
    waiting: Waiting,
    /// No ring is owed: workers were rung for, or need not be.
    rung: bool,
    /// The worker, as it was when the request was announced.
    peer: Peer,
    manner: Manner,
    /// Length of the request's body, which the worker has to copy first.
    length: usize,
    /// What was copied of the answer while it is written.
    ahead: Option<Box<ReadAhead>>,
    /// Told that the request is with workers, and that it is no more.
    sent: Option<Sent>,
}

enum Waiting {
    /// Dispatched and not looked at yet.
    Sent(DispatchedSlot),
    /// Counted among those who wait awake.
    Awake {
        slot: DispatchedSlot,
        /// How many were answered when this caller last looked at the clock, and what it said.
        answered: u64,
        since: Instant,
        yields: u32,
    },
    /// On the board, counted among those who are interested.
    Parked,
    /// The answer was taken.
    Over,
}

impl<'a> Answer<'a> {
    pub(super) fn new(
        deadline: &'a mut Deadline,
        permit: Permit,
        slot: DispatchedSlot,
        rung: bool,
        length: usize,
        manner: Manner,
        sent: Option<Sent>,
    ) -> Self {
        if let Some(sent) = &sent {
            sent.announced();
        }
        let (dispatched, permit, waiting) = (deadline.now(), Some(permit), Waiting::Sent(slot));
        let peer = if rung { deadline.shared().rung_peer() } else { Peer::Awake };
        // It sees to the slot from here on, also should a recorder of metrics panic.
        let answer = Self { dispatched, deadline, permit, waiting, rung, peer, manner, length, ahead: None, sent };
        answer.deadline.shared().count_slots();
        answer
    }

    fn permit(&self) -> &Permit {
        self.permit.as_ref().expect("polled after it was ready")
    }

    /// Takes what a slot has come to; the slot is back in the pool before the caller sees it, unless its body is lent.
    fn take(&mut self, slot: DispatchedSlot, progress: Progress) -> Result<Reply, CallError> {
        let permit = self.permit.take().expect("polled after it was ready");
        let shared = self.deadline.shared();
        if progress != Progress::Finished {
            let orphaned = shared.board.is_orphan(permit.slot(), &slot);
            give_back(shared, permit, slot);
            return Err(match orphaned {
                true => shared.worker_died(),
                false if shared.bus.bus().is_own_life() => CallError::Abandoned,
                // Another hub has taken the region over.
                false => CallError::Interrupted,
            });
        }
        let finished = slot.finished(&shared.bus);
        let lends = |_: &TrustedPeers| finished.body_len() >= LEND_FROM;
        let reply = if let Some(trust) = shared.trust.filter(lends) {
            finished.lend(trust, LentSlot::new(Arc::clone(shared), permit, slot))
        } else {
            let reply = finished.read(self.ahead.take());
            give_back(shared, permit, slot);
            reply
        };
        shared.mind_memory();
        reply.map_err(CallError::Reply)
    }

    /// Puts the slot on the board. Interest first, then the ring is asked for, then the waker, then a look (`look_at_board`): an
    /// answer that comes after that rings, and who takes the ring sees the interest, scans, and finds the waker.
    fn park(&mut self, waker: &Waker) {
        // Cloned first: foreign code may panic, and then this caller is awake still.
        let waker = Some(waker.clone());
        self.deadline.shared().add_interest();
        // What a worker that stood still has begun is not kept meanwhile.
        self.ahead = None;
        let slot = self.leave_awake();
        slot.expect_ring(&self.deadline.shared().bus);
        let mut entry = self.deadline.shared().board.entry(self.permit().slot());
        let orphaned = matches!(&*entry, Entry::Orphan(orphan) if *orphan == slot);
        *entry = Entry::Pending { slot, waker, manner: self.manner, orphaned };
        drop(entry);
        self.waiting = Waiting::Parked;
    }

    /// Looks at the slot on the board; takes the answer if it is there, else leaves `waker` to be woken.
    fn look_at_board(&mut self, waker: &Waker) -> Poll<Result<Reply, Unanswered>> {
        let Waiting::Parked = self.waiting else { return Poll::Pending };
        let shared = self.deadline.shared();
        // Wakers are cloned and dropped, which may run foreign code, while no lock is held.
        let waker = waker.clone();
        let mut entry = shared.board.entry(self.permit().slot());
        shared.board.came(&entry);
        let Entry::Pending { slot, waker: registered, orphaned, .. } = &mut *entry else {
            unreachable!("the entry is this caller's until it takes the answer")
        };
        let (orphaned, progress) = (*orphaned, slot.progress(&shared.bus));
        // Told of under this lock or before it: whoever retires the region wakes everybody afterwards.
        let moves = shared.retired.is_raised() && slot.withdraw(&shared.bus);
        if !orphaned && !moves && matches!(progress, Progress::Waiting | Progress::Claimed(_)) {
            let former = registered.replace(waker);
            drop(entry);
            drop(former);
            return Poll::Pending;
        }
        let taken = std::mem::take(&mut *entry);
        // Unlocked before the copying too: the slot is still this caller's, by its permit.
        drop(entry);
        let Entry::Pending { slot, .. } = taken else { unreachable!("it was pending above") };
        self.waiting = Waiting::Over;
        shared.drop_interest();
        shared.answered.add(1);
        shared.spin.parked_for(self.dispatched.elapsed());
        Poll::Ready(if orphaned || moves {
            self.permit = None;
            if moves {
                self.note_withdrawn();
            }
            Err(if moves { Unanswered::Withdrawn } else { self.deadline.shared().worker_died().into() })
        } else {
            self.take(slot, progress).map_err(Unanswered::from)
        })
    }
}

impl Future for Answer<'_> {
    type Output = Result<Reply, Unanswered>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let spins = match std::mem::replace(&mut this.waiting, Waiting::Over) {
            Waiting::Sent(slot) => {
                let is_alone = this.join_awake(slot);
                if this.gives_a_turn(is_alone) {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                is_alone
            }
            waiting => {
                this.waiting = waiting;
                // Whoever has let others run and is alone all the same may spin.
                this.deadline.shared().awake.peek() == 1
            }
        };
        if let Waiting::Awake { .. } = this.waiting {
            if let Some(polled) = this.poll_awake(spins, cx) {
                return polled.map_err(Unanswered::from);
            }
            this.park(cx.waker());
        }
        if let Poll::Ready(result) = this.look_at_board(cx.waker()) {
            return Poll::Ready(result);
        }
        match this.deadline.watch(cx) {
            Ok(()) => Poll::Pending,
            Err(CallError::Closed) if !this.let_go() => Poll::Ready(Err(CallError::Interrupted.into())),
            Err(CallError::TimedOut(after)) if this.let_go() => Poll::Ready(Err(CallError::Unclaimed(after).into())),
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }
}

impl Answer<'_> {
    /// Takes the request back, or leaves a zombie in its slot; whether it is certain that no worker has claimed it.
    fn let_go(&mut self) -> bool {
        let Some(permit) = self.permit.take() else { return false };
        let shared = self.deadline.shared();
        let (slot, orphaned) = match std::mem::replace(&mut self.waiting, Waiting::Over) {
            Waiting::Sent(slot) => (slot, false),
            Waiting::Awake { slot, .. } => {
                shared.leave_awake();
                (slot, false)
            }
            Waiting::Parked => {
                // What is taken out holds a waker, which is dropped after the lock is.
                let mut entry = shared.board.entry(permit.slot());
                shared.board.came(&entry);
                let taken = std::mem::take(&mut *entry);
                drop(entry);
                shared.drop_interest();
                shared.spin.parked_for(self.dispatched.elapsed());
                let Entry::Pending { slot, orphaned, .. } = taken else {
                    unreachable!("the entry is this caller's until it takes the answer")
                };
                (slot, orphaned)
            }
            Waiting::Over => unreachable!("the permit goes with the answer"),
        };
        let withdrawn = !orphaned && slot.withdraw(&shared.bus);
        if orphaned || withdrawn {
            drop(permit);
        } else {
            give_back(shared, permit, slot);
        }
        shared.mind_memory();
        if withdrawn {
            self.note_withdrawn();
        }
        withdrawn
    }

    fn note_withdrawn(&self) {
        if let Some(sent) = &self.sent {
            sent.withdrawn();
        }
    }
}

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        self.let_go();
    }
}
