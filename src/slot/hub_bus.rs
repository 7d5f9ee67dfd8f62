//! A hub's side of a bus: which of its slots are free, and what it knows of all of them.

use super::overflow::OverflowStore;
use super::payload::Origin;
use super::reserved::ReservedSlot;
use super::views::ViewStore;
use crate::bus::Bus;
use crate::protocol::{
    BodyPlace, Direction, Features, Limits, PUBLISHED_ANSWER, PUBLISHED_HEAD, Payload, SlotIndex, SlotMeta, Stamp,
    Status, align8,
};
use crate::sync::{Counter, Flag};

/// A hub's side of a bus.
#[derive(Debug)]
pub(crate) struct HubBus {
    pub(super) bus: Bus,
    pub(super) overflow: OverflowStore,
    pub(super) views: ViewStore,
    /// Long bodies are read while they are written, by both sides.
    pub(super) goes_ahead: bool,
    tickets: Counter,
    limits: Limits,
    /// The most bytes of the bump area that one answer of a published worker took.
    longest_answer: Counter,
    pub(super) published_workers: Flag,
}

impl HubBus {
    /// Takes over a hub's bus; what exceeds the limits is refused both ways.
    pub(crate) fn new(bus: Bus, limits: impl Into<Limits>) -> Self {
        let limits = limits.into();
        let goes_ahead = bus.region().geometry().offers(Features::AHEAD);
        let overflow = OverflowStore::new(&bus, Direction::Request, limits.overflow);
        let views = ViewStore::new(&bus, Direction::Response);
        Self {
            bus,
            overflow,
            views,
            goes_ahead,
            tickets: Counter::default(),
            limits,
            longest_answer: Counter::default(),
            published_workers: Flag::default(),
        }
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.bus
    }

    pub(crate) fn slots(&self) -> impl DoubleEndedIterator<Item = SlotIndex> + use<> {
        self.bus.region().geometry().slots()
    }

    #[inline]
    pub(super) fn slot(&self, slot: SlotIndex) -> &SlotMeta {
        self.bus.region().slot(slot)
    }

    /// What a slot says now, for tables.
    pub(crate) fn status(&self, slot: SlotIndex) -> Status {
        self.slot(slot).status.observe()
    }

    /// Reserves a slot that this hub believes free; `None` when its word says otherwise.
    #[inline]
    pub(crate) fn reserve(&self, index: SlotIndex) -> Option<ReservedSlot<'_>> {
        // Made only once the slot is ours: a `ReservedSlot` that is dropped stores FREE.
        self.slot(index).status.reserve().then(|| ReservedSlot { hub: self, index })
    }

    /// Whether a slot is that of the dispatch with this ticket still. It is, unless another hub takes the region over.
    #[inline]
    pub(super) fn has_dispatched(&self, slot: SlotIndex, ticket: u64) -> bool {
        self.slot(slot).ticket.get() == ticket && self.bus.is_own_life()
    }

    /// How many requests no worker has claimed that were sent before `sent_before`, in nanoseconds of CLOCK_MONOTONIC.
    pub(crate) fn waiting(&self, sent_before: u64) -> u32 {
        let waits =
            |slot: &SlotIndex| self.status(*slot) == Status::Ready && self.slot(*slot).sent_at.get() < sent_before;
        self.slots().filter(waits).count() as u32
    }

    /// How many workers are awake, as far as they say so.
    #[inline]
    pub(crate) fn awake_workers(&self) -> u32 {
        self.bus.region().header().awake.count()
    }

    /// Forgets which workers are awake, since one may have died: those that live say so again with their next claim.
    pub(crate) fn forget_awake_workers(&self) {
        if self.bus.is_own_life() {
            self.bus.region().header().awake.clear();
        }
    }

    /// Whether a published worker was ever seen here, which can follow to no other region.
    pub(crate) fn has_published_workers(&self) -> bool {
        self.published_workers.is_raised() || self.is_bump_area_in_use()
    }

    /// What either side may send.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The longest body either side may send, in bytes.
    pub(crate) fn body_limit(&self) -> usize {
        self.limits.body
    }

    /// Whether memory is kept for bodies that do not fit into the region.
    #[inline]
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

    /// Takes all memory that request bodies may still take outside the region; how many bytes.
    #[cfg(all(feature = "tokio", not(loom)))]
    pub(crate) fn take_room(&self) -> u64 {
        self.overflow.take_room()
    }

    /// Gives back what `take_room` took.
    #[cfg(all(feature = "tokio", not(loom)))]
    pub(crate) fn give_room(&self, bytes: u64) {
        self.overflow.give_room(bytes);
    }

    /// The slot with this number.
    #[inline]
    pub(crate) fn slot_at(&self, index: usize) -> SlotIndex {
        self.bus.region().geometry().slot_at(index)
    }

    /// Whether anybody took bytes of the bump area, which only published workers do.
    #[inline]
    pub(crate) fn is_bump_area_in_use(&self) -> bool {
        self.bus.region().header().alloc_head.given_out() > self.bump_area().0
    }

    /// Whether published workers would find room for the answers of `in_flight` requests, each as long as the longest so
    /// far, in what is left of the bump area.
    pub(crate) fn has_room_for_answers(&self, in_flight: usize) -> bool {
        self.has_room(in_flight, self.longest_answer.get().max(PUBLISHED_ANSWER.into()))
    }

    /// Whether they would find room for the heads of as many answers at least: an answer whose head finds none is lost.
    pub(crate) fn has_room_for_heads(&self, in_flight: usize) -> bool {
        self.has_room(in_flight, PUBLISHED_HEAD.into())
    }

    fn has_room(&self, in_flight: usize, bytes: u64) -> bool {
        let (start, end) = self.bump_area();
        let used = self.bus.region().header().alloc_head.given_out().saturating_sub(start);
        // A region without a bump area has no version 1 workers; one that nobody took from has only workers of ours.
        used == 0 || u64::from(used) + bytes * in_flight as u64 <= u64::from(end - start)
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

    #[inline]
    fn bump_area(&self) -> (u32, u32) {
        let geometry = self.bus.region().geometry();
        (geometry.bump_start(), geometry.bump_end())
    }
}

impl HubBus {
    /// What overflow objects of a dispatch carry.
    #[inline]
    pub(super) fn stamp(&self, ticket: u64) -> Option<Stamp> {
        self.bus.epoch().map(|epoch| Stamp { epoch, ticket, owner: None })
    }

    /// Where the answer in a slot is read from, to `dispatch` if its worker is one of ours.
    #[inline]
    pub(super) fn origin<'a>(&'a self, slot: SlotIndex, dispatch: Option<&'a Stamp>) -> Origin<'a> {
        let Self { bus, views, limits, .. } = self;
        Origin { region: bus.region(), views, slot, body_limit: limits.body, dispatch }
    }

    /// The number of the next dispatch; its low half is never 0, which means "none" in `cancel`.
    #[inline]
    pub(super) fn next_ticket(&self) -> u64 {
        loop {
            let ticket = self.tickets.next() + 1;
            if ticket as u32 != 0 {
                return ticket;
            }
        }
    }
}
