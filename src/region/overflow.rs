//! Overflow objects: bodies too long for the heap, one object each.
//!
//! Their pages are reserved before use, so that touching them cannot fail for want of memory. Who makes an object keeps it
//! mapped and uses it again, as long as its name stands for it; so does its reader, as long as it carries the stamp of what is to be
//! read. What is read once, a long body or a published peer's, is read with file calls instead: no page is faulted in, and an
//! object that is too short is an error. A peer that cuts a mapped object short ends this process by SIGBUS, as it could by
//! cutting the region itself; the protocol forbids it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use memmap2::{MmapOptions, MmapRaw};

use super::is_region;
use crate::protocol::{Room, Stamp};
use crate::shm::{self, Access, Folder, ObjectError, ObjectId};
use crate::sync::{Share, stores};

/// Overflow objects come in whole pages.
const PAGE: u64 = 4096;

/// An overflow object that this process made; its name goes when it is dropped.
#[derive(Debug)]
pub(crate) struct OverflowObject {
    map: MmapRaw,
    id: ObjectId,
    name: String,
    /// Its bytes among those of all objects of its maker, who may let go of it before who writes or reads in it does.
    share: Option<Share>,
}

impl OverflowObject {
    /// Gives the bytes that were counted for it back when it goes.
    pub(crate) fn counted(mut self, share: Share) -> Self {
        self.share = Some(share);
        self
    }

    /// Makes an object called `name` with room for `len` bytes; `None` when the name is taken, by whatever it may be.
    pub(crate) fn create(name: String, len: usize, access: Access) -> io::Result<Option<Self>> {
        // Asked for first, so that no memory is reserved for a name that is taken.
        if shm::is_taken(&name) {
            return Ok(None);
        }
        let capacity = Self::capacity_for(len);
        let (file, id) = shm::create_unnamed(&name, capacity, access).map_err(io::Error::other)?;
        let map = map(&file, capacity)?;
        let linked = shm::link(&file, &name).map_err(io::Error::other)?;
        Ok(if linked { Some(Self { map, id, name, share: None }) } else { None })
    }

    /// Makes an object called `name` in place of one of this user that is there.
    pub(crate) fn replace(name: &str, len: usize, access: Access) -> io::Result<Self> {
        for _ in 0..2 {
            if let Some(object) = Self::create(name.to_owned(), len, access)? {
                return Ok(object);
            }
            if is_region(name) {
                let message = format!("/dev/shm/{name} is another bus: give one of the two another name");
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
            }
            shm::remove(name).map_err(io::Error::other)?;
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("/dev/shm/{name} keeps being made by others")))
    }

    /// Bytes that an object for `len` bytes takes.
    pub(crate) const fn capacity_for(len: usize) -> u64 {
        (len as u64 + Stamp::LEN as u64).next_multiple_of(PAGE)
    }

    /// Whether the object can be used again for `len` bytes: long enough, and still the one its name stands for.
    pub(crate) fn can_hold(&self, len: usize, folder: &Folder) -> bool {
        len <= self.room() && folder.is_current(&self.name, self.id)
    }

    /// Bytes there are for a body: a stamp stands behind it.
    pub(crate) fn room(&self) -> usize {
        self.map.len() - Stamp::LEN
    }

    /// Says which dispatch the body is of.
    pub(crate) fn stamp(&self, stamp: Stamp) {
        self.copy_in(self.room(), &stamp.to_bytes());
    }

    /// Bytes reserved for the object.
    pub(crate) fn capacity(&self) -> usize {
        self.map.len()
    }

    /// Where the first `len` bytes are.
    ///
    /// # Panics
    /// When there are fewer, which is a bug of the caller.
    pub(super) fn start(&self, len: usize) -> *const u8 {
        start_of(&self.map, len)
    }

    /// Whether `bytes` are the first bytes of this object.
    pub(crate) fn starts_with(&self, bytes: &[u8]) -> bool {
        bytes.as_ptr() == self.map.as_ptr() && bytes.len() <= self.map.len()
    }

    /// Writes `bytes` at `offset`.
    ///
    /// # Panics
    /// When they do not fit, which is a bug of the caller.
    pub(crate) fn write(&self, offset: usize, bytes: &[u8]) {
        let end = offset.checked_add(bytes.len());
        assert!(end.is_some_and(|end| end <= self.room()), "the body is as long as its overflow object was made for");
        self.copy_in(offset, bytes);
    }

    fn copy_in(&self, offset: usize, bytes: &[u8]) {
        assert!(offset <= self.map.len() && bytes.len() <= self.map.len() - offset, "bytes stay inside their object");
        // SAFETY: the line above keeps the copy inside the mapping; `bytes` is no part of it, since an object is not written to
        // while it is shared, so the two do not overlap.
        stores::copy("object", bytes, |at, piece| unsafe {
            std::ptr::copy_nonoverlapping(piece.as_ptr(), self.map.as_mut_ptr().add(offset + at), piece.len());
        });
    }
}

