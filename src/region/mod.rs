//! One control region, mapped; bytes go in and out of its heap by checked copy only.
//!
//! May use `protocol` and `shm`. What stays true:
//! 1. The mapping lives as long as the value and is as long as the geometry was checked against.
//! 2. Header and slots are handed out as references to atomics, which stay valid whatever a peer writes.
//! 3. No reference into the heap exists, unless its user has promised that nobody writes there (`shared`): payload bytes are copied between it and private memory, and every copy is
//!    checked against this mapping, whoever computed the range.
#![allow(unsafe_code)]

#[cfg(any(fuzzing, test))]
mod image;
mod overflow;
mod prefetch;
mod shared;

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::mem::{align_of, offset_of};
use std::os::unix::fs::FileExt;

use bytes::BufMut;
use memmap2::{MmapOptions, MmapRaw};

pub(crate) use self::overflow::{OverflowObject, OverflowView, read_overflow, stamp_of};
pub use self::shared::TrustedPeers;
pub(crate) use self::shared::{Lender, lend_object, lend_range, lend_view};
use crate::protocol::{
    BusName, Geometry, GeometryError, HeaderImage, HeapRange, SHM_HEADER_SIZE, SHM_MAGIC, ShmHeader, SlotIndex,
    SlotMeta,
};
use crate::shm::{self, Access, ObjectError, ObjectId};
use crate::sync::stores;

/// Why a region was not opened. Nothing was written to it.
#[derive(Debug, thiserror::Error)]
pub enum RegionError {
    /// The object itself is missing or not acceptable.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The object is no usable region.
    #[error("region /dev/shm/{name}: {source}")]
    Geometry {
        /// The region's name.
        name: String,
        /// What is wrong with it.
        source: GeometryError,
    },
    /// The object could not be mapped.
    #[error("region /dev/shm/{name} could not be mapped")]
    Map {
        /// The region's name.
        name: String,
        /// What the system said.
        source: io::Error,
    },
}

impl RegionError {
    /// Whether waiting can help: no hub has made the region yet, or has not finished it.
    pub(crate) fn is_not_yet(&self) -> bool {
        match self {
            Self::Object(error) => error.is_missing(),
            Self::Geometry { source, .. } => *source == GeometryError::NotReady,
            Self::Map { .. } => false,
        }
    }
}

/// Whether the object of this name is a region, whoever made it. One that is not this user's is none to remove either.
pub(crate) fn is_region(object: &str) -> bool {
    let magic = |file| word_at(&file, offset_of!(ShmHeader, magic));
    shm::open_own(object).is_ok_and(|(file, _)| magic(file).is_ok_and(|magic| magic == SHM_MAGIC))
}

/// A word of an object that may be short: read, not mapped.
pub(crate) fn word_at(file: &File, offset: usize) -> io::Result<u32> {
    let mut bytes = [0; 4];
    file.read_exact_at(&mut bytes, offset as u64).map(|()| u32::from_le_bytes(bytes))
}

#[cfg(not(test))]
type Mapping = MmapRaw;
/// Two regions of a test may use one mapping (`share_mapping`).
#[cfg(test)]
type Mapping = std::sync::Arc<MmapRaw>;

/// A mapped control region whose header was checked.
#[derive(Debug)]
pub(crate) struct Region {
    map: Mapping,
    geometry: Geometry,
    file: File,
    id: ObjectId,
    name: String,
}

impl Region {
    /// Opens the region of `name` and checks its header against what is mapped.
    pub(crate) fn open(name: &BusName, access: Access) -> Result<Self, RegionError> {
        let name = name.region();
        let (file, id, len) = shm::open(name, access)?;
        let geometry_error = |source| RegionError::Geometry { name: name.to_owned(), source };
        let len = usize::try_from(len).map_err(|_| geometry_error(GeometryError::TooShort(usize::MAX)))?;
        Geometry::check_len(len).map_err(geometry_error)?;
        let map = map(name, &file, len)?;
        let image = HeaderImage::read(header_of(&map));
        let geometry = Geometry::parse(&image, map.len()).map_err(geometry_error)?;
        Ok(Self { map, geometry, file, id, name: name.to_owned() })
    }

    /// Makes a region without a name, `len` zeroed bytes reserved in memory; `fill` writes its header fields.
    ///
    /// # Panics
    /// When `fill` leaves a header that describes no region of `len` bytes, which is a bug of the caller.
    pub(crate) fn create(
        name: &BusName,
        len: usize,
        access: Access,
        fill: impl FnOnce(&ShmHeader),
    ) -> Result<Self, RegionError> {
        let name = name.region();
        assert!(len >= SHM_HEADER_SIZE, "a region holds at least a header");
        let (file, id) = shm::create_unnamed(name, len as u64, access)?;
        let map = map(name, &file, len)?;
        stores::unseen(|| fill(header_of(&map)));
        let image = HeaderImage::read_unsealed(header_of(&map));
        let geometry = Geometry::parse(&image, map.len()).expect("a new region's header describes it");
        Ok(Self { map, geometry, file, id, name: name.to_owned() })
    }

    pub(crate) fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// The open file, for locks.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Whether the region's name still stands for this object.
    pub(crate) fn is_current(&self) -> bool {
        shm::is_current(&self.name, self.id)
    }

    /// Gives a region made by `create` its name; false when the name is taken.
    pub(crate) fn link(&self) -> Result<bool, RegionError> {
        Ok(shm::link(&self.file, &self.name)?)
    }

