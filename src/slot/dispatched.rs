//! A hub's lease of a slot that was sent: wait for it, give it up, free it.

use super::finished::FinishedSlot;
use super::hub_bus::HubBus;
use super::read_ahead::ReadAhead;
use crate::protocol::{Claim, OwnerToken, SlotIndex, Status};

/// A request that was sent and not taken back yet. It belongs to its caller or to the hub's entry of its slot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DispatchedSlot {
    index: SlotIndex,
    ticket: u64,
}

/// What became of a dispatched slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// No worker has claimed it.
    Waiting,
    /// A worker runs it.
    Claimed(Claim),
    /// It is answered.
    Finished,
    /// A published worker gave the slot back without an answer.
    Abandoned,
}

impl Progress {
    /// What a word says to the entry whose dispatch is in the slot; `is_ours` is asked of an answered one, whether it is that
    /// dispatch still.
    pub(super) fn of(status: Status, is_ours: impl FnOnce() -> bool) -> Self {
        match status {
            Status::Ready => Self::Waiting,
            Status::Claimed(claim) => Self::Claimed(claim),
            Status::Done if is_ours() => Self::Finished,
            // Nobody but this entry reuses the slot, so neither FREE nor a stray word becomes DONE later.
            Status::Free | Status::Writing | Status::Done | Status::Unknown(_) => Self::Abandoned,
        }
    }
}

impl DispatchedSlot {
    pub(super) fn new(index: SlotIndex, ticket: u64) -> Self {
        Self { index, ticket }
    }

    /// The request that stands in a slot, for whoever looks after dead workers.
    pub(crate) fn in_slot(hub: &HubBus, index: SlotIndex) -> Self {
        Self { index, ticket: hub.slot(index).ticket.get() }
    }

    /// Looks at the slot.
    #[inline]
    pub(crate) fn progress(&self, hub: &HubBus) -> Progress {
        let progress = Progress::of(hub.slot(self.index).status.observe(), || self.is_ours(hub));
        if let Progress::Claimed(claim) = progress
            && claim.owner().is_none()
        {
            hub.published_workers.raise();
        }
        progress
    }

    /// Says that a ring is waited for from now on; a look is to follow. Until then the answer has none.
    pub(crate) fn expect_ring(&self, hub: &HubBus) {
        if self.is_ours(hub) {
            hub.slot(self.index).quiet.end();
        }
    }

    /// Copies what there is of a long answer that its worker is writing, once `progress` has said that it is claimed.
    pub(crate) fn read_ahead(&self, hub: &HubBus, ahead: &mut Option<Box<ReadAhead>>) {
        if !hub.goes_ahead {
            return;
        }
        let slot = hub.slot(self.index);
        let pieces = slot.response_pieces.told();
        if pieces > 0 && self.is_ours(hub) {
            let stamp = hub.stamp(self.ticket);
            ReadAhead::go_on(ahead, &hub.origin(self.index, stamp.as_ref()), &slot.response, pieces);
        }
    }

    /// The answered slot, once `progress` has said that it is finished.
    #[inline]
    pub(crate) fn finished<'a>(&self, hub: &'a HubBus) -> FinishedSlot<'a> {
        FinishedSlot::new(hub, self.index, self.ticket)
    }

    /// Takes the request back if no worker has claimed it.
    pub(crate) fn withdraw(&self, hub: &HubBus) -> bool {
        self.is_ours(hub) && hub.slot(self.index).status.withdraw()
    }

    /// Writes down that nobody waits for the answer any more. The worker that runs the request sees it before long.
    pub(crate) fn give_up(&self, hub: &HubBus) {
        // The slot is its entry's until that has seen more than this, so no later request is meant.
        if let Progress::Claimed(_) = self.progress(hub) {
            hub.slot(self.index).cancel.set(self.ticket as u32);
        }
    }

    /// Frees the slot of a worker that is proven dead.
    pub(crate) fn reap(&self, hub: &HubBus, claim: Claim) -> bool {
        self.is_ours(hub) && hub.slot(self.index).status.reap(claim)
    }

    /// Ends the hold of a worker that is proven dead.
    pub(crate) fn end_hold_if(&self, hub: &HubBus, is_dead: impl FnOnce(OwnerToken) -> bool) {
        hub.slot(self.index).held.end_if(is_dead);
    }

    /// Frees the slot if nothing more is to come in it: it is answered, and nobody reads the answer, or it was given back.
    /// False while a worker runs the request or holds bytes of it.
    #[must_use]
    #[inline]
    pub(crate) fn end(&self, hub: &HubBus) -> bool {
        match self.progress(hub) {
            Progress::Waiting | Progress::Claimed(_) => false,
            Progress::Finished => self.finished(hub).free(),
            Progress::Abandoned => {
                self.reset(hub);
                true
            }
        }
    }

    /// Whether the slot is this entry's still: another hub that takes the region over leaves no ticket of ours.
    #[inline]
    fn is_ours(&self, hub: &HubBus) -> bool {
        hub.has_dispatched(self.index, self.ticket)
    }

    /// Makes the slot FREE after `progress` has said that it is abandoned.
    fn reset(&self, hub: &HubBus) {
        if self.is_ours(hub) {
            hub.slot(self.index).status.reset();
        }
    }

    #[cfg(test)]
    pub(crate) fn index(&self) -> SlotIndex {
        self.index
    }
}
