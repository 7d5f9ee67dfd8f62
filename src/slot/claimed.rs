//! A worker's lease: claimed by compare-exchange, answered exactly once.

use std::sync::Arc;

use http::StatusCode;

use super::overflow::OverflowStore;
use super::payload::{self, NoRoom, ReadError};
use super::shield::Shield;
use crate::bus::Bus;
use crate::protocol::{
    BodyPlace, Call, CallError, Claim, Direction, Features, HeapRange, OutgoingReply, Payload, PayloadError, Placement,
    RequestId, SlotIndex, SlotMeta, Status, Version, align8, decode_method, encoded_len, place,
};
use crate::sync::{AnswerRight, Counter, Grant};

/// A worker's attachment to one life of a bus, shared by its pumps and its leases.
#[derive(Debug)]
pub(crate) struct Attachment {
    bus: Bus,
    claim: Claim,
    rights: Box<[AnswerRight]>,
    overflow: OverflowStore,
    /// `None` where the hub numbers its dispatches, and so registers callers first.
    shield: Option<Shield>,
    body_limit: usize,
    counts: ReplyCounts,
}

/// What became of the answers of one attachment.
#[derive(Debug, Default)]
pub(crate) struct ReplyCounts {
    /// Answers that were published.
    pub(crate) published: Counter,
    /// Answers whose slot was no longer the claimed one; nothing was published.
    pub(crate) dropped: Counter,
    /// Requests that could not be decoded and were answered with an error.
    pub(crate) malformed: Counter,
}

/// Where a pump's scans start: at the slot it claimed last, which a lone caller uses again, but after a row of claims
/// from one slot behind it, so that no other waits for ever.
#[derive(Debug, Default)]
pub(crate) struct ScanCursor {
    start: usize,
    row: u32,
}

impl ScanCursor {
    /// Claims from one slot in a row before others come first.
    const ROW: u32 = 8;

    fn claimed(&mut self, index: SlotIndex) {
        self.row = if self.start == index.get() { self.row + 1 } else { 1 };
        self.start = index.get();
        if self.row >= Self::ROW {
            *self = Self { start: index.get() + 1, row: 0 };
        }
    }
}

impl Attachment {
    /// Takes over a worker's bus; bodies longer than `body_limit` bytes are refused.
    pub(crate) fn new(bus: Bus, body_limit: usize) -> Self {
        let geometry = bus.region().geometry();
        let slots = geometry.num_slots();
        let overflow = OverflowStore::new(bus.name().clone(), Direction::Response, geometry.version(), slots);
        let shield = (!geometry.offers(Features::TICKET)).then(|| Shield::raise(&bus));
        let rights = (0..slots).map(|_| AnswerRight::default()).collect();
        let claim = Claim::by(bus.owner());
        Self { bus, claim, rights, overflow, shield, body_limit, counts: ReplyCounts::default() }
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.bus
    }

    pub(crate) fn counts(&self) -> &ReplyCounts {
        &self.counts
    }

    /// Whether the hub is of the published kind, which pings and evicts.
    pub(crate) fn is_published_hub(&self) -> bool {
        self.shield.is_some()
    }

    /// Takes a ring if there is one.
    pub(crate) fn try_take_ring(&self) -> bool {
        let taken = self.bus.requests().try_take();
        if taken && let Some(shield) = &self.shield {
            shield.ring_taken();
        }
        taken
    }

    /// Parks until there is a ring, at most `timeout`.
    pub(crate) fn wait_for_ring(&self, timeout: std::time::Duration) -> bool {
        let taken = self.bus.requests().wait(timeout);
        if taken && let Some(shield) = &self.shield {
            shield.ring_taken();
        }
        taken
    }

    /// Gives a ring back that was taken, because somebody else must look.
    pub(crate) fn return_ring(&self) {
        if let Some(shield) = &self.shield {
            shield.ring_returned();
        }
        self.bus.requests().ring();
    }

    /// How many requests are waiting to be claimed.
    pub(crate) fn ready(&self) -> usize {
        self.slots().filter(|&slot| self.slot(slot).status.observe() == Status::Ready).count()
    }

    fn slots(&self) -> impl Iterator<Item = SlotIndex> + use<> {
        self.bus.region().geometry().slots()
    }

    fn slot(&self, slot: SlotIndex) -> &SlotMeta {
        self.bus.region().slot(slot)
    }

    /// Claims one READY slot, looking at all of them in the cursor's order; `None` when there is none.
    pub(crate) fn claim(self: &Arc<Self>, cursor: &mut ScanCursor) -> Option<ClaimedSlot> {
        let mut slots = self.bus.region().geometry().slots_from(cursor.start);
        let index = slots.find(|&slot| self.slot(slot).status.claim(self.claim))?;
        cursor.claimed(index);
        Some(self.lease(index, self.rights[index.get()].grant()))
    }

