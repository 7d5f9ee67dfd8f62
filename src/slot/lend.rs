//! Bodies lent in place of copied: who keeps their slot meanwhile.

use std::sync::Arc;

use super::attachment::Attachment;
use crate::bus::Bus;
use crate::protocol::{OwnerToken, SlotIndex};
use crate::region::{Lender, Region, TrustedPeers};

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
