//! A hub's lease of an answered slot: the response is read, then the slot is free.

use super::hub_bus::HubBus;
use super::lend::{Keeper, Lending};
use super::payload::{self, ReadError, Reading};
use super::read_ahead::ReadAhead;
use super::views::Unreadable;
use crate::bus::Bus;
use crate::protocol::{Payload, PayloadError, Reply, ReplyError, SlotIndex};
use crate::region::TrustedPeers;
use crate::sync::after_reading;

/// An answered slot. It stays answered until it is freed.
#[derive(Debug)]
#[must_use = "a finished slot that is not freed stays taken"]
pub(crate) struct FinishedSlot<'a> {
    hub: &'a HubBus,
    index: SlotIndex,
    ticket: u64,
}

/// Whether `resp_ticket` is that of an answer to the dispatch `expected`. A published worker leaves 0 there.
pub(super) fn answers(resp_ticket: u64, expected: u64) -> bool {
    resp_ticket == expected || resp_ticket == 0
}

/// The keeper of a body that is copied: there is none.
enum Nobody {}

impl Keeper for Nobody {
    fn bus(&self) -> &Bus {
        match *self {}
    }
}

impl<'a> FinishedSlot<'a> {
    pub(super) fn new(hub: &'a HubBus, index: SlotIndex, ticket: u64) -> Self {
        Self { hub, index, ticket }
    }

    /// Copies the response out, as far as that is not `ahead`.
    #[inline]
    pub(crate) fn read(&self, ahead: Option<Box<ReadAhead>>) -> Result<Reply, ReplyError> {
        self.read_by::<Nobody>(ahead, None)
    }

    /// Copies the response's head out and lends its body, for which `keeper` keeps the slot.
    pub(crate) fn lend(&self, trust: TrustedPeers, keeper: impl Keeper) -> Result<Reply, ReplyError> {
        self.read_by(None, Some(Lending { trust, keeper }))
    }

    /// How long the response's body is said to be.
    pub(crate) fn body_len(&self) -> usize {
        self.hub.slot(self.index).response.body_len.get() as usize
    }

    fn read_by<K: Keeper>(
        &self,
        ahead: Option<Box<ReadAhead>>,
        mut lending: Option<Lending<K>>,
    ) -> Result<Reply, ReplyError> {
        let &Self { hub, index, ticket: expected } = self;
        let slot = hub.slot(index);
        hub.bus.region().prefetch_response(index);
        let found = slot.resp_ticket.get();
        if !answers(found, expected) {
            return Err(ReplyError::Ticket { found, expected });
        }
        if found == 0 {
            hub.published_workers.raise();
        }
        let status = slot.resp_status.get();
        let payload: Payload = slot.response.read(hub.bus.region().geometry()).map_err(|error| match error {
            PayloadError::Meta(range) => ReplyError::MetaRange(range),
            PayloadError::Body(range) => ReplyError::BodyRange(range),
        })?;
        hub.learn_length(payload);
        // A worker of ours shows by the ticket that it answered, and stamps its objects. Another lends nothing; the keeper stays
        // until the look below all the same, or the slot would be another request's by then.
        let stamp = hub.stamp(expected).filter(|_| found == expected);
        let lent = stamp.as_ref().and_then(|stamp| Some(Reading::Lent(lending.take()?, stamp)));
        let reading = lent.unwrap_or(Reading::Copied(ahead));
        let origin = hub.origin(index, stamp.as_ref());
        let (meta, body) = payload::read(&origin, payload, reading).map_err(|error| match error {
            ReadError::TooLarge { len, limit } => ReplyError::BodyTooLarge { len, limit },
            ReadError::Overflow(Unreadable { name, source }) => ReplyError::Overflow { name, source },
        })?;
        // What was copied may be another hub's by now, one that took the region over; then the ticket was gone before.
        after_reading();
        if !hub.has_dispatched(index, expected) {
            return Err(ReplyError::Ticket { found: slot.ticket.get(), expected });
        }
        Ok(Reply { status, meta, body })
    }

    /// Frees the slot; false while a worker holds bytes of its request in place, and then it stays as it is.
    #[must_use]
    #[inline]
    pub(crate) fn free(self) -> bool {
        let Self { hub, index, ticket } = self;
        let slot = hub.slot(index);
        if !hub.has_dispatched(index, ticket) {
            // Another hub took the region over: what stands there is not ours to free.
            return true;
        }
        if slot.held.holder().is_some() {
            return false;
        }
        // The worker is done with the request's object too.
        hub.overflow.trim(index);
        // Only this hub leaves DONE, and it has one entry for the slot.
        let _ = slot.status.release();
        true
    }
}