    /// The lease of a slot that is CLAIMED by this attachment.
    fn lease(self: &Arc<Self>, index: SlotIndex, grant: Grant) -> ClaimedSlot {
        let slot = self.slot(index);
        ClaimedSlot {
            grant,
            id: slot.req_id.get(),
            ticket: slot.ticket.get(),
            request: slot.request.read(self.bus.region().geometry()),
            index,
            attachment: Arc::clone(self),
        }
    }

    /// How many leases are out.
    pub(crate) fn leases(&self) -> usize {
        self.rights.iter().filter(|right| right.is_out()).count()
    }

    /// Takes every lease that is still out away from its holder, whose own answer then does nothing, and answers with
    /// `status` in its place if the bus is still alive. When this returns no lease writes any more.
    pub(crate) fn revoke(self: &Arc<Self>, status: StatusCode) {
        for index in self.slots() {
            let right = &self.rights[index.get()];
            while right.is_out() {
                match right.held() {
                    Some(grant) if self.bus.is_alive() => {
                        self.lease(index, grant).answer(OutgoingReply::bare(status));
                    }
                    // The region may belong to a new hub by now: nothing of it is ours to write.
                    Some(grant) if right.take(grant) => right.settle(grant),
                    _ => std::thread::yield_now(),
                }
            }
        }
    }

    /// Waits until no answer's overflow object is being waited for, at most `patience`: an object must outlive its
    /// reader, and this attachment is about to remove them.
    pub(crate) fn settle(&self, patience: std::time::Duration) {
        let deadline = std::time::Instant::now() + patience;
        let unread = |slot: SlotIndex| self.overflow.keeps(slot) && self.slot(slot).status.observe() == Status::Done;
        while self.slots().any(unread) && std::time::Instant::now() < deadline && self.bus.is_alive() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
}

/// A claimed request. Dropped without an answer it is answered 500.
#[derive(Debug)]
#[must_use = "a claimed slot that is dropped is answered 500"]
pub(crate) struct ClaimedSlot {
    attachment: Arc<Attachment>,
    index: SlotIndex,
    grant: Grant,
    /// As it stood in the slot when it was claimed.
    id: [u8; RequestId::MAX_LEN],
    ticket: u64,
    /// Where the request is; in a version 1 region its bytes may take the answer.
    request: Result<Payload, PayloadError>,
}

impl ClaimedSlot {
    /// Copies the request out.
    pub(crate) fn read(&self) -> Result<Call, CallError> {
        let Self { attachment, index, id, request, .. } = self;
        let bus = &attachment.bus;
        let call = || {
            let id = RequestId::from_padded(*id)?;
            let code = attachment.slot(*index).method.get();
            let method = decode_method(code).ok_or(CallError::Method(code))?;
            let payload = request.map_err(|error| match error {
                PayloadError::Meta(range) => CallError::MetaRange(range),
                PayloadError::Body(range) => CallError::BodyRange(range),
            })?;
            let limit = attachment.body_limit;
            let read = payload::read(bus.region(), bus.name(), Direction::Request, *index, payload, limit);
            let (meta, body) = read.map_err(|error| match error {
                ReadError::TooLarge { len, limit } => CallError::BodyTooLarge { len, limit },
                ReadError::Overflow { name, source } => CallError::Overflow { name, source },
            })?;
            Ok(Call { id, method, meta, body, from_published_hub: attachment.is_published_hub() })
        };
        let call: Result<Call, CallError> = call();
        if let Err(error) = &call {
            self.count_malformed(error);
        }
        call
    }

    /// Which slot this is.
    pub(crate) fn index(&self) -> SlotIndex {
        self.index
    }

    /// Counts a request that turned out not to be one.
    pub(crate) fn count_malformed(&self, error: &CallError) {
        self.attachment.counts.malformed.add(1);
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::warn!(bus = %self.attachment.bus.name(), slot = %self.index, cause, "request refused: {error}");
    }

    /// Writes the answer and publishes it; whether it was published.
    ///
    /// It is not when the slot is no longer the claimed one, or when a shutdown has answered before.
    pub(crate) fn answer(self, reply: OutgoingReply) -> bool {
        // What remains to be dropped finds the right taken and does nothing.
        self.answer_once(reply)
    }

    fn answer_once(&self, reply: OutgoingReply) -> bool {
        let Self { attachment, index, grant, .. } = self;
        let right = &attachment.rights[index.get()];
        if !right.take(*grant) {
            return false;
        }
        let published = self.is_still_claimed() && {
            self.write(reply);
            self.publish()
        };
        right.settle(*grant);
        let counts = &attachment.counts;
        if published {
            counts.published.add(1);
            attachment.bus.responses().ring();
        } else {
            counts.dropped.add(1);
            tracing::warn!(bus = %attachment.bus.name(), slot = %index, "a late answer was dropped: its slot has moved on");
        }
        published
    }