impl Drop for OverflowObject {
    fn drop(&mut self) {
        let Self { map: _, id, name, share: _ } = self;
        shm::unlink_if(name, *id);
    }
}

/// An overflow object of a peer, which may be kept mapped for its next body.
#[derive(Debug)]
pub(crate) struct OverflowView {
    map: MmapRaw,
    /// The stamp is mapped too. An object that is longer than a body of its length takes is not mapped to its end: its maker
    /// decides how long it is, and whose memory is taken for its holes is who maps them.
    is_whole: bool,
}

impl OverflowView {
    /// Maps the object called `name`, which must hold at least `len` bytes and carry the stamp of `dispatch`.
    pub(crate) fn open(name: &str, len: usize, dispatch: &Stamp, access: Access) -> io::Result<Self> {
        let (file, _, size) = shm::open_to_read(name, access).map_err(unopened)?;
        check_size(len, size)?;
        check_stamp_in(&file, size, dispatch)?;
        let is_whole = size <= OverflowObject::capacity_for(len.max(Room::KEPT));
        Ok(Self { map: map_to_read(&file, if is_whole { size } else { len as u64 })?, is_whole })
    }

    /// Whether the `len` bytes of `dispatch` are here. They are nowhere else: one body of a dispatch is written, into one object.
    pub(crate) fn holds(&self, len: usize, dispatch: &Stamp) -> bool {
        self.is_whole && len <= self.len() && self.has_stamp(dispatch)
    }

    /// Whether it is worth being kept for the next body.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Bytes mapped.
    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    /// Where the first `len` bytes are.
    ///
    /// # Panics
    /// When there are fewer, which is a bug of the caller.
    pub(super) fn start(&self, len: usize) -> *const u8 {
        start_of(&self.map, len)
    }

    fn has_stamp(&self, dispatch: &Stamp) -> bool {
        let Some(at) = self.len().checked_sub(Stamp::LEN) else { return false };
        let bytes = self.copy_from(at, Stamp::LEN);
        check_stamp(bytes.as_slice().try_into().expect("as many were asked for"), dispatch).is_ok()
    }

    /// Copies the first `len` bytes out.
    ///
    /// # Panics
    /// When there are fewer, which is a bug of the caller.
    pub(crate) fn copy_out(&self, len: usize) -> Vec<u8> {
        self.copy_from(0, len)
    }

    fn copy_from(&self, offset: usize, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len);
        self.append(&mut bytes, offset, len);
        bytes
    }

    /// Appends a copy of what comes behind the bytes that `copied` has, up to the object's first `end`.
    ///
    /// # Panics
    /// When there are fewer, which is a bug of the caller.
    pub(crate) fn append_to(&self, copied: &mut Vec<u8>, end: usize) {
        let start = copied.len();
        self.append(copied, start, end - start);
    }

    fn append(&self, bytes: &mut Vec<u8>, offset: usize, len: usize) {
        // SAFETY: `start` checks that `offset + len` bytes are mapped, so the sum is inside the mapping, and `len` bytes behind it are.
        unsafe { super::append(bytes, self.start(offset + len).add(offset), len) };
    }
}

