//! A worker's lease: claimed by compare-exchange, answered exactly once.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;

use http::StatusCode;

use super::attachment::Attachment;
use super::lend::{Hold, LEND_FROM, Lending};
use super::payload::{self, NoRoom, ReadError, Reading, Target};
use super::placing;
use super::read_ahead::{ReadAhead, Teller};
use super::views::Unreadable;
use super::watched::Fate;
use crate::observe::Observation;
use crate::protocol::{
    BodyPlace, BodyRooms, Call, CallError, Caller, Callers, Claim, Direction, Features, HeapRange, OutgoingReply,
    Payload, PayloadError, RequestId, Room, SlotIndex, Status, decode_method,
};
use crate::signal::monotonic_nanos;
use crate::sync::{AnswerRight, Grant};

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
    /// Until when its caller waits, in nanoseconds of CLOCK_MONOTONIC; 0 for none.
    deadline: u64,
    /// Where the request is; in a version 1 region its bytes may take the answer.
    request: Result<Payload, PayloadError>,
    /// What was copied of the request before it was claimed.
    ahead: Option<Box<ReadAhead>>,
    /// Is told what became of the request.
    observation: Observation,
}

impl ClaimedSlot {
    /// The lease of a slot that is CLAIMED by `attachment`, with the right to answer it. `ahead` may be of its request.
    #[inline]
    pub(super) fn new(
        attachment: Arc<Attachment>,
        index: SlotIndex,
        grant: Grant,
        ahead: Option<Box<ReadAhead>>,
    ) -> Self {
        let slot = attachment.slot(index);
        let (id, ticket) = (slot.req_id.get(), slot.ticket.get());
        let deadline = if attachment.tells_of_callers { slot.deadline.get() } else { 0 };
        let request = slot.request.read(attachment.bus.region().geometry());
        Self { attachment, index, grant, id, ticket, deadline, request, ahead, observation: Observation::default() }
    }

    /// Copies the request out, once. Until then nobody answers in the place of this lease.
    pub(crate) fn read(&mut self) -> Result<Call, CallError> {
        let ahead = self.ahead.take();
        let _reading = self.until_end_by(AnswerRight::end_reading);
        self.copy_out(ahead)
    }

