//! The overflow objects of a slot: what this side writes is kept, one for each slot, and used again while it is long enough;
//! so is the view of what the other side keeps.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::bus::{Access, Bus};
use crate::protocol::{BusName, Direction, Generation, Segments, SlotIndex, Version};
use crate::region::{OverflowObject, OverflowView, read_overflow};
use crate::sync::Counter;

/// Objects up to this many bytes are kept for the slot's next body; longer ones go when their reader is done.
const KEEP: usize = 1 << 20;
/// The most bytes that all slots of one side keep together.
const KEEP_ALL: u64 = 32 << 20;
/// The share of the limit that objects may take which are kept for no request: what is idle must not keep bodies away.
const KEPT_SHARE: u64 = 8;

/// The kept objects of one direction.
#[derive(Debug)]
pub(crate) struct OverflowStore {
    name: BusName,
    access: Access,
    direction: Direction,
    version: Version,
    /// The most bytes of all objects.
    limit: u64,
    /// Only the slot's owner uses its entry, beside whoever trims what is idle.
    kept: Box<[Mutex<Option<Kept>>]>,
    /// How many objects there are that are too long to stay.
    long: Counter,
    /// Bytes of all objects.
    bytes: Counter,
    /// How often an object was written, for whoever trims what is idle.
    writes: Counter,
}

#[derive(Debug)]
struct Kept {
    /// Shared while somebody writes or reads a body in it.
    object: Arc<OverflowObject>,
    generation: Generation,
    /// It goes when its reader is done.
    is_long: bool,
}

impl OverflowStore {
    /// Objects of at most `limit` bytes together for the bodies that are written in `direction` on `bus`.
    pub(crate) fn new(bus: &Bus, direction: Direction, limit: u64) -> Self {
        let geometry = bus.region().geometry();
        let (version, slots) = (geometry.version(), geometry.num_slots());
        Self {
            name: bus.name().clone(),
            access: bus.access(),
            direction,
            version,
            limit,
            kept: (0..slots).map(|_| Mutex::default()).collect(),
            long: Counter::default(),
            bytes: Counter::default(),
            writes: Counter::default(),
        }
    }

    /// Puts `body` into the slot's object; which generation the reader must open. A body that was written there in the
    /// first place stays where it is.
    pub(crate) fn write(&self, slot: SlotIndex, body: &Segments) -> io::Result<Generation> {
        let mut entry = self.entry(slot);
        self.writes.add(1);
        if let (Some(kept), Some(only)) = (&*entry, body.only())
            && kept.object.starts_with(only)
            && kept.object.can_hold(only.len())
        {
            return Ok(kept.generation);
        }
        let Kept { object, generation, .. } = self.make_room(&mut entry, slot, body.len())?;
        let mut at = 0;
        for piece in body.iter() {
            object.write(at, piece);
            at += piece.len();
        }
        Ok(*generation)
    }

    /// The slot's object, for a body of at least `len` bytes that is written in place. It is used for no other while it is
    /// shared.
    pub(crate) fn share(&self, slot: SlotIndex, len: usize) -> io::Result<Arc<OverflowObject>> {
        let mut entry = self.entry(slot);
        self.writes.add(1);
        Ok(Arc::clone(&self.make_room(&mut entry, slot, len)?.object))
    }

    /// The slot's object if it has room and is not shared, else a new one.
    fn make_room<'a>(&self, entry: &'a mut Option<Kept>, slot: SlotIndex, len: usize) -> io::Result<&'a Kept> {
        let fits = |kept: &mut Kept| kept.object.can_hold(len) && Arc::get_mut(&mut kept.object).is_some();
        if !entry.as_mut().is_some_and(fits) {
            // The old one goes first, so that its name is free again.
            self.forget(entry);
            let (object, generation) = self.create(slot, len)?;
            let is_long = object.capacity() > KEEP || self.bytes.get() > KEEP_ALL.min(self.limit / KEPT_SHARE);
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
            self.bytes.sub(kept.object.capacity() as u64);
        }
    }

    fn entry(&self, slot: SlotIndex) -> MutexGuard<'_, Option<Kept>> {
        self.kept[slot.get()].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes an object for the slot. Its bytes are counted before there are any, so that all slots together never have more
    /// than the limit.
    fn create(&self, slot: SlotIndex, len: usize) -> io::Result<(OverflowObject, Generation)> {
        let (capacity, limit) = (OverflowObject::capacity_for(len), self.limit);
        if !self.bytes.add_within(capacity, limit) {
            let taken = self.bytes.get();
            let message =
                format!("{capacity} bytes more would exceed the overflow limit of {limit} bytes, {taken} are taken");
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, message));
        }
        self.create_counted(slot, len).inspect_err(|_| self.bytes.sub(capacity))
    }

    fn create_counted(&self, slot: SlotIndex, len: usize) -> io::Result<(OverflowObject, Generation)> {
        match self.version {
            // Version 1 knows one name. What stands under it was left by a former owner of the slot, whose reader is
            // done: the slot would not be ours otherwise.
            Version::V1 => {
                let generation = Generation::default();
                let name = self.name.overflow(self.direction, slot, generation);
                Ok((OverflowObject::replace(&name, len, self.access)?, generation))
            }
            Version::V2 => {
                for generation in Generation::all() {
                    let name = self.name.overflow(self.direction, slot, generation);
                    if let Some(object) = OverflowObject::create(name, len, self.access)? {
                        return Ok((object, generation));
                    }
                }
                let message =
                    format!("all 255 overflow names of slot {slot} are taken: remove what crashed peers left");
                Err(io::Error::new(io::ErrorKind::AlreadyExists, message))
            }
        }
    }
}

