//! Objects under `/dev/shm`: opened only after their kind, owner and mode were checked, removed only if still the same.
//!
//! What stays true: a name is never trusted to be the object it was a moment ago; identity is device and inode. Whose
//! objects are believed is said once, by [`Access`]; what is removed is always this user's own.

mod error;
mod folder;

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Stat};

pub use self::error::ObjectError;
pub(crate) use self::folder::Folder;
use crate::sync::stores;

/// Where Linux keeps POSIX shared memory and named semaphores.
const DIRECTORY: &str = "/dev/shm";

/// Which object a name stood for when it was looked up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ObjectId {
    device: u64,
    inode: u64,
}

impl ObjectId {
    /// Which object was examined.
    pub(crate) fn of(stat: &Stat) -> Self {
        Self { device: stat.st_dev, inode: stat.st_ino }
    }
}

/// Whose objects are believed, and who may use the ones made here: this user alone, or a group with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Access {
    group: Option<u32>,
}

impl Access {
    /// This user alone.
    #[cfg(test)]
    pub(crate) const fn own() -> Self {
        Self { group: None }
    }

    /// This user, and whoever is a member of `group`, if one is named.
    pub(crate) fn of(group: Option<u32>) -> Self {
        Self { group }
    }

    /// Checks that the object is a plain file whose owner may be believed and which nobody else may write to.
    ///
    /// An object of another user is believed only if it belongs to the group that was named: who names a group trusts all
    /// its members, since each of them could have made it.
    fn check(self, name: &str, stat: &Stat) -> Result<(), ObjectError> {
        check_kind(name, stat)?;
        let is_shared = self.group == Some(stat.st_gid);
        if !is_shared {
            check_owner(name, stat)?;
        }
        check_mode(name, stat, if is_shared { 0o002 } else { 0o022 })
    }
}

fn path(name: &str) -> String {
    format!("{DIRECTORY}/{name}")
}

/// Opens `name` for reading and writing, if it is a plain file of somebody who may be believed.
pub(crate) fn open(name: &str, access: Access) -> Result<(File, ObjectId, u64), ObjectError> {
    open_checked(name, OFlags::RDWR, |stat| access.check(name, stat))
}

/// Opens `name` for reading only, under the same conditions.
pub(crate) fn open_to_read(name: &str, access: Access) -> Result<(File, ObjectId, u64), ObjectError> {
    open_checked(name, OFlags::RDONLY, |stat| access.check(name, stat))
}

