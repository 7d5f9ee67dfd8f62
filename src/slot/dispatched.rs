//! A hub's leases: reserve and fill a slot, wait for it, take the response out.

use super::finished::FinishedSlot;
use super::overflow::{OverflowStore, ViewStore};
use super::payload::{self, NoRoom};
use crate::bus::Bus;
use crate::protocol::{
    BodyPlace, Claim, Direction, MAX_META, OutgoingCall, OwnerToken, PUBLISHED_ANSWER, Payload, SlotIndex, SlotMeta,
    Status, WireError, align8,
};
use crate::sync::Counter;

/// A hub's side of a bus.
#[derive(Debug)]
pub(crate) struct HubBus {
    pub(super) bus: Bus,
    pub(super) overflow: OverflowStore,
    pub(super) views: ViewStore,
    tickets: Counter,
    body_limit: usize,
    /// The most bytes of the bump area that one answer of a published worker took.
    longest_answer: Counter,
}

impl HubBus {
    /// Takes over a hub's bus; bodies longer than `body_limit` bytes are refused both ways.
    pub(crate) fn new(bus: Bus, body_limit: usize) -> Self {
        let geometry = bus.region().geometry();
        let (version, slots) = (geometry.version(), geometry.num_slots());
        let overflow = OverflowStore::new(bus.name().clone(), Direction::Request, version, slots);
        let views = ViewStore::new(bus.name().clone(), Direction::Response, slots);
        Self { bus, overflow, views, tickets: Counter::default(), body_limit, longest_answer: Counter::default() }
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.bus
    }

    pub(crate) fn slots(&self) -> impl DoubleEndedIterator<Item = SlotIndex> + use<> {
        self.bus.region().geometry().slots()
    }

    pub(super) fn slot(&self, slot: SlotIndex) -> &SlotMeta {
        self.bus.region().slot(slot)
    }

    /// What a slot says now, for tables.
    pub(crate) fn status(&self, slot: SlotIndex) -> Status {
        self.slot(slot).status.observe()
    }

    /// Reserves a slot that this hub believes free; `None` when its word says otherwise.
    pub(crate) fn reserve(&self, index: SlotIndex) -> Option<ReservedSlot<'_>> {
        // Made only once the slot is ours: a `ReservedSlot` that is dropped stores FREE.
        self.slot(index).status.reserve().then(|| ReservedSlot { hub: self, index })
    }

    /// The longest body either side may send, in bytes.
    pub(crate) fn body_limit(&self) -> usize {
        self.body_limit
    }

    /// Whether memory is kept for bodies that do not fit into the region.
    pub(crate) fn keeps_memory(&self) -> bool {
        self.overflow.is_in_use() || self.views.is_in_use()
    }

    /// How often such bodies were written or read so far.
    pub(crate) fn bodies(&self) -> u64 {
        self.overflow.writes() + self.views.reads()
    }

    /// Lets go of the objects of answers.
    pub(crate) fn drop_views(&self) {
        self.views.clear();
    }

    /// Gives back the object kept for the requests of a slot, which the caller has to itself.
    pub(crate) fn give_back(&self, slot: SlotIndex) {
        self.overflow.give_back(slot);
    }

    /// The slot with this number.
    pub(crate) fn slot_at(&self, index: usize) -> SlotIndex {
        self.bus.region().geometry().slot_at(index)
    }

    /// Whether anybody took bytes of the bump area, which only published workers do.
    pub(crate) fn is_bump_area_in_use(&self) -> bool {
        self.bus.region().header().alloc_head.given_out() > self.bump_area().0
    }

    /// Whether published workers would find room for the answers of `in_flight` requests, each as long as the longest so
    /// far, in what is left of the bump area.
    pub(crate) fn has_room_for_answers(&self, in_flight: usize) -> bool {
        let (start, end) = self.bump_area();
        let used = self.bus.region().header().alloc_head.given_out().saturating_sub(start);
        // A region without a bump area has no version 1 workers; one that nobody took from has only workers of ours.
        let answer = self.longest_answer.get().max(PUBLISHED_ANSWER.into());
        used == 0 || u64::from(used) + answer * in_flight as u64 <= u64::from(end - start)
    }

    /// Gives the bump area back if every slot is free.
    pub(crate) fn rewind_bump_area(&self) {
        let (start, _) = self.bump_area();
        let head = &self.bus.region().header().alloc_head;
        let seen = head.given_out();
        if seen > start && self.slots().all(|slot| self.status(slot) == Status::Free) {
            head.rewind(seen, start);
        }
    }

    /// Notes how much of the bump area an answer took.
    pub(super) fn learn_length(&self, payload: Payload) {
        let Payload { meta, body: BodyPlace::Inline(body) } = payload else { return };
        let len = (align8(meta.len()) + align8(body.len())) as u64;
        if body.offset() >= self.bump_area().0 && len > self.longest_answer.get().max(PUBLISHED_ANSWER.into()) {
            self.longest_answer.set(len);
        }
    }

    fn bump_area(&self) -> (u32, u32) {
        let geometry = self.bus.region().geometry();
        (geometry.bump_start(), geometry.bump_end())
    }
}