    /// Whether the slot still holds the request that was claimed. Publishing compares the exact word again; this look
    /// keeps the payload of another request from being overwritten on regions whose claims carry no owner.
    fn is_still_claimed(&self) -> bool {
        let Self { attachment, index, id, ticket, .. } = self;
        let slot = attachment.slot(*index);
        slot.status.observe() == Status::Claimed(attachment.claim)
            && slot.req_id.get() == *id
            && slot.ticket.get() == *ticket
    }

    fn publish(&self) -> bool {
        let Self { attachment, index, ticket, .. } = self;
        let slot = attachment.slot(*index);
        if *ticket != 0 {
            slot.resp_ticket.set(*ticket);
        }
        if let Some(shield) = &attachment.shield {
            shield.before_publish(&attachment.bus);
        }
        self.is_still_claimed() && slot.status.publish(attachment.claim)
    }

    /// Writes `reply`, or the error that says why it does not fit, or at least a bare status.
    fn write(&self, reply: OutgoingReply) {
        let refused = match self.try_write(&reply) {
            Ok(()) => return,
            Err(refused) => refused,
        };
        let status = match refused {
            NoRoom::Meta { .. } | NoRoom::Body(_) => StatusCode::INTERNAL_SERVER_ERROR,
            NoRoom::Overflow(..) => StatusCode::INSUFFICIENT_STORAGE,
        };
        let cause = std::error::Error::source(&refused).map(ToString::to_string);
        tracing::error!(bus = %self.attachment.bus.name(), slot = %self.index, cause, "response replaced by {status}: {refused}");
        for reply in [OutgoingReply::error(status, refused.to_string()), OutgoingReply::bare(status)] {
            if self.try_write(&reply).is_ok() {
                return;
            }
        }
        // No byte anywhere: the status alone still tells the hub that the slot is answered.
        let slot = self.attachment.slot(self.index);
        slot.resp_status.set(status.as_u16());
        slot.response.write(Payload { meta: HeapRange::default(), body: BodyPlace::Empty });
    }

    fn try_write(&self, reply: &OutgoingReply) -> Result<(), NoRoom> {
        let Self { attachment, index, .. } = self;
        let Attachment { bus, overflow, .. } = &**attachment;
        let slot = attachment.slot(*index);
        let meta = reply.meta();
        let meta_len = encoded_len(&meta);
        let placement = self.place(meta_len, reply.body().len());
        let payload = payload::write(bus.region(), overflow, *index, placement, (&meta, meta_len), reply.body())?;
        slot.resp_status.set(reply.status().as_u16());
        slot.response.write(payload);
        Ok(())
    }

    /// Where an answer goes: into the slot's arena; without arenas over the request's own bytes, else into the bump
    /// area. A body that fits nowhere goes to an overflow object.
    fn place(&self, meta_len: usize, body_len: usize) -> Placement {
        let region = self.attachment.bus.region();
        let geometry = region.geometry();
        if let Some(arena) = geometry.arena(self.index) {
            return place(&[arena.response], meta_len, body_len);
        }
        debug_assert_eq!(geometry.version(), Version::V1);
        let mut placement = self.place_over_request(meta_len, body_len);
        let bump = |len: usize| {
            let taken = u32::try_from(align8(len)).ok()?;
            let offset = region.header().alloc_head.take(taken, geometry.bump_end())?;
            geometry.heap_range(offset, len as u32).ok()
        };
        placement.meta = placement.meta.or_else(|| bump(meta_len));
        if body_len > 0 {
            placement.body = placement.body.or_else(|| bump(body_len));
        }
        placement
    }

    fn place_over_request(&self, meta_len: usize, body_len: usize) -> Placement {
        let geometry = self.attachment.bus.region().geometry();
        let Ok(Payload { meta, body }) = self.request else { return Placement::default() };
        let meta = geometry.reserved(meta);
        let BodyPlace::Inline(body) = body else { return place(&[meta], meta_len, body_len) };
        let body = geometry.reserved(body);
        match meta.join(body) {
            Some(joined) => place(&[joined], meta_len, body_len),
            None => place(&[meta, body], meta_len, body_len),
        }
    }
}

impl Drop for ClaimedSlot {
    fn drop(&mut self) {
        // After `answer` the right is gone, and with it the reason to build a reply.
        if self.attachment.rights[self.index.get()].held() == Some(self.grant) {
            let detail = "the request was dropped without an answer".to_owned();
            self.answer_once(OutgoingReply::error(StatusCode::INTERNAL_SERVER_ERROR, detail));
        }
    }
}
