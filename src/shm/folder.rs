//! The directory of all objects, kept open.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Mode, OFlags};

use super::{DIRECTORY, ObjectId, is_current};

/// Where all objects are, for who looks there again and again: the way there takes longer than the look.
#[derive(Debug)]
pub(crate) struct Folder(Option<OwnedFd>);

impl Folder {
    /// Opens it. Without a descriptor for it names are looked up by their paths.
    pub(crate) fn open() -> Self {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Self(rustix::fs::open(DIRECTORY, flags, Mode::empty()).ok())
    }

    /// As [`is_current`].
    pub(crate) fn is_current(&self, name: &str, id: ObjectId) -> bool {
        match &self.0 {
            Some(folder) => {
                rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| ObjectId::of(&stat) == id)
            }
            None => is_current(name, id),
        }
    }
}
