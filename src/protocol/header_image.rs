//! The numbers of a header, copied out once.

#[cfg(test)]
use super::layout::compute_layout;
use super::layout::{SHM_MAGIC, ShmHeader};

/// The numbers of a header, read once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct HeaderImage {
    pub(super) magic: u32,
    pub(super) version: u32,
    pub(super) num_slots: u32,
    pub(super) heap_offset: u32,
    pub(super) heap_size: u32,
    pub(super) ext_magic: u32,
    pub(super) features: u32,
    pub(super) epoch: u64,
    pub(super) arena_size: u32,
}

impl HeaderImage {
    /// Copies the fields out; the seals first, so that what follows a complete one is complete.
    pub(crate) fn read(header: &ShmHeader) -> Self {
        let magic = header.magic.read();
        let ext_magic = header.ext_magic.read();
        Self {
            magic,
            ext_magic,
            version: header.version.get(),
            num_slots: header.num_slots.get(),
            heap_offset: header.heap_offset.get(),
            heap_size: header.heap_size.get(),
            features: header.hub_features.get(),
            epoch: header.epoch.get(),
            arena_size: header.arena_size.get(),
        }
    }

    /// Copies the fields of a header whose magic is not stored yet, because its maker is about to.
    pub(crate) fn read_unsealed(header: &ShmHeader) -> Self {
        Self { magic: SHM_MAGIC, ..Self::read(header) }
    }

    /// The header of a published version 1 region of 1 MiB.
    #[cfg(test)]
    pub(crate) fn published_for_tests(num_slots: u32) -> Self {
        let (heap_offset, heap_size) = compute_layout(num_slots as usize, 1 << 20);
        Self {
            magic: SHM_MAGIC,
            version: 1,
            num_slots,
            heap_offset: heap_offset as u32,
            heap_size: heap_size as u32,
            ext_magic: 0,
            features: 0,
            epoch: 0,
            arena_size: 0,
        }
    }
}