/// Opens `name` for reading only, if it is a plain file, whoever its owner is: to be shown, not to be believed. What is none
/// is not even opened, since the opening of a FIFO or a device is felt at its other end.
#[cfg(all(feature = "inspect", not(loom)))]
pub(crate) fn open_to_show(name: &str) -> Result<(File, ObjectId), ObjectError> {
    let error = |e: rustix::io::Errno| match e {
        rustix::io::Errno::NOENT => ObjectError::Missing(name.to_owned()),
        e => ObjectError::system(name, "opened", e),
    };
    let place = OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let place = rustix::fs::open(path(name), place, Mode::empty()).map_err(error)?;
    let stat = rustix::fs::fstat(&place).map_err(|e| ObjectError::system(name, "examined", e))?;
    check_kind(name, &stat)?;
    let same = format!("/proc/self/fd/{}", place.as_raw_fd());
    let fd = rustix::fs::open(same, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(error)?;
    Ok((File::from(fd), ObjectId::of(&stat)))
}

/// Opens `name` for reading and writing, if it is a plain file of this very user. A group may write to it: whom its maker
/// had let in is no reason to leave it behind.
pub(crate) fn open_own(name: &str) -> Result<(File, ObjectId), ObjectError> {
    let check = |stat: &Stat| check_own(name, stat).and_then(|()| check_mode(name, stat, 0o002));
    open_checked(name, OFlags::RDWR, check).map(|(file, id, _)| (file, id))
}

fn open_checked(
    name: &str,
    direction: OFlags,
    check: impl Fn(&Stat) -> Result<(), ObjectError>,
) -> Result<(File, ObjectId, u64), ObjectError> {
    // NONBLOCK: a FIFO in the object's place must not stop us before it is refused.
    let flags = direction | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    match rustix::fs::open(path(name), flags, Mode::empty()) {
        Ok(fd) => {
            let stat = rustix::fs::fstat(&fd).map_err(|e| ObjectError::system(name, "examined", e))?;
            check(&stat)?;
            Ok((File::from(fd), ObjectId::of(&stat), stat.st_size as u64))
        }
        // Whatever stands there a moment later.
        Err(rustix::io::Errno::NOENT) => Err(ObjectError::Missing(name.to_owned())),
        // What could not even be opened is named by what it is, when that can be seen.
        Err(error) => match stat(name) {
            Ok(None) => Err(ObjectError::Missing(name.to_owned())),
            Ok(Some(stat)) => {
                check(&stat)?;
                Err(ObjectError::system(name, "opened", error))
            }
            Err(_) => Err(ObjectError::system(name, "opened", error)),
        },
    }
}

/// Checks without opening that `name` is a plain file of somebody who may be believed; its identity and its size.
pub(crate) fn identify(name: &str, access: Access) -> Result<(ObjectId, u64), ObjectError> {
    let stat = existing(name)?;
    access.check(name, &stat).map(|()| (ObjectId::of(&stat), stat.st_size as u64))
}

/// Whether anything at all stands under `name`.
pub(crate) fn is_taken(name: &str) -> bool {
    !matches!(existing(name), Err(ObjectError::Missing(_)))
}

/// Whether `name` still stands for `id`.
pub(crate) fn is_current(name: &str, id: ObjectId) -> bool {
    matches!(stat(name), Ok(Some(stat)) if ObjectId::of(&stat) == id)
}

/// Makes an object without a name, all its pages reserved, so that touching them cannot fail later. Its mode is 0600, or
/// 0660 for a group, whatever the umask.
pub(crate) fn create_unnamed(name: &str, len: u64, access: Access) -> Result<(File, ObjectId), ObjectError> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let own = Mode::RUSR | Mode::WUSR;
    let fd = rustix::fs::open(DIRECTORY, flags, own).map_err(|e| ObjectError::system(name, "created", e))?;
    let mode = match access.group {
        None => own,
        Some(group) => {
            // First the group, then its rights: no other group ever has them.
            rustix::fs::fchown(&fd, None, Some(Gid::from_raw(group))).map_err(|source| ObjectError::Group {
                name: name.to_owned(),
                group,
                source: source.into(),
            })?;
            own | Mode::RGRP | Mode::WGRP
        }
    };
    // The umask may have taken bits away.
    rustix::fs::fchmod(&fd, mode).map_err(|e| ObjectError::system(name, "given its mode", e))?;
    reserve(&fd, 0, len).map_err(|e| ObjectError::system(name, "given its memory", e))?;
    let stat = rustix::fs::fstat(&fd).map_err(|e| ObjectError::system(name, "examined", e))?;
    Ok((File::from(fd), ObjectId::of(&stat)))
}

/// Reserves pages up to `offset + len`; the object grows if it is shorter.
pub(crate) fn reserve(file: impl std::os::fd::AsFd, offset: u64, len: u64) -> io::Result<()> {
    loop {
        match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), offset, len) {
            Err(rustix::io::Errno::INTR) => {}
            result => return result.map_err(io::Error::from),
        }
    }
}

/// Gives an unnamed object its name; false when the name is taken.
pub(crate) fn link(file: &File, name: &str) -> Result<bool, ObjectError> {
    let from = format!("/proc/self/fd/{}", file.as_raw_fd());
    let link = || rustix::fs::linkat(rustix::fs::CWD, from, rustix::fs::CWD, path(name), AtFlags::SYMLINK_FOLLOW);
    match stores::store("name given", || Some(link())) {
        // A name that is lost is of no use to anybody; who gave it goes on as if it had.
        None | Some(Ok(())) => Ok(true),
        Some(Err(rustix::io::Errno::EXIST)) => Ok(false),
        Some(Err(e)) => Err(ObjectError::system(name, "given its name", e)),
    }
}