/// Views of the objects that the other side keeps.
#[derive(Debug)]
pub(crate) struct ViewStore {
    name: BusName,
    access: Access,
    direction: Direction,
    /// Only the slot's owner uses its entry, beside whoever trims what is idle.
    views: Box<[Mutex<Option<Arc<OverflowView>>>]>,
    /// How often a view was read.
    reads: Counter,
    /// Bytes of all views.
    bytes: Counter,
}

/// Why a body was not copied out of its object.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) name: String,
    pub(crate) source: io::Error,
}

impl ViewStore {
    /// Views of what is written in `direction` on `bus`.
    pub(crate) fn new(bus: &Bus, direction: Direction) -> Self {
        let views = bus.region().geometry().slots().map(|_| Mutex::default()).collect();
        let (name, access) = (bus.name().clone(), bus.access());
        Self { name, access, direction, views, reads: Counter::default(), bytes: Counter::default() }
    }

    /// Copies `len` bytes out of the slot's object. `kept` says that the writer uses it again, so that mapping it pays.
    pub(crate) fn read(
        &self,
        slot: SlotIndex,
        generation: Generation,
        len: usize,
        kept: bool,
    ) -> Result<Vec<u8>, Unreadable> {
        let name = self.name.overflow(self.direction, slot, generation);
        let read = if kept && len <= KEEP {
            self.view_of(slot, &name, len).map(|view| view.copy_out(len))
        } else {
            read_overflow(&name, len, self.access)
        };
        read.map_err(|source| Unreadable { name, source })
    }

    /// The slot's object itself, at least `len` bytes of it.
    pub(crate) fn view(
        &self,
        slot: SlotIndex,
        generation: Generation,
        len: usize,
    ) -> Result<Arc<OverflowView>, Unreadable> {
        let name = self.name.overflow(self.direction, slot, generation);
        self.view_of(slot, &name, len).map_err(|source| Unreadable { name, source })
    }

    fn view_of(&self, slot: SlotIndex, name: &str, len: usize) -> io::Result<Arc<OverflowView>> {
        let mut entry = self.views[slot.get()].lock().unwrap_or_else(PoisonError::into_inner);
        self.reads.add(1);
        if let Some(view) = entry.as_ref().filter(|view| view.is_of(name, len)) {
            return Ok(Arc::clone(view));
        }
        // The former one goes first: its object may be gone but for this view.
        self.forget(&mut entry);
        let view = Arc::new(OverflowView::open(name, len, self.access)?);
        let bytes = view.len() as u64;
        if view.len() <= KEEP && self.bytes.get() + bytes <= KEEP_ALL {
            *entry = Some(Arc::clone(&view));
            self.bytes.add(bytes);
        }
        Ok(view)
    }

    /// How often views were read so far.
    pub(crate) fn reads(&self) -> u64 {
        self.reads.get()
    }

    /// Whether any view may be kept.
    pub(crate) fn is_in_use(&self) -> bool {
        self.bytes.get() > 0
    }

    fn forget(&self, entry: &mut Option<Arc<OverflowView>>) {
        if let Some(view) = entry.take() {
            self.bytes.sub(view.len() as u64);
        }
    }

    /// Lets go of every view. A slot that is read again opens its own again.
    pub(crate) fn clear(&self) {
        for view in &self.views {
            self.forget(&mut view.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}
