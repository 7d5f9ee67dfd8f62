//! Proof of life: record locks that belong to an open file description and die with it.
//!
//! A hub holds one byte of its region's file, each worker another; anyone can ask the kernel whether a byte is held,
//! across PID namespaces and without a table or a heartbeat. What stays true: a probe never acquires; a probe through
//! the holder's own description would answer "free", so holders and askers use different ones; a held byte is released
//! explicitly, because a mapping keeps its description alive after the file is closed.
#![allow(unsafe_code)]

mod lookout;
mod process;

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

pub(crate) use self::lookout::{Alarm, Lookout, Looks, Stir};
pub(crate) use self::process::{ProcessHandle, end_children_with_this, end_with_parent};

/// Locks lie far behind any byte a region can have.
const BASE: i64 = 1 << 40;

/// A byte of a region's file that stands for a role.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// The one hub of the region.
    Hub,
    /// Every worker of ours that has opened the region; shared.
    Opener,
    /// The worker with this owner token.
    Owner(u32),
}

impl Role {
    fn byte(self) -> i64 {
        match self {
            Self::Hub => BASE - 2,
            Self::Opener => BASE - 1,
            Self::Owner(token) => BASE + i64::from(token),
        }
    }
}

/// Takes `role` on `file`; false when somebody else holds it.
pub(crate) fn acquire(file: &File, role: Role) -> io::Result<bool> {
    let kind = if role == Role::Opener { libc::F_RDLCK } else { libc::F_WRLCK };
    match fcntl(file, libc::F_OFD_SETLK, &mut record(kind, role)) {
        Ok(()) => Ok(true),
        Err(e) if matches!(e.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(e) => Err(e),
    }
}

/// Gives `role` back.
pub(crate) fn release(file: &File, role: Role) {
    // Unlocking what this description holds has no way to fail but a bad argument.
    let _ = fcntl(file, libc::F_OFD_SETLK, &mut record(libc::F_UNLCK, role));
}

/// Whether somebody holds `role` through another description than `file`.
pub(crate) fn is_held(file: &File, role: Role) -> io::Result<bool> {
    let mut lock = record(libc::F_WRLCK, role);
    fcntl(file, libc::F_OFD_GETLK, &mut lock)?;
    Ok(lock.l_type != libc::F_UNLCK as libc::c_short)
}

/// Owners that are counted: somebody may hold a lock on every byte.
#[cfg(all(feature = "inspect", not(loom)))]
const MOST_COUNTED: usize = 4096;

/// How many roles of owners are held through other descriptions than `file`, 4096 at most.
///
/// The kernel names one lock of a range; what lies on either side of it is asked about again.
#[cfg(all(feature = "inspect", not(loom)))]
pub(crate) fn count_owners(file: &File) -> io::Result<usize> {
    let mut ranges = vec![(BASE + 1, BASE + (1 << 24))];
    let mut held = 0;
    while held < MOST_COUNTED
        && let Some((start, end)) = ranges.pop()
    {
        let mut lock = record_of(libc::F_WRLCK, start, end - start);
        fcntl(file, libc::F_OFD_GETLK, &mut lock)?;
        if lock.l_type == libc::F_UNLCK as libc::c_short {
            continue;
        }
        held += 1;
        // Length 0 means without an end; a lock that somebody else laid may be of any length.
        let behind = if lock.l_len == 0 { end } else { lock.l_start + lock.l_len };
        ranges.extend([(start, lock.l_start), (behind, end)].into_iter().filter(|(start, end)| start < end));
    }
    Ok(held)
}

fn record(kind: libc::c_int, role: Role) -> libc::flock {
    record_of(kind, role.byte(), 1)
}

fn record_of(kind: libc::c_int, start: i64, len: i64) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: start,
        l_len: len,
        // The kernel asks for 0 with these commands.
        l_pid: 0,
    }
}

fn fcntl(file: &File, command: libc::c_int, lock: &mut libc::flock) -> io::Result<()> {
    // SAFETY: the descriptor is open as long as `file` is borrowed; `lock` is a valid record that the call may write.
    match unsafe { libc::fcntl(file.as_raw_fd(), command, std::ptr::from_mut(lock)) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_descriptions() -> (File, File) {
        let path = tempfile::NamedTempFile::new().unwrap();
        let open = || File::options().read(true).write(true).open(path.path()).unwrap();
        (open(), open())
    }

    #[test]
    fn a_held_role_is_seen_by_others_and_refused_to_them() {
        let (holder, other) = two_descriptions();
        assert!(acquire(&holder, Role::Hub).unwrap());
        assert!(is_held(&other, Role::Hub).unwrap());
        assert!(!acquire(&other, Role::Hub).unwrap());
        assert!(!is_held(&other, Role::Owner(1)).unwrap(), "another byte");
    }

    #[test]
    fn a_released_and_a_closed_role_are_free() {
        let (holder, other) = two_descriptions();
        acquire(&holder, Role::Owner(7)).unwrap();
        release(&holder, Role::Owner(7));
        assert!(!is_held(&other, Role::Owner(7)).unwrap());
        acquire(&holder, Role::Owner(7)).unwrap();
        drop(holder);
        assert!(!is_held(&other, Role::Owner(7)).unwrap());
    }

    #[cfg(feature = "inspect")]
    #[test]
    fn owners_are_counted_wherever_their_bytes_are() {
        let path = tempfile::NamedTempFile::new().unwrap();
        let holders: Vec<_> = [1, 2, 3, 70_000, 0x00FF_FFFF]
            .map(|token| {
                let file = File::options().read(true).write(true).open(path.path()).unwrap();
                assert!(acquire(&file, Role::Owner(token)).unwrap() && acquire(&file, Role::Opener).unwrap());
                file
            })
            .into();
        let asker = File::open(path.path()).unwrap();
        assert_eq!(count_owners(&asker).unwrap(), 5, "a hub and openers are no owners");
        drop(holders);
        assert_eq!(count_owners(&asker).unwrap(), 0);
    }

    #[test]
    fn openers_share_their_byte() {
        let (a, b) = two_descriptions();
        assert!(acquire(&a, Role::Opener).unwrap() && acquire(&b, Role::Opener).unwrap());
    }
}