/// Gives the object called `next` the name that stands for `former`, which nobody finds free meanwhile; false when it does not stand
/// for that any more. Either way `next` is no name then.
pub(crate) fn take_over(next: &str, name: &str, former: ObjectId) -> Result<bool, ObjectError> {
    let renamed = if is_current(name, former) {
        stores::store("name taken over", || Some(rustix::fs::rename(path(next), path(name))))
    } else {
        Some(Err(rustix::io::Errno::EXIST))
    };
    let Some(Err(error)) = renamed else { return Ok(true) };
    // What keeps it from being removed is not worse than what keeps it from being renamed.
    let _ = remove(next);
    if error == rustix::io::Errno::EXIST { Ok(false) } else { Err(ObjectError::system(name, "taken over", error)) }
}

/// Removes `name` if it still stands for `id`. Failing is no error: then somebody else removed or replaced it.
///
/// Between the look and the removal another process could still replace the object. For a region, its bells and what a
/// hub sweeps, the hub's lock rules that out; for an overflow object that two workers took turns in, it does not, and the
/// loser's answer becomes an error.
pub(crate) fn unlink_if(name: &str, id: ObjectId) {
    if is_current(name, id) {
        let _ = stores::store("name taken", || Some(rustix::fs::unlink(path(name))));
    }
}

/// Removes `name` if it is a plain file of this very user; false when nothing stands there.
///
/// Whoever calls this knows that the name belongs to it. Only what was looked at is removed: the inode is compared once
/// more right before.
pub(crate) fn remove(name: &str) -> Result<bool, ObjectError> {
    let stat = match existing(name) {
        Ok(stat) => stat,
        Err(error) if error.is_missing() => return Ok(false),
        Err(error) => return Err(error),
    };
    check_own(name, &stat)?;
    if !is_current(name, ObjectId::of(&stat)) {
        return Err(ObjectError::Taken(name.to_owned()));
    }
    match stores::store("name taken", || Some(rustix::fs::unlink(path(name)))) {
        None | Some(Ok(())) => Ok(true),
        Some(Err(rustix::io::Errno::NOENT)) => Ok(false),
        Some(Err(e)) => Err(ObjectError::system(name, "removed", e)),
    }
}

/// The names that start with `prefix`.
pub(crate) fn names(prefix: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(DIRECTORY)? {
        // What is no text is no name of ours.
        names.extend(entry?.file_name().into_string().ok().filter(|name| name.starts_with(prefix)));
    }
    Ok(names)
}

fn stat(name: &str) -> Result<Option<Stat>, io::Error> {
    match rustix::fs::lstat(path(name)) {
        Ok(stat) => Ok(Some(stat)),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

fn existing(name: &str) -> Result<Stat, ObjectError> {
    match stat(name) {
        Ok(Some(stat)) => Ok(stat),
        Ok(None) => Err(ObjectError::Missing(name.to_owned())),
        Err(e) => Err(ObjectError::system(name, "examined", e)),
    }
}

fn check_own(name: &str, stat: &Stat) -> Result<(), ObjectError> {
    check_kind(name, stat)?;
    check_owner(name, stat)
}

fn check_kind(name: &str, stat: &Stat) -> Result<(), ObjectError> {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => return Ok(()),
        FileType::Directory => "directory",
        FileType::Symlink => "symbolic link",
        FileType::Fifo => "fifo",
        FileType::Socket => "socket",
        _ => "device",
    };
    Err(ObjectError::Kind { name: name.to_owned(), kind })
}

fn check_owner(name: &str, stat: &Stat) -> Result<(), ObjectError> {
    let user = rustix::process::geteuid().as_raw();
    if stat.st_uid == user {
        return Ok(());
    }
    Err(ObjectError::Owner { name: name.to_owned(), owner: stat.st_uid, user })
}

fn check_mode(name: &str, stat: &Stat, forbidden: u32) -> Result<(), ObjectError> {
    if stat.st_mode & forbidden == 0 {
        return Ok(());
    }
    Err(ObjectError::Mode { name: name.to_owned(), mode: stat.st_mode & 0o7777 })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_comes_and_goes_is_there_or_missing_and_nothing_else() {
        let name = format!("slotbus-test-{}", uuid::Uuid::new_v4());
        std::thread::scope(|scope| {
            let maker = scope.spawn(|| {
                for _ in 0..5000 {
                    std::fs::write(path(&name), "").unwrap();
                    std::fs::remove_file(path(&name)).unwrap();
                }
            });
            while !maker.is_finished() {
                if let Err(error) = open(&name, Access::default()) {
                    assert!(error.is_missing(), "{error}");
                }
            }
        });
    }
}