    fn until_end_by(&self, end: fn(&AnswerRight, Grant)) -> Ending<'_> {
        Ending { right: &self.attachment.rights[self.index.get()], grant: self.grant, end }
    }

    fn copy_out(&self, ahead: Option<Box<ReadAhead>>) -> Result<Call, CallError> {
        let Self { attachment, index, id, request, .. } = self;
        let id = RequestId::from_padded(*id)?;
        let code = attachment.slot(*index).method.get();
        let method = decode_method(code).ok_or(CallError::Method(code))?;
        let payload = request.map_err(|error| match error {
            PayloadError::Meta(range) => CallError::MetaRange(range),
            PayloadError::Body(range) => CallError::BodyRange(range),
        })?;
        let limit = attachment.body_limit;
        let stamp = self.attachment.stamp(self.ticket);
        let lends = || {
            let len = payload.body.len() as usize;
            // Without an arena the answer may take the place of a request that is in the region.
            let stays =
                || payload.body.inline().is_none() || attachment.bus.region().geometry().arena(*index).is_some();
            (LEND_FROM..=limit).contains(&len) && stays()
        };
        let reading = match (attachment.trust, attachment.bus.owner(), &stamp) {
            (Some(trust), Some(owner), Some(stamp)) if lends() => {
                Reading::Lent(Lending { trust, keeper: Hold::take(attachment, *index, owner) }, stamp)
            }
            _ => Reading::Copied(ahead),
        };
        let origin = attachment.origin(*index, stamp.as_ref());
        let (meta, body) = payload::read(&origin, payload, reading).map_err(|error| match error {
            ReadError::TooLarge { len, limit } => CallError::BodyTooLarge { len, limit },
            ReadError::Overflow(Unreadable { name, source }) => CallError::Overflow { name, source },
        })?;
        attachment.copied(Direction::Request, body.len());
        let caller = attachment.tells_of_callers.then(|| {
            let callers = Arc::clone(attachment) as Arc<dyn Callers>;
            Caller::new(callers, *index, self.ticket, self.deadline)
        });
        Ok(Call { id, method, meta, body, from_published_hub: attachment.is_published_hub(), caller })
    }

    /// The request's id, if it is one.
    pub(crate) fn request_id(&self) -> Option<RequestId> {
        RequestId::from_padded(self.id).ok()
    }

    /// When the request was made READY, in nanoseconds of CLOCK_MONOTONIC, if its hub says so.
    pub(crate) fn sent_at(&self) -> Option<u64> {
        let Self { attachment, index, .. } = self;
        let tells = attachment.bus.region().geometry().offers(Features::SENT);
        Some(attachment.slot(*index).sent_at.get()).filter(|&nanos| tells && nanos != 0)
    }

    /// Has `observation` told what becomes of the request.
    pub(crate) fn tell(&mut self, observation: Observation) {
        self.observation = observation;
    }

    /// Who looks at the request.
    pub(crate) fn observation(&self) -> &Observation {
        &self.observation
    }

    /// Whether the request need not run any more; `waker` is woken when that changes.
    pub(crate) fn fate(&self, waker: &Waker) -> Option<Fate> {
        let Self { attachment, index, grant, ticket, deadline, .. } = self;
        let watched = &attachment.watched[index.get()];
        watched.runner.register(waker);
        // Looked at after registering; and what is missed here is looked at again, by `look_after_callers`.
        let is_over = !attachment.rights[index.get()].is_with(*grant);
        if is_over || attachment.tells_of_callers && attachment.has_given_up(*index, *ticket) {
            watched.spread(*ticket);
            Some(Fate::GivenUp)
        } else if *deadline != 0 && *deadline <= monotonic_nanos() {
            watched.spread(*ticket);
            Some(Fate::Overdue)
        } else {
            None
        }
    }

    /// Whether the handler is to run to its end whatever becomes of the request.
    pub(crate) fn finishes(&self) -> bool {
        let Self { attachment, index, ticket, .. } = self;
        *ticket != 0 && attachment.watched[index.get()].finishes.get() == *ticket
    }

    /// Answers a request that need not run any more.
    pub(crate) fn end(self, fate: Fate) {
        match fate {
            // Nobody reads it. The number is nginx's for a client that closed the request.
            Fate::GivenUp => drop(self.answer(OutgoingReply::bare(StatusCode::from_u16(499).expect("three digits")))),
            Fate::Overdue => self.problem(StatusCode::GATEWAY_TIMEOUT, "the request's deadline has passed"),
        }
    }

    /// Where a long body of the answer may be written so that it need not be copied.
    pub(crate) fn room(&self) -> Option<Room> {
        let Self { attachment, index, .. } = self;
        // Behind a hub without locks nobody lends or borrows.
        let lends = attachment.trust.is_some() && attachment.bus.owner().is_some();
        lends.then(|| Room::new(Arc::clone(attachment) as Arc<dyn BodyRooms>, *index))
    }

    /// Answers a request that turned out not to be one, and counts it.
    pub(crate) fn refuse(self, error: &CallError) {
        let cause = error.source().map(ToString::to_string);
        tracing::warn!(bus = %self.attachment.bus.name(), slot = %self.index, cause, "request refused: {error}");
        self.attachment.counts.malformed.add(1);
        self.attachment.meters.was_malformed();
        self.problem(error.status(), &error.to_string());
    }

    /// Answers with an error of this crate's own.
    pub(crate) fn problem(self, status: StatusCode, detail: &str) {
        let reply = self.problem_reply(status, detail);
        self.answer(reply);
    }

    fn problem_reply(&self, status: StatusCode, detail: &str) -> OutgoingReply {
        OutgoingReply::problem(status, detail, self.request_id().as_ref())
    }

    /// Which slot this is.
    #[cfg(test)]
    pub(crate) fn index(&self) -> SlotIndex {
        self.index
    }

    /// Writes the answer and publishes it; whether it was published.
    ///
    /// It is not when the slot is no longer the claimed one, or when a shutdown has answered before.
    #[inline]
    pub(crate) fn answer(self, reply: OutgoingReply) -> bool {
        // What remains to be dropped finds the right taken and does nothing.
        self.answer_once(reply)
    }

    fn answer_once(&self, reply: OutgoingReply) -> bool {
        let Self { attachment, index, grant, observation, .. } = self;
        if !attachment.rights[index.get()].take(*grant) {
            // Only who leaves the bus takes it away, and answers if somebody reads it: `Attachment::revoke`.
            if observation.is_some() {
                observation.ended(attachment.bus.is_alive().then_some(StatusCode::SERVICE_UNAVAILABLE));
            }
            return false;
        }
        let writing = self.until_end_by(AnswerRight::settle);
        let mut status = StatusCode::INTERNAL_SERVER_ERROR;
        let published = self.is_still_claimed() && {
            // The reply goes before it is published: a body that is lent from the request would keep the slot from its hub. Logging
            // and that run foreign code; should it panic, the slot is answered all the same.
            match catch_unwind(AssertUnwindSafe(|| self.write(reply))) {
                Ok(written) => status = written,
                Err(_) => self.write_bare(status),
            }
            self.publish()
        };
        if published {
            // While the right is still taken: who leaves the bus waits for it, and then tells all that are left here.
            attachment.watched[index.get()].forget(self.ticket);
        }
        drop(writing);
        if published {
            attachment.counts.published.add(1);
            // Asked after the right is settled: who lets go of the request's bytes until then leaves the ring to this answer.
            if !attachment.tells_of_quiet || attachment.slot(*index).quiet.needs_ring() {
                attachment.bus.responses().ring();
            }
            observation.ended(Some(status));
        } else {
            attachment.counts.dropped.add(1);
            attachment.meters.came_late();
            observation.ended(None);
            tracing::warn!(bus = %attachment.bus.name(), slot = %index, "a late answer was dropped: its slot has moved on");
        }
        published
    }

    /// Whether the slot still holds the request that was claimed. Publishing compares the exact word again; this look
    /// keeps the payload of another request from being overwritten on regions whose claims carry no owner.
    fn is_still_claimed(&self) -> bool {
        let Self { attachment, index, id, ticket, .. } = self;
        let slot = attachment.slot(*index);
        is_claimed_by(slot.status.observe(), attachment.claim)
            && slot.ticket.get() == *ticket
            // A ticket is never used again; without one the id must do.
            && (*ticket != 0 || slot.req_id.get() == *id)
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

    /// Writes `reply`, or the error that says why it does not fit, or at least a bare status; the status that was written.
    fn write(&self, reply: OutgoingReply) -> StatusCode {
        let written = match self.try_write(&reply) {
            Err(NoRoom::Overflow(..)) if self.attachment.make_room() => self.try_write(&reply),
            written => written,
        };
        let Err(refused) = written else { return reply.status() };
        let status = match refused {
            NoRoom::Meta(_) | NoRoom::Body(_) => StatusCode::INTERNAL_SERVER_ERROR,
            NoRoom::Overflow(..) => StatusCode::INSUFFICIENT_STORAGE,
        };
        let cause = refused.source().map(ToString::to_string);
        let request_id = self.request_id().map(tracing::field::display);
        tracing::error!(bus = %self.attachment.bus.name(), request_id, cause, "response replaced by {status}: {refused}");
        for reply in [self.problem_reply(status, &refused.to_string()), OutgoingReply::bare(status)] {
            if self.try_write(&reply).is_ok() {
                return status;
            }
        }
        self.write_bare(status);
        status
    }

    /// Where there is no byte for a meta: the status alone still tells the hub that the slot is answered.
    fn write_bare(&self, status: StatusCode) {
        let slot = self.attachment.slot(self.index);
        slot.resp_status.set(status.as_u16());
        slot.response.write(Payload { meta: HeapRange::default(), body: BodyPlace::Empty });
    }

    pub(super) fn try_write(&self, reply: &OutgoingReply) -> Result<(), NoRoom> {
        let Self { attachment, index, .. } = self;
        let Attachment { bus, overflow, .. } = &**attachment;
        let slot = attachment.slot(*index);
        let (region, meta, body) = (bus.region(), reply.meta(), reply.body());
        let teller = Teller { descriptor: &slot.response, pieces: &slot.response_pieces };
        let teller = attachment.goes_ahead.then_some(teller);
        let stamp = attachment.stamp(self.ticket);
        let target = Target { region, overflow, slot: *index, stamp, teller };
        let payload = match region.geometry().arena(*index) {
            Some(arena) => payload::write_into(&target, arena.response, meta, body)?,
            None => {
                let placement = placing::place(region, self.request, meta.len(), body.len());
                payload::write(&target, placement, meta, body)?
            }
        };
        slot.resp_status.set(reply.status().as_u16());
        slot.response.write(payload);
        attachment.copied(Direction::Response, body.len());
        Ok(())
    }
}

/// Whether a slot is CLAIMED with the very word of `claim`.
pub(super) fn is_claimed_by(status: Status, claim: Claim) -> bool {
    status == Status::Claimed(claim)
}

/// Ends a step of a lease, the reading of its request or the writing of its answer, also when that panics.
struct Ending<'a> {
    right: &'a AnswerRight,
    grant: Grant,
    end: fn(&AnswerRight, Grant),
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        (self.end)(self.right, self.grant);
    }
}

impl Drop for ClaimedSlot {
    fn drop(&mut self) {
        // After `answer` the right is gone, and with it the reason to build a reply.
        if self.attachment.rights[self.index.get()].is_with(self.grant) {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            self.answer_once(self.problem_reply(status, "the request was dropped without an answer"));
        }
    }
}
