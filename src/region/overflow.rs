//! Overflow objects: bodies too long for the heap, one object each.
//!
//! They are written and read with file calls instead of mappings: a copy costs the same, no page is faulted in, and an
//! object that a peer truncates gives an error instead of SIGBUS. Their pages are reserved before use all the same,
//! because a published peer maps them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::shm::{self, ObjectId};

/// Overflow objects come in whole pages.
const PAGE: u64 = 4096;

/// An overflow object that this process made; its name goes when it is dropped.
#[derive(Debug)]
pub(crate) struct OverflowObject {
    file: File,
    id: ObjectId,
    name: String,
    capacity: u64,
}

impl OverflowObject {
    /// Makes an object called `name` with room for `len` bytes; `None` when the name is taken.
    pub(crate) fn create(name: String, len: usize) -> io::Result<Option<Self>> {
        // Asked for first, so that no memory is reserved for a name that is taken.
        if shm::identify(&name).is_ok() {
            return Ok(None);
        }
        let capacity = (len as u64).next_multiple_of(PAGE).max(PAGE);
        let (file, id) = shm::create_unnamed(&name, capacity).map_err(io::Error::other)?;
        let linked = shm::link(&file, &name).map_err(io::Error::other)?;
        Ok(if linked { Some(Self { file, id, name, capacity }) } else { None })
    }

    /// Makes an object called `name` in place of one that is there.
    pub(crate) fn replace(name: &str, len: usize) -> io::Result<Self> {
        for _ in 0..2 {
            if let Some(object) = Self::create(name.to_owned(), len)? {
                return Ok(object);
            }
            shm::unlink(name).map_err(io::Error::other)?;
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("/dev/shm/{name} keeps being made by others")))
    }

    /// Whether the object can be used again for `len` bytes: long enough, and still the one its name stands for.
    pub(crate) fn can_hold(&self, len: usize) -> bool {
        len as u64 <= self.capacity && shm::is_current(&self.name, self.id)
    }

    /// Bytes reserved for the object.
    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Writes `bytes` at `offset`.
    pub(crate) fn write(&self, offset: usize, bytes: &[u8]) -> io::Result<()> {
        if (offset + bytes.len()) as u64 > self.capacity {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the body is longer than its overflow object"));
        }
        self.file.write_all_at(bytes, offset as u64)
    }
}

impl Drop for OverflowObject {
    fn drop(&mut self) {
        let Self { file: _, id, name, capacity: _ } = self;
        shm::unlink_if(name, *id);
    }
}

/// Reads the first `len` bytes of the overflow object called `name`.
pub(crate) fn read_overflow(name: &str, len: usize) -> io::Result<Vec<u8>> {
    let (file, size) = shm::open_to_read(name)?;
    if (len as u64) > size {
        let message = format!("it has {size} bytes where {len} were announced");
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
    }
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> String {
        format!("slotbus-test-overflow-{}", uuid::Uuid::new_v4())
    }

    #[test]
    fn what_is_written_is_read_until_the_object_is_dropped() {
        let name = name();
        let object = OverflowObject::create(name.clone(), 5000).unwrap().unwrap();
        object.write(0, b"ab").unwrap();
        object.write(2, b"c").unwrap();
        assert_eq!(read_overflow(&name, 3).unwrap(), b"abc");
        assert!(object.can_hold(8192) && !object.can_hold(8193), "two pages were reserved");
        assert!(object.write(8190, b"abc").is_err());
        drop(object);
        assert_eq!(read_overflow(&name, 3).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_taken_name_is_not_adopted_and_not_removed() {
        let name = name();
        let first = OverflowObject::create(name.clone(), 1).unwrap().unwrap();
        assert!(OverflowObject::create(name.clone(), 1).unwrap().is_none());
        assert!(read_overflow(&name, 4096).is_ok(), "the first is still there");
        drop(first);
    }

    #[test]
    fn an_object_shorter_than_announced_is_an_error() {
        let name = name();
        let _object = OverflowObject::create(name.clone(), 1).unwrap().unwrap();
        let error = read_overflow(&name, 4097).unwrap_err();
        assert_eq!(error.to_string(), "it has 4096 bytes where 4097 were announced");
    }

    #[test]
    fn a_replaced_object_is_neither_reused_nor_removed() {
        let name = name();
        let first = OverflowObject::create(name.clone(), 1).unwrap().unwrap();
        shm::unlink(&name).unwrap();
        let second = OverflowObject::create(name.clone(), 1).unwrap().unwrap();
        assert!(!first.can_hold(1));
        drop(first);
        assert!(second.can_hold(1), "the first's drop left the second alone");
    }
}
