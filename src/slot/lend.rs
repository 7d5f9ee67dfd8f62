//! Bodies lent in place of copied: who keeps their slot meanwhile.

use std::sync::Arc;

use bytes::Bytes;

use super::attachment::Attachment;
use crate::bus::Bus;
use crate::protocol::{BodyMemory, BodyRooms, OwnerToken, SlotIndex};
use crate::region::{Lender, OverflowObject, Region, TrustedPeers, lend_object};

/// Bodies from this many bytes on are lent; copying shorter ones costs less than keeping their slot.
pub(crate) const LEND_FROM: usize = 16 * 1024;

/// Keeps a slot from being used again, and its bus open, until it is dropped.
pub(crate) trait Keeper: Send + 'static {
    /// The bus of the slot; always the same one.
    fn bus(&self) -> &Bus;
}

/// A keeper's bus as a region's lender.
pub(super) struct Kept<K>(pub(super) K);

impl<K: Keeper> Lender for Kept<K> {
    fn region(&self) -> &Region {
        self.0.bus().region()
    }
}

/// How bodies are read in place.
pub(super) struct Lending<K> {
    pub(super) trust: TrustedPeers,
    pub(super) keeper: K,
}

/// A worker's hold on the bytes of a request; the hub sees it in the slot.
#[derive(Debug)]
pub(super) struct Hold {
    attachment: Arc<Attachment>,
    index: SlotIndex,
}

impl Hold {
    /// Holds the request of a slot that is claimed by `attachment`.
    pub(super) fn take(attachment: &Arc<Attachment>, index: SlotIndex, owner: OwnerToken) -> Self {
        attachment.slot(index).held.hold(owner);
        Self { attachment: Arc::clone(attachment), index }
    }
}

impl Keeper for Hold {
    fn bus(&self) -> &Bus {
        &self.attachment.bus
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let Self { attachment, index } = self;
        attachment.slot(*index).held.let_go();
        // If the slot is answered already, the hub waits for this to use it again.
        if !attachment.rights[index.get()].is_out() {
            attachment.bus.responses().ring();
        }
    }
}

impl BodyRooms for Attachment {
    fn suits_growing(&self) -> bool {
        self.overflow.suits_growing()
    }

    fn take(&self, slot: SlotIndex, len: usize) -> Option<Box<dyn BodyMemory>> {
        let trust = self.trust?;
        match self.overflow.share(slot, len) {
            Ok(object) => Some(Box::new(SharedMemory { object, trust })),
            Err(error) => {
                // The answer itself will say so, if it finds no room either.
                tracing::debug!(bus = %self.bus.name(), %slot, "no room to write a body of {len} bytes in place: {error}");
                None
            }
        }
    }
}

/// An object that an answer's body is being written into.
struct SharedMemory {
    object: Arc<OverflowObject>,
    trust: TrustedPeers,
}

impl BodyMemory for SharedMemory {
    fn capacity(&self) -> usize {
        self.object.room()
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        self.object.write(at, bytes);
    }

    fn into_bytes(self: Box<Self>, len: usize) -> Bytes {
        lend_object(self.object, len, self.trust)
    }
}
