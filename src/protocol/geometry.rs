//! From the numbers of a header to ranges that are inside the mapping.
//!
//! A header is copied out once, checked here against the length that is really mapped, and from then on only the
//! checked copy is used. All bounds arithmetic on the heap is in [`Geometry::heap_range`].

use std::fmt;
use std::num::NonZeroU64;

use super::header_image::HeaderImage;
use super::heap::{Arena, HeapRange, RangeError, align8};
use super::layout::{EXT_MAGIC, Features, SHM_HEADER_SIZE, SHM_MAGIC, SLOT_META_SIZE, ShmHeader, compute_layout};

/// The most slots a region may have.
pub(crate) const MAX_SLOTS: u32 = 256;
/// What a version 1 region of ours sets aside for one answer of a published worker: 64 KiB and its meta. Such a worker
/// takes an answer's bytes from the shared bump area, and loses the answer when its meta finds no room.
pub(crate) const PUBLISHED_ANSWER: u32 = 66 * 1024;
/// What of it is enough for its meta: where there is no room for the body it goes into an overflow object.
pub(crate) const PUBLISHED_HEAD: u32 = 4 * 1024;

/// The protocol's version.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub enum Version {
    /// One bump allocator for all slots; spoken by the published 0.1.x crates.
    V1,
    /// An arena for each slot; spoken by the published 0.2.x crates.
    V2,
}

impl Version {
    /// The number in the header.
    pub fn number(self) -> u32 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {}", self.number())
    }
}

/// Why a header describes no region that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GeometryError {
    /// No hub has completed the region yet.
    #[error("the region is not ready yet: its hub has not completed it")]
    NotReady,
    /// The mapping cannot even hold a header.
    #[error("{0} bytes are too few for a control region, which needs at least {SHM_HEADER_SIZE}")]
    TooShort(usize),
    /// Some other kind of file.
    #[error("the magic number is {0:#010x} instead of {SHM_MAGIC:#010x}: this is no slotbus region")]
    Magic(u32),
    /// A protocol nobody here speaks.
    #[error("protocol version {0} is unknown: this build speaks versions 1 and 2")]
    Version(u32),
    /// A number of slots outside 1 to 256.
    #[error("{0} slots are outside 1 to {MAX_SLOTS}")]
    NumSlots(u32),
    /// The heap does not start behind the slots.
    #[error("the heap is said to start at {found}, but {num_slots} slots end at {expected}")]
    HeapOffset {
        /// Offset in the header.
        found: u32,
        /// Where the slots end.
        expected: usize,
        /// Number of slots in the header.
        num_slots: u32,
    },
    /// The heap ends behind the mapping.
    #[error("the heap is said to end at {end}, but only {mapped} bytes are mapped")]
    HeapSize {
        /// End of the heap by the header, in bytes from the region's start.
        end: u64,
        /// Bytes that are mapped.
        mapped: usize,
    },
    /// There is no heap.
    #[error("the heap has no bytes")]
    NoHeap,
    /// The arenas do not fit the heap.
    #[error("{num_slots} arenas of {arena_size} bytes do not fit a heap of {heap_size} bytes")]
    Arenas {
        /// Bytes of one arena.
        arena_size: u32,
        /// Number of slots.
        num_slots: u32,
        /// Bytes of the heap.
        heap_size: u32,
    },
}

/// The index of a slot, inside the region it was made for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct SlotIndex(u16);

impl SlotIndex {
    /// The index as a number below 256.
    pub(crate) fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for SlotIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What this project's extension adds to a region.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Extension {
    /// What the hub offers.
    pub(crate) features: Features,
    /// Which life of the region this is.
    pub(crate) epoch: NonZeroU64,
}

/// A validated layout: every range it hands out is inside the mapping it was made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Geometry {
    version: Version,
    num_slots: u16,
    heap_offset: u32,
    heap_size: u32,
    extension: Option<Extension>,
    /// Bytes of one slot's arena, where the region has arenas.
    arena_size: Option<u32>,
}

impl Geometry {
    /// Checks `image` against a mapping of `mapped` bytes.
    pub(crate) fn parse(image: &HeaderImage, mapped: usize) -> Result<Self, GeometryError> {
        let &HeaderImage { magic, version, num_slots, heap_offset, heap_size, ext_magic, features, epoch, arena_size } =
            image;
        if magic == 0 {
            return Err(GeometryError::NotReady);
        }
        if magic != SHM_MAGIC {
            return Err(GeometryError::Magic(magic));
        }
        let version = match version {
            1 => Version::V1,
            2 => Version::V2,
            other => return Err(GeometryError::Version(other)),
        };
        if !(1..=MAX_SLOTS).contains(&num_slots) {
            return Err(GeometryError::NumSlots(num_slots));
        }
        let (expected, _) = compute_layout(num_slots as usize, mapped);
        if heap_offset as usize != expected {
            return Err(GeometryError::HeapOffset { found: heap_offset, expected, num_slots });
        }
        if heap_size == 0 {
            return Err(GeometryError::NoHeap);
        }
        let end = u64::from(heap_offset) + u64::from(heap_size);
        if end > mapped as u64 {
            return Err(GeometryError::HeapSize { end, mapped });
        }
        let extension = match NonZeroU64::new(epoch) {
            Some(epoch) if ext_magic == EXT_MAGIC => Some(Extension { features: Features::from_bits(features), epoch }),
            _ => None,
        };
        let announced = extension.is_some_and(|ext| ext.features.contains(Features::ARENAS));
        let arena_size = match version {
            Version::V2 => Some(Self::v2_arena_size(num_slots, heap_size)),
            Version::V1 if announced => {
                let fits = u64::from(arena_size) * u64::from(num_slots) <= u64::from(heap_size);
                if !fits || arena_size % 8 != 0 || arena_size < 16 {
                    return Err(GeometryError::Arenas { arena_size, num_slots, heap_size });
                }
                Some(arena_size)
            }
            Version::V1 => None,
        };
        Ok(Self { version, num_slots: num_slots as u16, heap_offset, heap_size, extension, arena_size })
    }

