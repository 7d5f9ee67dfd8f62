//! The overflow objects the other side writes: views of those it keeps are kept too.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::overflow::{KEEP, KEEP_ALL, KEEP_OBJECT};
use crate::bus::{Access, Bus};
use crate::protocol::{BusName, Direction, Generation, SlotIndex, Stamp};
use crate::region::{OverflowView, read_overflow};
use crate::sync::Counter;

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

    /// Copies `len` bytes out of the slot's object. A writer of ours has stamped it for `dispatch`, and keeps it, so that
    /// mapping it pays.
    pub(crate) fn read(
        &self,
        slot: SlotIndex,
        generation: Generation,
        len: usize,
        dispatch: Option<&Stamp>,
    ) -> Result<Vec<u8>, Unreadable> {
        if let Some(dispatch) = dispatch
            && len <= KEEP
        {
            return self.view(slot, generation, len, dispatch).map(|view| view.copy_out(len));
        }
        let name = self.name.overflow(self.direction, slot, generation);
        read_overflow(&name, len, dispatch, self.access).map_err(|source| Unreadable { name, source })
    }

    /// The slot's object itself, at least `len` bytes of it.
    pub(crate) fn view(
        &self,
        slot: SlotIndex,
        generation: Generation,
        len: usize,
        dispatch: &Stamp,
    ) -> Result<Arc<OverflowView>, Unreadable> {
        let mut entry = self.views[slot.get()].lock().unwrap_or_else(PoisonError::into_inner);
        self.reads.add(1);
        if let Some(view) = entry.as_ref().filter(|view| view.holds(len, dispatch)) {
            return Ok(Arc::clone(view));
        }
        // The former one goes first: its object may be gone but for this view.
        self.forget(&mut entry);
        let name = self.name.overflow(self.direction, slot, generation);
        let view = match OverflowView::open(&name, len, dispatch, self.access) {
            Ok(view) => Arc::new(view),
            Err(source) => return Err(Unreadable { name, source }),
        };
        let bytes = view.len() as u64;
        if view.is_whole() && bytes <= KEEP_OBJECT && self.bytes.get() + bytes <= KEEP_ALL {
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
