//! The overflow objects this side writes: one is kept for each slot, and used again while it is long enough.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::bus::{Access, Bus, Folder};
use crate::protocol::{BusName, Direction, Features, Generation, Room, Segments, SlotIndex, Stamp, Version};
use crate::region::OverflowObject;
use crate::sync::{Counter, Share};

/// Objects for bodies up to this many bytes are kept for the slot's next body; longer ones go when their reader is done.
pub(super) const KEEP: usize = Room::KEPT;
/// The longest object that is kept: it has a stamp behind its body.
pub(super) const KEEP_OBJECT: u64 = OverflowObject::capacity_for(KEEP);
/// The most bytes that all slots of one side keep together.
pub(super) const KEEP_ALL: u64 = 32 * KEEP_OBJECT;
/// The share of the limit that objects may take which are kept for no request: what is idle must not keep bodies away.
const KEPT_SHARE: u64 = 8;

/// The kept objects of one direction.
#[derive(Debug)]
pub(crate) struct OverflowStore {
    name: BusName,
    access: Access,
    direction: Direction,
    /// Whether names are walked through until one is free. Else the slot has one name, which published peers of version 1
    /// know, and what stands there is in its way.
    walks: bool,
    folder: Folder,
    /// The most bytes of all objects.
    limit: u64,
    /// Only the slot's owner uses its entry, beside whoever trims what is idle.
    kept: Box<[Mutex<Option<Kept>>]>,
    /// How many objects there are that are too long to stay.
    long: Counter,
    /// Bytes of all objects, those included that somebody still writes or reads in.
    bytes: Arc<Counter>,
    /// How often an object was written, for whoever trims what is idle.
    writes: Counter,
    /// Rises by two with each body that is too long to be kept, up to four, and sinks by one with any other.
    too_long: Counter,
}

#[derive(Debug)]
struct Kept {
    /// Shared while somebody writes or reads a body in it.
    object: Arc<OverflowObject>,
    generation: Generation,
    /// It goes when its reader is done.
    is_long: bool,
}

impl Kept {
    fn stamp(&self, stamp: Option<Stamp>) {
        if let Some(stamp) = stamp {
            self.object.stamp(stamp);
        }
    }
}

impl OverflowStore {
    /// Objects of at most `limit` bytes together for the bodies that are written in `direction` on `bus`.
    pub(crate) fn new(bus: &Bus, direction: Direction, limit: u64) -> Self {
        let geometry = bus.region().geometry();
        let slots = geometry.num_slots();
        // A hub that numbers its dispatches reads every name, and a worker that stood still must not take another's away.
        let is_read_by_us = direction == Direction::Response && geometry.offers(Features::TICKET);
        Self {
            name: bus.name().clone(),
            access: bus.access(),
            direction,
            walks: geometry.version() == Version::V2 || is_read_by_us,
            folder: Folder::open(),
            limit,
            kept: (0..slots).map(|_| Mutex::default()).collect(),
            long: Counter::default(),
            bytes: Arc::default(),
            writes: Counter::default(),
            too_long: Counter::default(),
        }
    }

    /// Puts `body` into the slot's object; which generation the reader must open. A body that was written there in the
    /// first place stays where it is. `stamp` says which dispatch it is of, to readers of ours.
    ///
    /// `copy` is given the generation and what appends a piece of the body; until then the object says that it is of this
    /// dispatch, and nothing else.
    pub(crate) fn write(
        &self,
        slot: SlotIndex,
        body: &Segments,
        stamp: Option<Stamp>,
        copy: impl FnOnce(Generation, &mut dyn FnMut(&[u8])),
    ) -> io::Result<Generation> {
        let mut entry = self.entry(slot);
        self.writes.add(1);
        let too_long = self.too_long.get();
        self.too_long.set(if body.len() > KEEP { (too_long + 2).min(4) } else { too_long.saturating_sub(1) });
        if let (Some(kept), Some(only)) = (&*entry, body.only())
            && kept.object.starts_with(only)
            && kept.object.can_hold(only.len(), &self.folder)
        {
            kept.stamp(stamp);
            return Ok(kept.generation);
        }
        let kept = self.make_room(&mut entry, slot, body.len())?;
        kept.stamp(stamp);
        let mut at = 0;
        copy(kept.generation, &mut |piece| {
            kept.object.write(at, piece);
            at += piece.len();
        });
        Ok(kept.generation)
    }

    /// The slot's object, for a body of at least `len` bytes that is written in place. It is used for no other while it is
    /// shared.
    pub(crate) fn share(&self, slot: SlotIndex, len: usize) -> io::Result<Arc<OverflowObject>> {
        let mut entry = self.entry(slot);
        self.writes.add(1);
        Ok(Arc::clone(&self.make_room(&mut entry, slot, len)?.object))
    }

    /// Whether a body whose length is not known is likely to end in memory that is kept, as the last ones did: one that becomes too
    /// long for that would take an object after the other while it grows.
    pub(crate) fn suits_growing(&self) -> bool {
        self.too_long.get() == 0
    }

