//! A worker's attachment to one life of a bus: where leases come from.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;

use super::claimed::ClaimedSlot;
use super::cursor::{GLANCE, ScanCursor};
use super::overflow::OverflowStore;
use super::payload::Origin;
use super::rings::TURN;
use super::shield::Shield;
use super::views::ViewStore;
use super::watched::Watched;
use crate::bus::Bus;
use crate::observe::WorkerMeters;
use crate::protocol::{
    AwakeBit, Claim, Direction, Features, Limits, OutgoingReply, SlotIndex, SlotMeta, Stamp, Status,
};
use crate::region::TrustedPeers;
use crate::signal::WireClock;
use crate::sync::{AnswerRight, Counter};

/// A worker's attachment to one life of a bus, shared by its pumps and its leases.
#[derive(Debug)]
pub(crate) struct Attachment {
    pub(super) bus: Bus,
    pub(super) claim: Claim,
    pub(super) rights: Box<[AnswerRight]>,
    pub(super) overflow: OverflowStore,
    pub(super) views: ViewStore,
    /// `None` where the hub numbers its dispatches, and so registers callers first.
    pub(super) shield: Option<Shield>,
    pub(super) body_limit: usize,
    /// Long request bodies are lent instead of copied.
    pub(super) trust: Option<TrustedPeers>,
    pub(super) counts: ReplyCounts,
    pub(super) meters: WorkerMeters,
    /// Requests claimed less rings taken: how many may lie on the bell for requests that are claimed already, if they rang. A
    /// ring that ended a wait comes before its claim. Signed; only the pump that claims changes it.
    pub(super) rings_owed: Counter,
    /// With what this worker says that it is awake, if its hub listens to that.
    pub(super) awake_bit: Option<AwakeBit>,
    /// As soon as so many answers are published it is another worker's turn to be awake. Only the pump that claims changes it.
    pub(super) turn_ends: Counter,
    /// Bytes of the bodies of the last request and the last answer.
    last_bodies: [Counter; 2],
    /// Overflow bodies at the last look for idle memory.
    bodies_seen: Counter,
    /// The hub writes down which callers have given up, and until when they wait.
    pub(super) tells_of_callers: bool,
    /// The hub writes down whose callers wait for no ring.
    pub(super) tells_of_quiet: bool,
    /// The hub writes down how far it is with a long body, and reads that of answers.
    pub(super) goes_ahead: bool,
    pub(super) watched: Box<[Watched]>,
    pub(super) clock: WireClock,
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

impl Attachment {
    /// Takes over a worker's bus; bodies that exceed the limits are refused.
    pub(crate) fn new(bus: Bus, limits: impl Into<Limits>, trust: Option<TrustedPeers>) -> Self {
        let Limits { body: body_limit, headers: _, overflow } = limits.into();
        let geometry = bus.region().geometry();
        let slots = geometry.num_slots();
        let overflow = OverflowStore::new(&bus, Direction::Response, overflow);
        let views = ViewStore::new(&bus, Direction::Request);
        let shield = (!geometry.offers(Features::TICKET)).then(|| Shield::raise(&bus));
        let tells_of_callers = geometry.offers(Features::TICKET.with(Features::CANCEL).with(Features::DEADLINE));
        let tells_of_quiet = geometry.offers(Features::QUIET);
        let goes_ahead = geometry.offers(Features::TICKET.with(Features::AHEAD));
        let rights = (0..slots).map(|_| AnswerRight::default()).collect();
        let claim = Claim::by(bus.owner());
        let awake_bit = bus.owner().filter(|_| geometry.offers(Features::AWAKE)).map(AwakeBit::of);
        let meters = WorkerMeters::new(bus.name());
        Self {
            bus,
            claim,
            rights,
            overflow,
            views,
            shield,
            body_limit,
            trust,
            counts: ReplyCounts::default(),
            meters,
            rings_owed: Counter::default(),
            awake_bit,
            turn_ends: Counter::of(TURN),
            last_bodies: Default::default(),
            bodies_seen: Counter::default(),
            tells_of_callers,
            tells_of_quiet,
            goes_ahead,
            watched: (0..slots).map(|_| Watched::default()).collect(),
            clock: WireClock::new(),
        }
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.bus
    }

