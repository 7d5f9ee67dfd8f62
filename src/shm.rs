//! Objects under `/dev/shm`: opened only after their kind, owner and mode were checked, removed only if still the same.
//!
//! What stays true: a name is never trusted to be the object it was a moment ago; identity is device and inode.

use std::fs::File;
use std::io;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};

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

/// Why an object was not opened. Nothing was written to it.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// No object has this name.
    #[error("/dev/shm/{0} does not exist")]
    Missing(String),
    /// The name belongs to something that is no plain file.
    #[error("/dev/shm/{name} is a {kind}, not a plain file: remove it or choose another name")]
    Kind {
        /// The object's name.
        name: String,
        /// What it is.
        kind: &'static str,
    },
    /// The object belongs to another user.
    #[error("/dev/shm/{name} belongs to user {owner}, this process runs as user {user}")]
    Owner {
        /// The object's name.
        name: String,
        /// Whom it belongs to.
        owner: u32,
        /// Who we are.
        user: u32,
    },
    /// Others may write to the object.
    #[error("/dev/shm/{name} has mode {mode:04o}: others than its owner may write to it")]
    Mode {
        /// The object's name.
        name: String,
        /// Its permission bits.
        mode: u32,
    },
    /// The object has another size than what it should hold.
    #[error("/dev/shm/{name} has {found} bytes instead of {expected}: it is no semaphore")]
    Size {
        /// The object's name.
        name: String,
        /// Its size in bytes.
        found: u64,
        /// The size of a semaphore.
        expected: u64,
    },
    /// The system said no.
    #[error("/dev/shm/{name} could not be {what}")]
    System {
        /// The object's name.
        name: String,
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl ObjectError {
    pub(crate) fn system(name: &str, what: &'static str, source: impl Into<io::Error>) -> Self {
        Self::System { name: name.to_owned(), what, source: source.into() }
    }

    /// Whether the name is simply not there.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_))
    }
}

fn path(name: &str) -> String {
    format!("{DIRECTORY}/{name}")
}

/// Opens `name` for reading and writing, if it is a plain file of this user that nobody else may write to.
pub(crate) fn open(name: &str) -> Result<(File, ObjectId, u64), ObjectError> {
    // NONBLOCK: a FIFO in the object's place must not stop us before it is refused.
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    match rustix::fs::open(path(name), flags, Mode::empty()) {
        Ok(fd) => {
            let stat = rustix::fs::fstat(&fd).map_err(|e| ObjectError::system(name, "examined", e))?;
            check(name, &stat)?;
            Ok((File::from(fd), ObjectId::of(&stat), stat.st_size as u64))
        }
        // What could not even be opened is named by what it is, when that can be seen.
        Err(error) => match stat(name) {
            Ok(None) => Err(ObjectError::Missing(name.to_owned())),
            Ok(Some(stat)) => {
                check(name, &stat)?;
                Err(ObjectError::system(name, "opened", error))
            }
            Err(_) => Err(ObjectError::system(name, "opened", error)),
        },
    }
}

/// Opens `name` for reading only, under the same conditions.
pub(crate) fn open_to_read(name: &str) -> io::Result<(File, ObjectId, u64)> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let fd = rustix::fs::open(path(name), flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&fd)?;
    check(name, &stat).map_err(io::Error::other)?;
    Ok((File::from(fd), ObjectId::of(&stat), stat.st_size as u64))
}

/// Checks without opening that `name` is a plain file of this user; its identity and its size.
pub(crate) fn identify(name: &str) -> Result<(ObjectId, u64), ObjectError> {
    match stat(name) {
        Ok(Some(stat)) => check(name, &stat).map(|()| (ObjectId::of(&stat), stat.st_size as u64)),
        Ok(None) => Err(ObjectError::Missing(name.to_owned())),
        Err(e) => Err(ObjectError::system(name, "examined", e)),
    }
}

/// Whether `name` still stands for `id`.
pub(crate) fn is_current(name: &str, id: ObjectId) -> bool {
    matches!(stat(name), Ok(Some(stat)) if ObjectId::of(&stat) == id)
}

/// Makes an object without a name, mode 0600, all its pages reserved, so that touching them cannot fail later.
pub(crate) fn create_unnamed(name: &str, len: u64) -> Result<(File, ObjectId), ObjectError> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    let fd = rustix::fs::open(DIRECTORY, flags, mode).map_err(|e| ObjectError::system(name, "created", e))?;
    // The umask may have taken bits away.
    rustix::fs::fchmod(&fd, mode).map_err(|e| ObjectError::system(name, "given mode 0600", e))?;
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
    use std::os::fd::AsRawFd;
    let from = format!("/proc/self/fd/{}", file.as_raw_fd());
    match rustix::fs::linkat(rustix::fs::CWD, from, rustix::fs::CWD, path(name), AtFlags::SYMLINK_FOLLOW) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::EXIST) => Ok(false),
        Err(e) => Err(ObjectError::system(name, "given its name", e)),
    }
}

/// Removes `name` if it still stands for `id`. Failing is no error: then somebody else removed or replaced it.
///
/// Between the look and the removal another process could still replace the object. For a region, its bells and what a
/// hub sweeps, the hub's lock rules that out; for an overflow object that two workers took turns in, it does not, and the
/// loser's answer becomes an error.
pub(crate) fn unlink_if(name: &str, id: ObjectId) {
    if is_current(name, id) {
        let _ = rustix::fs::unlink(path(name));
    }
}

/// Removes `name` whatever it stands for, unless it is of a kind or an owner that was never ours.
pub(crate) fn unlink(name: &str) -> Result<(), ObjectError> {
    match identify(name) {
        Ok(_) => match rustix::fs::unlink(path(name)) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(e) => Err(ObjectError::system(name, "removed", e)),
        },
        Err(e) if e.is_missing() => Ok(()),
        Err(e) => Err(e),
    }
}

/// The names that start with `prefix`.
pub(crate) fn names(prefix: &str) -> Vec<String> {
    let entries = std::fs::read_dir(DIRECTORY).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| name.starts_with(prefix)).collect()
}

fn stat(name: &str) -> Result<Option<Stat>, io::Error> {
    match rustix::fs::lstat(path(name)) {
        Ok(stat) => Ok(Some(stat)),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

fn check(name: &str, stat: &Stat) -> Result<(), ObjectError> {
    let name = || name.to_owned();
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => None,
        FileType::Directory => Some("directory"),
        FileType::Symlink => Some("symbolic link"),
        FileType::Fifo => Some("fifo"),
        FileType::Socket => Some("socket"),
        _ => Some("device"),
    };
    if let Some(kind) = kind {
        return Err(ObjectError::Kind { name: name(), kind });
    }
    let user = rustix::process::geteuid().as_raw();
    if stat.st_uid != user {
        return Err(ObjectError::Owner { name: name(), owner: stat.st_uid, user });
    }
    if stat.st_mode & 0o022 != 0 {
        return Err(ObjectError::Mode { name: name(), mode: stat.st_mode & 0o7777 });
    }
    Ok(())
}