/// Reads the first `len` bytes of the overflow object called `name`, which carries the stamp of `dispatch` if one is given.
pub(crate) fn read_overflow(name: &str, len: usize, dispatch: Option<&Stamp>, access: Access) -> io::Result<Vec<u8>> {
    let (file, _, size) = shm::open_to_read(name, access).map_err(unopened)?;
    check_size(len, size)?;
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, 0)?;
    if let Some(dispatch) = dispatch {
        check_stamp_in(&file, size, dispatch)?;
    }
    Ok(bytes)
}

/// Whose body the overflow object called `name` holds, if it says so; and which object that is.
pub(crate) fn stamp_of(name: &str, access: Access) -> Option<(Stamp, ObjectId)> {
    let (file, id, size) = shm::open_to_read(name, access).ok()?;
    let stamp = Stamp::from_bytes(&read_stamp(&file, size).ok()??)?;
    Some((stamp, id))
}

/// The last bytes of an object, if it has as many.
fn read_stamp(file: &File, size: u64) -> io::Result<Option<[u8; Stamp::LEN]>> {
    let Some(at) = size.checked_sub(Stamp::LEN as u64) else { return Ok(None) };
    let mut bytes = [0; Stamp::LEN];
    file.read_exact_at(&mut bytes, at)?;
    Ok(Some(bytes))
}

/// Fails unless an object of `size` bytes carries the stamp of `dispatch`.
fn check_stamp_in(file: &File, size: u64, dispatch: &Stamp) -> io::Result<()> {
    check_stamp(&read_stamp(file, size)?.unwrap_or([0; Stamp::LEN]), dispatch)
}

fn check_stamp(bytes: &[u8; Stamp::LEN], dispatch: &Stamp) -> io::Result<()> {
    match Stamp::from_bytes(bytes) {
        Some(stamp) if stamp.is_of(dispatch) => Ok(()),
        stamp => Err(unstamped(stamp, dispatch)),
    }
}

fn unstamped(found: Option<Stamp>, dispatch: &Stamp) -> io::Error {
    let message = match found {
        Some(Stamp { ticket, .. }) => format!("it holds the body of dispatch {ticket} instead of {}", dispatch.ticket),
        None => format!("it does not say that its body is of dispatch {}", dispatch.ticket),
    };
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Where `len` bytes of an object begin.
fn start_of(map: &MmapRaw, len: usize) -> *const u8 {
    assert!(len <= map.len(), "an object of {} bytes holds {len}", map.len());
    map.as_ptr()
}

/// An object that is not there, or that is none.
fn unopened(error: ObjectError) -> io::Error {
    let kind = if error.is_missing() { io::ErrorKind::NotFound } else { io::ErrorKind::Other };
    io::Error::new(kind, error)
}

fn check_size(len: usize, size: u64) -> io::Result<()> {
    if len as u64 <= size {
        return Ok(());
    }
    let message = format!("it has {size} bytes where {len} were announced");
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, message))
}

/// Maps an object of ours, its pages at once: they will all be written.
fn map(file: &File, len: u64) -> io::Result<MmapRaw> {
    MmapOptions::new().len(usize_of(len)?).populate().map_raw(file)
}

fn map_to_read(file: &File, len: u64) -> io::Result<MmapRaw> {
    MmapOptions::new().len(usize_of(len)?).populate().map_raw_read_only(file)
}

fn usize_of(len: u64) -> io::Result<usize> {
    usize::try_from(len).map_err(io::Error::other)
}

#[cfg(test)]
#[path = "overflow_tests.rs"]
mod tests;