    pub(crate) fn counts(&self) -> &ReplyCounts {
        &self.counts
    }

    pub(crate) fn meters(&self) -> &WorkerMeters {
        &self.meters
    }

    /// Whether the hub is of the published kind, which pings and evicts.
    pub(crate) fn is_published_hub(&self) -> bool {
        self.shield.is_some()
    }

    /// How many slots are CLAIMED, by whomever.
    pub(crate) fn claimed(&self) -> usize {
        self.slots().filter(|&slot| matches!(self.slot(slot).status.observe(), Status::Claimed(_))).count()
    }

    /// Whether the hub writes down which callers have given up: `look_after_callers`.
    pub(crate) fn tells_of_callers(&self) -> bool {
        self.tells_of_callers
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = SlotIndex> + use<> {
        self.bus.region().geometry().slots()
    }

    #[inline]
    pub(super) fn slot(&self, slot: SlotIndex) -> &SlotMeta {
        self.bus.region().slot(slot)
    }

    /// Claims one READY slot, looking at all of them in the cursor's order; `None` when there is none.
    #[inline]
    pub(crate) fn claim(self: &Arc<Self>, cursor: &mut ScanCursor) -> Option<ClaimedSlot> {
        let slots = self.bus.region().geometry().num_slots();
        self.claim_among(cursor.start(), slots, cursor)
    }

    /// Claims as `claim` does, but looks so briefly that it can be done again and again: at a few slots, which go round, and
    /// at all when there is a ring.
    ///
    /// Behind a published hub the rings come first, because the shield counts them.
    pub(crate) fn glance(self: &Arc<Self>, cursor: &mut ScanCursor) -> Option<ClaimedSlot> {
        let slots = self.bus.region().geometry().num_slots();
        if self.shield.is_none() {
            self.read_ahead(cursor);
            if slots <= GLANCE {
                return self.claim(cursor);
            }
            let near = self.claim_among(cursor.start(), GLANCE / 2, cursor);
            let lease = near.or_else(|| self.claim_among(cursor.aside(slots), GLANCE / 2, cursor));
            if lease.is_some() {
                return lease;
            }
        }
        if !self.bus.requests().try_take() {
            return None;
        }
        self.claim_for_ring(cursor)
    }

    fn claim_among(self: &Arc<Self>, start: usize, count: usize, cursor: &mut ScanCursor) -> Option<ClaimedSlot> {
        // Looked at here too, so that requests of another life are not claimed and put back again and again. What waits in a
        // region that is retired already its callers take to the next one, whose requests may put their bodies in place of theirs.
        if !self.bus.is_own_life() || self.bus.is_retired() {
            return None;
        }
        let mut slots = self.bus.region().geometry().slots_from(start, count);
        let index = slots.find(|&slot| self.claim_slot(slot))?;
        self.bus.region().prefetch_request(index);
        self.bus.region().prefetch_response_to_write(index);
        cursor.claimed(index, self.slot(index).ticket.get());
        match &self.shield {
            Some(shield) => shield.claimed(index),
            None => self.rings_owed.set(self.rings_owed.get().wrapping_add(1)),
        }
        self.stand_by();
        // The slot came back, so its last answer was read.
        self.overflow.trim(index);
        Some(ClaimedSlot::new(Arc::clone(self), index, self.rights[index.get()].grant(), cursor.ahead.take()))
    }

    /// What overflow objects of a dispatch carry, where the hub numbers its dispatches.
    pub(super) fn stamp(&self, ticket: u64) -> Option<Stamp> {
        let epoch = self.bus.epoch().filter(|_| !self.is_published_hub())?;
        Some(Stamp { epoch, ticket, owner: self.bus.owner() })
    }

    /// Where the request in a slot is read from, of `dispatch` if the hub is one of ours.
    pub(super) fn origin<'a>(&'a self, slot: SlotIndex, dispatch: Option<&'a Stamp>) -> Origin<'a> {
        let Self { bus, views, body_limit, .. } = self;
        Origin { region: bus.region(), views, slot, body_limit: *body_limit, dispatch }
    }

    /// Claims a slot whose request is of this life. A published hub may have taken the region over, whose requests lie
    /// elsewhere: they are for who attaches to it. The look after the claim sees all that was written before READY.
    pub(super) fn claim_slot(&self, slot: SlotIndex) -> bool {
        let status = &self.slot(slot).status;
        status.claim(self.claim) && {
            let is_own_life = self.bus.is_own_life();
            if !is_own_life {
                status.put_back(self.claim);
            }
            is_own_life
        }
    }

    /// Notes how long a body was that was copied, a request's or an answer's.
    pub(super) fn copied(&self, direction: Direction, len: usize) {
        self.last_bodies[direction as usize].set(len as u64);
    }

    /// Bytes that a hub which goes on as it did copies until its next request is there.
    pub(crate) fn bytes_until_next(&self) -> usize {
        self.last_bodies.iter().map(|len| len.get() as usize).sum()
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
            let was_out = right.is_out();
            while right.is_out() {
                match right.held() {
                    Some(grant) if self.bus.is_alive() => {
                        ClaimedSlot::new(Arc::clone(self), index, grant, None).answer(OutgoingReply::bare(status));
                    }
                    // The region may belong to a new hub by now: nothing of it is ours to write.
                    Some(grant) if right.take(grant) => right.settle(grant),
                    _ => std::thread::yield_now(),
                }
            }
            if was_out {
                // A handler that waits for something would wait on for nobody, and keep this attachment.
                self.watched[index.get()].end();
            }
        }
    }