    /// Gives a region made by `create` the name `next` until it takes another's place. A process that dies between leaves it behind.
    pub(crate) fn prepare(&self, next: &str) -> Result<(), RegionError> {
        // Whoever has the lock of the region in whose place this one comes is the only one who uses that name.
        shm::remove(next)?;
        if shm::link(&self.file, next)? { Ok(()) } else { Err(ObjectError::Taken(next.to_owned()).into()) }
    }

    /// Takes the name of `former`, which is never free meanwhile; false when it is another's by now.
    pub(crate) fn succeed(&self, former: &Self, next: &str) -> Result<bool, RegionError> {
        Ok(shm::take_over(next, &self.name, former.id)?)
    }

    /// Removes the region's name, if it still stands for this object.
    pub(crate) fn unlink(&self) {
        shm::unlink_if(&self.name, self.id);
    }

    /// The header.
    #[inline]
    pub(crate) fn header(&self) -> &ShmHeader {
        header_of(&self.map)
    }

    /// One slot.
    #[inline]
    pub(crate) fn slot(&self, index: SlotIndex) -> &SlotMeta {
        let offset = self.geometry.slot_offset(index);
        assert!(offset + size_of::<SlotMeta>() <= self.map.len(), "a slot index belongs to its region");
        // SAFETY: the offset is a multiple of 64 from a page's start, so aligned; the line above keeps it inside the
        // mapping, which lives as long as `self`; SlotMeta is made of atomics, valid for every bit pattern.
        unsafe { &*self.map.as_ptr().add(offset).cast::<SlotMeta>() }
    }

    /// Appends a copy of the bytes of `range` to `block`.
    ///
    /// # Panics
    /// When it has no room for them, which is a bug of the caller.
    #[inline]
    pub(crate) fn copy_out(&self, range: HeapRange, block: &mut impl BufMut) {
        // SAFETY: `heap_ptr` checked that as many bytes as the range has are mapped there.
        unsafe { append(block, self.heap_ptr(range), range.len()) };
    }

    /// Writes into `range` piece by piece, from its start.
    ///
    /// # Panics
    /// When the range is not inside this mapping, which is a bug of the caller.
    #[inline]
    pub(crate) fn writer(&self, range: HeapRange) -> HeapWriter<'_> {
        HeapWriter { next: self.heap_ptr(range), left: range.len(), _region: PhantomData }
    }

    /// The address of `range`: the one bounds check of all copies.
    #[inline]
    fn heap_ptr(&self, range: HeapRange) -> *mut u8 {
        let offset = self.geometry.heap_offset() + range.offset() as usize;
        assert!(offset + range.len() <= self.map.len(), "{range:?} is a range of this region");
        // SAFETY: `offset` and the range's length behind it are inside the mapping by the line above.
        unsafe { self.map.as_mut_ptr().add(offset) }
    }
}

/// Writes into a range of the heap that its slot's owner may write to.
#[derive(Debug)]
pub(crate) struct HeapWriter<'a> {
    next: *mut u8,
    left: usize,
    _region: PhantomData<&'a Region>,
}

impl HeapWriter<'_> {
    /// Appends `bytes`; false when they do not fit.
    #[must_use]
    #[inline]
    pub(crate) fn write(&mut self, bytes: &[u8]) -> bool {
        if bytes.len() > self.left {
            return false;
        }
        // SAFETY: `left` bytes from `next` are mapped while the region is borrowed, as `heap_ptr` checked when this was
        // made; `bytes` is no part of the range, which its slot's owner lends to nobody, so the two do not overlap. The new `next` is at most the range's end.
        stores::copy("heap", bytes, |at, piece| unsafe {
            std::ptr::copy_nonoverlapping(piece.as_ptr(), self.next.add(at), piece.len());
        });
        self.next = self.next.wrapping_add(bytes.len());
        self.left -= bytes.len();
        true
    }
}

/// Appends a copy of the `len` bytes from `from` on to a private block with room for them.
///
/// # Safety
/// They must be mapped.
#[inline]
unsafe fn append(block: &mut impl BufMut, from: *const u8, len: usize) {
    if len == 0 {
        // A block that is full would grow for it.
        return;
    }
    let room = block.chunk_mut();
    assert!(len <= room.len(), "{len} bytes do not fit into the {} that are left", room.len());
    // SAFETY: the bytes are mapped by the caller's promise. `room` is borrowed from the private block and as long by the line above. The
    // copy has initialised the `len` bytes that `advance_mut` adds. A peer that writes meanwhile changes which bytes are copied, not
    // where.
    unsafe {
        std::ptr::copy_nonoverlapping(from, room.as_mut_ptr(), len);
        block.advance_mut(len);
    }
}

#[allow(clippy::useless_conversion, reason = "in tests it is none")]
fn map(name: &str, file: &File, len: usize) -> Result<Mapping, RegionError> {
    let map = MmapOptions::new().len(len).map_raw(file);
    map.map(Mapping::from).map_err(|source| RegionError::Map { name: name.to_owned(), source })
}

#[inline]
fn header_of(map: &MmapRaw) -> &ShmHeader {
    const { assert!(align_of::<ShmHeader>() <= 4096 && align_of::<SlotMeta>() <= 64) };
    assert!(map.len() >= SHM_HEADER_SIZE, "a mapped region holds at least a header");
    // SAFETY: a mapping starts at a page, so aligned; it holds a header by the line above and lives as long as the
    // borrow; ShmHeader is made of atomics, valid for every bit pattern.
    unsafe { &*map.as_ptr().cast::<ShmHeader>() }
}