    /// The slot's object if it has room and is not shared, else a new one.
    fn make_room<'a>(&self, entry: &'a mut Option<Kept>, slot: SlotIndex, len: usize) -> io::Result<&'a Kept> {
        let fits =
            |kept: &mut Kept| kept.object.can_hold(len, &self.folder) && Arc::get_mut(&mut kept.object).is_some();
        if !entry.as_mut().is_some_and(fits) {
            let room = entry.as_ref().map_or(0, |kept| kept.object.room());
            // The old one goes first, so that its name is free again.
            self.forget(entry);
            // Bodies that grow little by little are not to take an object each; but what would not be kept is made to measure.
            let most_kept = KEEP_ALL.min(self.limit / KEPT_SHARE);
            let ample = (room / 2 * 3).min(KEEP);
            let is_kept = self.bytes.get() + OverflowObject::capacity_for(ample) <= most_kept;
            let wanted = if room < len && is_kept { ample.max(len) } else { len };
            let (object, generation) = match self.create(slot, wanted) {
                Err(_) if wanted > len => self.create(slot, len)?,
                made => made?,
            };
            let is_long = object.capacity() as u64 > KEEP_OBJECT || self.bytes.get() > most_kept;
            self.long.add(u64::from(is_long));
            *entry = Some(Kept { object: Arc::new(object), generation, is_long });
        }
        Ok(entry.as_ref().expect("one was just kept"))
    }

    /// Whether the slot has an object whose reader may still be reading.
    pub(crate) fn keeps(&self, slot: SlotIndex) -> bool {
        self.entry(slot).is_some()
    }

    /// Gives the slot's object back if it is long, once its reader is done with it.
    #[inline]
    pub(crate) fn trim(&self, slot: SlotIndex) {
        if self.long.get() > 0 {
            let mut kept = self.entry(slot);
            if kept.as_ref().is_some_and(|kept| kept.is_long) {
                self.forget(&mut kept);
            }
        }
    }

    /// How often bodies were written so far.
    pub(crate) fn writes(&self) -> u64 {
        self.writes.get()
    }

    /// Takes all bytes that are left under the limit; how many. No object can be made until they are given back.
    #[cfg(all(feature = "tokio", not(loom)))]
    pub(crate) fn take_room(&self) -> u64 {
        let mut taken = 0;
        // Somebody may make or give back an object meanwhile.
        while let left @ 1.. = self.limit.saturating_sub(self.bytes.get()) {
            taken += if self.bytes.add_within(left, self.limit) { left } else { 0 };
        }
        taken
    }

    /// Gives back what [`take_room`](Self::take_room) took.
    #[cfg(all(feature = "tokio", not(loom)))]
    pub(crate) fn give_room(&self, bytes: u64) {
        self.bytes.sub(bytes);
    }

    /// Whether any object is kept.
    pub(crate) fn is_in_use(&self) -> bool {
        self.bytes.get() > 0
    }

    /// Gives the slot's object back, whose reader is done with it.
    pub(crate) fn give_back(&self, slot: SlotIndex) {
        let mut kept = self.entry(slot);
        self.forget(&mut kept);
    }

    /// Gives the slot's object back if there is one, nobody is busy with it, and its reader `is_done` with it; whether it
    /// was. Asked while the object is locked, so that nobody writes to it in between.
    pub(crate) fn give_back_if(&self, slot: SlotIndex, is_done: impl FnOnce() -> bool) -> bool {
        let Ok(mut kept) = self.kept[slot.get()].try_lock() else { return false };
        let gives = kept.is_some() && is_done();
        if gives {
            self.forget(&mut kept);
        }
        gives
    }

    fn forget(&self, kept: &mut Option<Kept>) {
        if let Some(kept) = kept.take() {
            self.long.sub(u64::from(kept.is_long));
        }
    }

    fn entry(&self, slot: SlotIndex) -> MutexGuard<'_, Option<Kept>> {
        self.kept[slot.get()].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes an object for the slot. Its bytes are counted before there are any, so that all slots together never have more
    /// than the limit.
    fn create(&self, slot: SlotIndex, len: usize) -> io::Result<(OverflowObject, Generation)> {
        let (capacity, limit) = (OverflowObject::capacity_for(len), self.limit);
        let Some(share) = Share::take(&self.bytes, capacity, limit) else {
            let taken = self.bytes.get();
            let message =
                format!("{capacity} bytes more would exceed the overflow limit of {limit} bytes, {taken} are taken");
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, message));
        };
        let (object, generation) = self.create_uncounted(slot, len)?;
        Ok((object.counted(share), generation))
    }

    fn create_uncounted(&self, slot: SlotIndex, len: usize) -> io::Result<(OverflowObject, Generation)> {
        if !self.walks {
            // What stands under the name was left by a former owner of the slot, whose reader is done: the slot would not
            // be ours otherwise.
            let generation = Generation::default();
            let name = self.name.overflow(self.direction, slot, generation);
            return Ok((OverflowObject::replace(&name, len, self.access)?, generation));
        }
        for generation in Generation::all() {
            let name = self.name.overflow(self.direction, slot, generation);
            if let Some(object) = OverflowObject::create(name, len, self.access)? {
                return Ok((object, generation));
            }
        }
        let message = format!("all 255 overflow names of slot {slot} are taken: remove what crashed peers left");
        Err(io::Error::new(io::ErrorKind::AlreadyExists, message))
    }
}