    /// Gives back the memory kept for bodies if none was written or read since the last call. Only the pump that claims may
    /// call it: a slot without a lease stays without one meanwhile.
    pub(crate) fn trim_idle(&self) {
        let used = self.overflow.writes() + self.views.reads();
        if used != self.bodies_seen.get() || !self.keeps_memory() {
            return self.bodies_seen.set(used);
        }
        self.views.clear();
        for slot in self.slots() {
            // The right first: an answer that settled meanwhile is DONE by then.
            if !self.rights[slot.get()].is_out() && self.slot(slot).status.observe() != Status::Done {
                self.overflow.give_back(slot);
            }
        }
    }

    /// Whether memory is kept for long bodies.
    #[inline]
    pub(super) fn keeps_memory(&self) -> bool {
        self.overflow.is_in_use() || self.views.is_in_use()
    }

    /// Makes room for an answer that found none: gives back the objects of answers that were read, which else stay until their
    /// slots are used again, and what is kept of requests; whether there were any.
    pub(super) fn make_room(&self) -> bool {
        let had_views = self.views.is_in_use();
        self.views.clear();
        let given_back = self.slots().filter(|&slot| {
            // The right first, as in `trim_idle`. Whoever claims the slot after this look has to lock the object to write.
            let is_read = || !self.rights[slot.get()].is_out() && self.slot(slot).status.observe() != Status::Done;
            self.overflow.give_back_if(slot, is_read)
        });
        given_back.count() > 0 || had_views
    }

    /// Waits until no answer's overflow object is being waited for, at most `patience`: an object must outlive its
    /// reader, and this attachment is about to remove them.
    pub(crate) fn settle(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let unread = |slot: SlotIndex| self.overflow.keeps(slot) && self.slot(slot).status.observe() == Status::Done;
        while self.slots().any(unread) && Instant::now() < deadline && self.bus.is_alive() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