/// A slot that is being filled. Dropped before it is dispatched it is free again.
#[derive(Debug)]
#[must_use = "a reserved slot that is dropped sends nothing"]
pub(crate) struct ReservedSlot<'a> {
    hub: &'a HubBus,
    index: SlotIndex,
}

impl<'a> ReservedSlot<'a> {
    /// Writes `call` into the slot. Nobody sees it yet.
    pub(crate) fn write(self, call: &OutgoingCall) -> Result<WrittenSlot<'a>, DispatchError> {
        let Self { hub, index } = self;
        let slot = hub.slot(index);
        let body = call.body();
        if body.len() > hub.body_limit {
            return Err(WireError::BodyTooLarge { len: body.len(), limit: hub.body_limit }.into());
        }
        let region = hub.bus.region();
        let arena = region.geometry().arena(index).expect("a hub of ours makes regions with arenas");
        let limit = arena.request.len().min(MAX_META);
        let payload = match payload::write_into(region, &hub.overflow, index, arena.request, &call.meta(), body) {
            Err(NoRoom::Meta(len)) => return Err(WireError::MetaTooLarge { len, limit }.into()),
            payload => payload?,
        };
        slot.req_id.set(call.id.as_padded());
        slot.method.set(call.method());
        slot.request.write(payload);
        slot.resp_ticket.set(0);
        slot.deadline.set(0);
        slot.cancel.set(0);
        slot.held.clear();
        Ok(WrittenSlot(self))
    }
}

/// A slot whose request is written. Dropped before it is announced it is free again.
#[derive(Debug)]
#[must_use = "a written slot that is dropped sends nothing"]
pub(crate) struct WrittenSlot<'a>(ReservedSlot<'a>);

impl WrittenSlot<'_> {
    /// Stores READY and rings.
    ///
    /// The answer may be there before this returns; whoever waits for it looks at the slot.
    pub(crate) fn announce(self) -> DispatchedSlot {
        let ReservedSlot { hub, index } = self.0;
        let ticket = hub.next_ticket();
        let slot = hub.slot(index);
        slot.ticket.set(ticket);
        slot.status.announce();
        hub.bus.requests().ring();
        // The slot has its next state: it must not be freed as one that sent nothing.
        std::mem::forget(self);
        DispatchedSlot { index, ticket }
    }
}

impl HubBus {
    /// The number of the next dispatch; its low half is never 0, which means "none" in `cancel`.
    fn next_ticket(&self) -> u64 {
        loop {
            let ticket = self.tickets.next() + 1;
            if ticket as u32 != 0 {
                return ticket;
            }
        }
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

impl DispatchedSlot {
    /// Looks at the slot.
    pub(crate) fn progress(&self, hub: &HubBus) -> Progress {
        match hub.slot(self.index).status.observe() {
            Status::Ready => Progress::Waiting,
            Status::Claimed(claim) => Progress::Claimed(claim),
            Status::Done => Progress::Finished,
            // Nobody but this entry reuses the slot, so neither FREE nor a stray word becomes DONE later.
            Status::Free | Status::Writing | Status::Unknown(_) => Progress::Abandoned,
        }
    }

    /// The answered slot, once `progress` has said that it is finished.
    pub(crate) fn finished<'a>(&self, hub: &'a HubBus) -> FinishedSlot<'a> {
        FinishedSlot::new(hub, self.index, self.ticket)
    }

    /// Takes the request back if no worker has claimed it.
    pub(crate) fn withdraw(&self, hub: &HubBus) -> bool {
        hub.slot(self.index).status.withdraw()
    }

    /// Frees the slot of a worker that is proven dead.
    pub(crate) fn reap(&self, hub: &HubBus, claim: Claim) -> bool {
        hub.slot(self.index).status.reap(claim)
    }

    /// Who holds bytes of the request in place.
    pub(crate) fn holder(&self, hub: &HubBus) -> Option<OwnerToken> {
        hub.slot(self.index).held.holder()
    }

    /// Ends the hold of a worker that is proven dead.
    pub(crate) fn end_hold(&self, hub: &HubBus) {
        hub.slot(self.index).held.clear();
    }

    /// Frees the slot if nothing more is to come in it: it is answered, and nobody reads the answer, or it was given back.
    /// False while a worker runs the request or holds bytes of it.
    #[must_use]
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

    /// Makes the slot FREE after `progress` has said that it is abandoned.
    fn reset(&self, hub: &HubBus) {
        hub.slot(self.index).status.reset();
    }

    #[cfg(test)]
    pub(crate) fn index(&self) -> SlotIndex {
        self.index
    }
}
