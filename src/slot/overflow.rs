//! The overflow objects of one side, one kept for each slot and used again while it is long enough.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::protocol::{BusName, Direction, Generation, Segments, SlotIndex, Version};
use crate::region::OverflowObject;
use crate::sync::Counter;

/// Objects up to this many bytes are kept for the slot's next body; longer ones go when their reader is done.
const KEEP: u64 = 1 << 20;

/// The kept objects of one direction.
#[derive(Debug)]
pub(crate) struct OverflowStore {
    name: BusName,
    direction: Direction,
    version: Version,
    /// Only the slot's owner touches its entry, so a lock here is never waited for.
    kept: Box<[Mutex<Option<Kept>>]>,
    /// How many kept objects are longer than [`KEEP`].
    long: Counter,
}

#[derive(Debug)]
struct Kept {
    object: OverflowObject,
    generation: Generation,
}

impl Kept {
    fn is_long(&self) -> bool {
        self.object.capacity() > KEEP
    }
}

impl OverflowStore {
    pub(crate) fn new(name: BusName, direction: Direction, version: Version, slots: usize) -> Self {
        Self {
            name,
            direction,
            version,
            kept: (0..slots).map(|_| Mutex::default()).collect(),
            long: Counter::default(),
        }
    }

    /// Puts `body` into the slot's object; which generation the reader must open.
    pub(crate) fn write(&self, slot: SlotIndex, body: &Segments) -> io::Result<Generation> {
        let mut kept = self.entry(slot);
        if !kept.as_ref().is_some_and(|kept| kept.object.can_hold(body.len())) {
            // The old one goes first, so that its name is free again.
            self.forget(&mut kept);
            let new = self.create(slot, body.len())?;
            self.long.add(u64::from(new.is_long()));
            *kept = Some(new);
        }
        let Kept { object, generation } = kept.as_ref().expect("one was just kept");
        let mut at = 0;
        for piece in body.iter() {
            object.write(at, piece)?;
            at += piece.len();
        }
        Ok(*generation)
    }

    /// Whether the slot has an object whose reader may still be reading.
    pub(crate) fn keeps(&self, slot: SlotIndex) -> bool {
        self.entry(slot).is_some()
    }

    /// Gives the slot's object back if it is long, once its reader is done with it.
    pub(crate) fn trim(&self, slot: SlotIndex) {
        if self.long.get() > 0 {
            let mut kept = self.entry(slot);
            if kept.as_ref().is_some_and(Kept::is_long) {
                self.forget(&mut kept);
            }
        }
    }

    fn forget(&self, kept: &mut Option<Kept>) {
        if let Some(kept) = kept.take() {
            self.long.sub(u64::from(kept.is_long()));
        }
    }

    fn entry(&self, slot: SlotIndex) -> MutexGuard<'_, Option<Kept>> {
        self.kept[slot.get()].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn create(&self, slot: SlotIndex, len: usize) -> io::Result<Kept> {
        match self.version {
            // Version 1 knows one name. What stands under it was left by a former owner of the slot, whose reader is
            // done: the slot would not be ours otherwise.
            Version::V1 => {
                let generation = Generation::default();
                let name = self.name.overflow(self.direction, slot, generation);
                Ok(Kept { object: OverflowObject::replace(&name, len)?, generation })
            }
            Version::V2 => {
                for generation in Generation::all() {
                    let name = self.name.overflow(self.direction, slot, generation);
                    if let Some(object) = OverflowObject::create(name, len)? {
                        return Ok(Kept { object, generation });
                    }
                }
                let message =
                    format!("all 255 overflow names of slot {slot} are taken: remove what crashed peers left");
                Err(io::Error::new(io::ErrorKind::AlreadyExists, message))
            }
        }
    }
}
