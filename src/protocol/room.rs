//! Memory for the body of an answer where its reader will look for it, and which of it the current thread writes for.
//!
//! A trait, because what writes a body knows HTTP and what has the memory knows slots, and neither knows the other.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;

use super::geometry::SlotIndex;

/// Who has memory for the bodies of slots.
pub(crate) trait BodyRooms: Send + Sync {
    /// Whether a body whose length is not known is likely to end in memory that is kept.
    fn suits_growing(&self) -> bool;

    /// Memory for at least `len` bytes of the answer of `slot`; `None` when there is none to be had.
    fn take(&self, slot: SlotIndex, len: usize) -> Option<Box<dyn BodyMemory>>;
}

/// Memory for a body, its writer's alone.
pub(crate) trait BodyMemory: Send + Sync {
    /// How many bytes have room.
    fn capacity(&self) -> usize;

    /// Copies `bytes` to offset `at`.
    ///
    /// # Panics
    /// When they do not fit.
    fn write(&mut self, at: usize, bytes: &[u8]);

    /// The first `len` bytes as they lie.
    fn into_bytes(self: Box<Self>, len: usize) -> Bytes;
}

/// The room of one answer.
#[derive(Clone)]
pub(crate) struct Room {
    rooms: Arc<dyn BodyRooms>,
    slot: SlotIndex,
}

thread_local! {
    static CURRENT: RefCell<Option<Room>> = const { RefCell::new(None) };
}

impl Room {
    /// Memory for bodies up to this many bytes is kept for those to come; longer ones are made for one body each.
    pub(crate) const KEPT: usize = 1 << 20;

    pub(crate) fn new(rooms: Arc<dyn BodyRooms>, slot: SlotIndex) -> Self {
        Self { rooms, slot }
    }

    /// The room of the request that this thread is running, if it has one.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Runs `work` for the answer whose room this is.
    pub(crate) fn enter<T>(self, work: impl FnOnce() -> T) -> T {
        /// Also when the work panics.
        struct Restore(Option<Room>);

        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }

        let _restore = Restore(CURRENT.replace(Some(self)));
        work()
    }

    /// As [`BodyRooms::suits_growing`].
    pub(crate) fn suits_growing(&self) -> bool {
        self.rooms.suits_growing()
    }

    /// Memory for at least `len` bytes.
    pub(crate) fn take(&self, len: usize) -> Option<Box<dyn BodyMemory>> {
        self.rooms.take(self.slot, len)
    }
}
