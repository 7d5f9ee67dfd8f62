//! A hub's lease of a slot that is being filled.

use super::dispatched::DispatchedSlot;
use super::hub_bus::HubBus;
use super::payload::{self, NoRoom, Target};
use super::read_ahead::Teller;
use crate::protocol::{MAX_META, OutgoingCall, SlotIndex, SlotMeta, WireError};

/// A slot that is being filled. Dropped before it is dispatched it is free again.
#[derive(Debug)]
#[must_use = "a reserved slot that is dropped sends nothing"]
pub(crate) struct ReservedSlot<'a> {
    pub(super) hub: &'a HubBus,
    pub(super) index: SlotIndex,
}

impl<'a> ReservedSlot<'a> {
    /// Writes `call` into the slot. Nobody sees it yet.
    ///
    /// `deadline` is the time of CLOCK_MONOTONIC in nanoseconds until which the answer is waited for.
    #[inline]
    pub(crate) fn write(self, call: &OutgoingCall, deadline: u64) -> Result<WrittenSlot<'a>, DispatchError> {
        let Self { hub, index } = self;
        let slot = hub.slot(index);
        hub.bus.region().prefetch_request_to_write(index);
        let body = call.body();
        if body.len() > hub.body_limit() {
            return Err(WireError::BodyTooLarge { len: body.len(), limit: hub.body_limit() }.into());
        }
        let region = hub.bus.region();
        let arena = region.geometry().arena(index).expect("a hub of ours makes regions with arenas");
        let limit = arena.request.len().min(MAX_META);
        let ticket = hub.next_ticket();
        // Before anything is told of this dispatch.
        slot.request_pieces.clear();
        slot.response_pieces.clear();
        slot.ticket.set(ticket);
        let teller = Teller { descriptor: &slot.request, pieces: &slot.request_pieces };
        let teller = hub.goes_ahead.then_some(teller);
        let target = Target { region, overflow: &hub.overflow, slot: index, stamp: hub.stamp(ticket), teller };
        let payload = match payload::write_into(&target, arena.request, call.meta(), body) {
            Err(NoRoom::Meta(len)) => return Err(WireError::MetaTooLarge { len, limit }.into()),
            payload => payload?,
        };
        slot.req_id.set(call.id.as_padded());
        slot.method.set(call.method());
        slot.request.write(payload);
        slot.resp_ticket.set(0);
        slot.deadline.set(deadline);
        slot.cancel.set(0);
        slot.held.clear();
        Ok(WrittenSlot { reserved: self, ticket })
    }
}

/// A slot whose request is written. Dropped before it is announced it is free again.
#[derive(Debug)]
#[must_use = "a written slot that is dropped sends nothing"]
pub(crate) struct WrittenSlot<'a> {
    reserved: ReservedSlot<'a>,
    ticket: u64,
}

impl WrittenSlot<'_> {
    /// Stores READY and rings. `sent_at` is the time of CLOCK_MONOTONIC in nanoseconds, from which a worker tells how long
    /// the request has waited for it.
    ///
    /// The answer may be there before this returns; whoever waits for it looks at the slot.
    #[cfg(any(test, feature = "conformance"))]
    pub(crate) fn announce(self, sent_at: u64) -> DispatchedSlot {
        self.slot().quiet.clear();
        self.make_ready(sent_at, || false).0
    }

    /// As `announce`, for a caller that looks at the slot by itself until it says otherwise: `DispatchedSlot::expect_ring`. Rings
    /// only if the request is not `is_attended` to without that, which is asked once it is READY. False when a ring is owed: by
    /// whoever parks before the request is claimed.
    #[inline]
    pub(crate) fn announce_unless(self, sent_at: u64, is_attended: impl FnOnce() -> bool) -> (DispatchedSlot, bool) {
        self.slot().quiet.start();
        self.make_ready(sent_at, is_attended)
    }

    #[inline]
    fn slot(&self) -> &SlotMeta {
        self.reserved.hub.slot(self.reserved.index)
    }

    #[inline]
    fn make_ready(self, sent_at: u64, is_attended: impl FnOnce() -> bool) -> (DispatchedSlot, bool) {
        let &Self { reserved: ReservedSlot { hub, index }, ticket } = &self;
        let slot = hub.slot(index);
        slot.sent_at.set(sent_at);
        // Where another hub took the region over there is nothing to ring for.
        let is_announced = slot.status.announce();
        let owes = is_announced && is_attended();
        if is_announced && !owes {
            hub.bus.requests().ring();
        }
        // The slot has its next state: it must not be freed as one that sent nothing.
        std::mem::forget(self);
        (DispatchedSlot::new(index, ticket), !owes)
    }
}

impl Drop for ReservedSlot<'_> {
    fn drop(&mut self) {
        self.hub.slot(self.index).status.abandon();
    }
}

/// Why a request was not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DispatchError {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
}