    /// Whether `header` says of slots and heap what this was read from, and means the same life. A published hub that takes a
    /// region over writes its own numbers into it.
    pub(crate) fn is_that_of(&self, header: &ShmHeader) -> bool {
        self.num_slots() == header.num_slots.get() as usize
            && self.heap_size == header.heap_size.get()
            && self.version.number() == header.version.get()
            && self.extension.is_none_or(|extension| extension.epoch.get() == header.epoch.get())
    }

    /// The arena size that a version 2 header implies.
    fn v2_arena_size(num_slots: u32, heap_size: u32) -> u32 {
        (heap_size / num_slots) & !7
    }

    /// Checks that a mapping of `len` bytes holds a header at all.
    pub(crate) fn check_len(len: usize) -> Result<(), GeometryError> {
        match len {
            0 => Err(GeometryError::NotReady),
            len if len < SHM_HEADER_SIZE => Err(GeometryError::TooShort(len)),
            _ => Ok(()),
        }
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    pub(crate) fn num_slots(&self) -> usize {
        usize::from(self.num_slots)
    }

    pub(crate) fn heap_offset(&self) -> usize {
        self.heap_offset as usize
    }

    #[cfg(test)]
    pub(crate) fn heap_size(&self) -> usize {
        self.heap_size as usize
    }

    pub(crate) fn extension(&self) -> Option<Extension> {
        self.extension
    }

    /// Whether the hub offers all of `features`.
    pub(crate) fn offers(&self, features: Features) -> bool {
        self.extension.is_some_and(|ext| ext.features.contains(features))
    }

    /// Every slot of the region.
    pub(crate) fn slots(&self) -> impl DoubleEndedIterator<Item = SlotIndex> + use<> {
        (0..self.num_slots).map(SlotIndex)
    }

    /// `count` slots of the region, beginning with number `start` and going round.
    pub(crate) fn slots_from(&self, start: usize, count: usize) -> impl Iterator<Item = SlotIndex> + use<> {
        let slots = self.num_slots();
        let start = start % slots;
        let end = start + count.min(slots);
        (start..end.min(slots)).chain(0..end.saturating_sub(slots)).map(|index| SlotIndex(index as u16))
    }

    /// The slot with this number.
    ///
    /// # Panics
    /// When the region has fewer slots.
    #[inline]
    pub(crate) fn slot_at(&self, index: usize) -> SlotIndex {
        assert!(index < self.num_slots(), "slot {index} is none of {}", self.num_slots);
        SlotIndex(index as u16)
    }

    /// Where a slot's fields start, from the region's start.
    pub(crate) fn slot_offset(&self, slot: SlotIndex) -> usize {
        debug_assert!(slot.0 < self.num_slots);
        SHM_HEADER_SIZE + slot.get() * SLOT_META_SIZE
    }

    /// Checks a range of the heap. Every range of the wire passes here.
    pub(crate) fn heap_range(&self, offset: u32, len: u32) -> Result<HeapRange, RangeError> {
        let end = u64::from(offset) + u64::from(len);
        if end > u64::from(self.heap_size) {
            return Err(RangeError { offset: offset.into(), end, heap_size: self.heap_size });
        }
        Ok(HeapRange { offset, len })
    }

    /// `range` grown to the multiple of 8 bytes that its writer had reserved, as far as the heap goes.
    pub(crate) fn reserved(&self, range: HeapRange) -> HeapRange {
        let len = align8(range.len()).min((self.heap_size - range.offset) as usize) as u32;
        HeapRange { len, ..range }
    }

    /// The arena of `slot`, where the region has arenas.
    pub(crate) fn arena(&self, slot: SlotIndex) -> Option<Arena> {
        let size = self.arena_size?;
        let base = u32::from(slot.0) * size;
        let half = (size / 2) & !7;
        Some(Arena {
            request: HeapRange { offset: base, len: half },
            response: HeapRange { offset: base + half, len: size - half },
        })
    }

    /// Where the version 1 bump allocator starts: behind the arenas, if any.
    pub(crate) fn bump_start(&self) -> u32 {
        self.arena_size.map_or(0, |size| size * u32::from(self.num_slots))
    }

    /// Where the version 1 bump allocator ends.
    pub(crate) fn bump_end(&self) -> u32 {
        self.heap_size
    }
}

#[cfg(test)]
#[path = "geometry_tests.rs"]
mod tests;
