//! Bells: named semaphores that one process rings and another waits on.
//!
//! A count is a hint, never a queue: whoever wakes looks at the slots themselves, so a lost, doubled or left-over ring
//! costs time and never a request. What stays true: a bell is opened only if its file is a plain one of somebody who may
//! be believed, and removed only if its name still stands for it.
#![allow(unsafe_code)]

mod clock;
mod spin;

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::fs::FileExt;
use std::time::Duration;

pub(crate) use self::clock::{WireClock, monotonic_nanos};
pub(crate) use self::spin::{Peer, Spin, copying_time};
use crate::shm::{self, Access, ObjectError, ObjectId};
use crate::sync::stores;

/// More rings than any number of workers leaves lying.
const RINGS_AT_ONCE: u32 = 1 << 14;

/// A named semaphore of glibc.
#[derive(Debug)]
pub(crate) struct Bell {
    semaphore: *mut libc::sem_t,
    /// The semaphore's file under `/dev/shm`.
    file_name: String,
    id: ObjectId,
}

// SAFETY: POSIX makes every operation on a sem_t safe to call from any thread; the pointer stays valid until
// `sem_close`, which only Drop calls.
unsafe impl Send for Bell {}
// SAFETY: as above.
unsafe impl Sync for Bell {}

impl Bell {
    /// Opens the semaphore that a hub made under `name`.
    pub(crate) fn open(name: &str, access: Access) -> Result<Self, ObjectError> {
        let file_name = file_name(name);
        // Looked at before, because glibc maps whatever it finds; and after, because the name may change in between.
        let before = identify(&file_name, access)?;
        let c_name = CString::new(format!("/{name}")).expect("a checked name holds no NUL");
        // SAFETY: `c_name` is NUL-terminated; without O_CREAT the call takes no further arguments.
        let semaphore = unsafe { libc::sem_open(c_name.as_ptr(), 0) };
        if semaphore == libc::SEM_FAILED {
            // A hub that just closes may have removed it since the look: then the next one is waited for.
            return Err(match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::NotFound => ObjectError::Missing(file_name),
                error => ObjectError::system(&file_name, "opened", error),
            });
        }
        // From here on it is closed when it is dropped.
        let bell = Self { semaphore, file_name, id: before };
        match identify(&bell.file_name, access)? {
            id if id == before => Ok(bell),
            _ => Err(ObjectError::Missing(bell.file_name.clone())),
        }
    }

    /// Makes a semaphore under `name` in place of one of this user that is there.
    ///
    /// The caller has proved, by the region's lock, that the name is its own.
    #[cfg(test)]
    pub(crate) fn create(name: &str, access: Access) -> Result<Self, ObjectError> {
        CastBell::new(name, access)?.hang()
    }

    /// Rings once. A system call only when a thread is parked on the bell.
    #[inline]
    pub(crate) fn ring(&self) {
        // SAFETY: the semaphore is open until Drop. It fails only at a count of 2^31 − 1: then nobody needs a ring.
        stores::store("ring", || unsafe { libc::sem_post(self.semaphore) });
    }

    /// Takes one ring if there is one; never waits, never a system call.
    pub(crate) fn try_take(&self) -> bool {
        // SAFETY: the semaphore is open until Drop.
        stores::store("ring taken", || unsafe { libc::sem_trywait(self.semaphore) == 0 })
    }

    /// Takes the rings that are there, at most so many that it takes no time: a count that somebody made up is used up in
    /// pieces. Obliges to look, as one ring does. How many it took.
    pub(crate) fn take_all(&self) -> u32 {
        (0..RINGS_AT_ONCE).take_while(|_| self.try_take()).count() as u32
    }

    /// How many rings nobody has taken, a moment ago.
    pub(crate) fn rings(&self) -> u32 {
        let mut value = 0;
        // SAFETY: the semaphore is open until Drop and `value` is a valid int.
        unsafe { libc::sem_getvalue(self.semaphore, &mut value) };
        u32::try_from(value).unwrap_or(0)
    }

    /// Parks until a ring can be taken, at most `timeout`; whether one was taken.
    ///
    /// A ring that came before the call is taken at once, so one that comes between a look at the slots and the
    /// parking is not lost.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        let deadline = u128::from(monotonic_nanos()) + timeout.as_nanos();
        let deadline = libc::timespec {
            tv_sec: i64::try_from(deadline / 1_000_000_000).unwrap_or(i64::MAX),
            tv_nsec: (deadline % 1_000_000_000) as i64,
        };
        loop {
            // SAFETY: the semaphore is open until Drop and `deadline` is a valid time.
            if unsafe { sem_clockwait(self.semaphore, libc::CLOCK_MONOTONIC, &deadline) } == 0 {
                return true;
            }
            if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                return false;
            }
        }
    }

    /// Its file under `/dev/shm`.
    pub(crate) fn file_name(&self) -> &str {
        &self.file_name
    }

    /// Whether the bell's name still stands for this bell.
    pub(crate) fn is_current(&self) -> bool {
        shm::is_current(&self.file_name, self.id)
    }

    /// Removes the bell's name, if it still stands for this bell.
    pub(crate) fn unlink(&self) {
        shm::unlink_if(&self.file_name, self.id);
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        // SAFETY: opened by `open_with`, closed only here; no other thread can hold `&self` any more.
        unsafe { libc::sem_close(self.semaphore) };
    }
}

/// A bell that has its memory and no name yet.
///
/// `sem_open` would leave the mode to the umask and the group to chance, and for a moment show the wrong ones; so the file is
/// made complete before it has a name.
#[derive(Debug)]
pub(crate) struct CastBell {
    name: String,
    file: File,
    id: ObjectId,
    access: Access,
}

impl CastBell {
    /// Makes a semaphore that is to be called `name`.
    pub(crate) fn new(name: &str, access: Access) -> Result<Self, ObjectError> {
        let file_name = file_name(name);
        let (file, id) = shm::create_unnamed(&file_name, size_of::<libc::sem_t>() as u64, access)?;
        file.write_all_at(&new_semaphore(), 0).map_err(|e| ObjectError::system(&file_name, "written", e))?;
        Ok(Self { name: name.to_owned(), file, id, access })
    }

    /// Gives it its name, in place of a semaphore of this user that is there.
    ///
    /// The caller has proved, by the region's lock, that the name is its own. Its file is closed before it is opened by name,
    /// so that a process short of descriptors needs no more of them than it has.
    pub(crate) fn hang(self) -> Result<Bell, ObjectError> {
        let Self { name, file, id, access } = self;
        let file_name = file_name(&name);
        shm::remove(&file_name)?;
        if !shm::link(&file, &file_name)? {
            return Err(ObjectError::Taken(file_name));
        }
        drop(file);
        Bell::open(&name, access).inspect_err(|_| shm::unlink_if(&file_name, id))
    }
}

/// The identity of a file that can hold a semaphore. A shorter one would be mapped all the same, and touching it SIGBUS.
fn identify(file_name: &str, access: Access) -> Result<ObjectId, ObjectError> {
    let expected = size_of::<libc::sem_t>() as u64;
    match shm::identify(file_name, access)? {
        (id, size) if size == expected => Ok(id),
        (_, found) => Err(ObjectError::Size { name: file_name.to_owned(), found, expected }),
    }
}

/// The bytes of a semaphore that nobody has rung, as glibc keeps them in its file.
fn new_semaphore() -> [u8; size_of::<libc::sem_t>()] {
    let mut semaphore = MaybeUninit::<libc::sem_t>::zeroed();
    // SAFETY: the pointer is valid for writing; the value is shared between processes and 0.
    let made = unsafe { libc::sem_init(semaphore.as_mut_ptr(), 1, 0) };
    assert_eq!(made, 0, "0 is a value that a semaphore can have");
    // SAFETY: every byte was zero before glibc wrote some of them, so all are initialised; the array is as long.
    unsafe { std::mem::transmute(semaphore) }
}

/// Where glibc keeps the semaphore called `name`.
pub(crate) fn file_name(name: &str) -> String {
    format!("sem.{name}")
}

unsafe extern "C" {
    /// glibc 2.30 and later; `sem_timedwait` would follow jumps of the wall clock.
    fn sem_clockwait(
        semaphore: *mut libc::sem_t,
        clock: libc::clockid_t,
        deadline: *const libc::timespec,
    ) -> libc::c_int;
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Access = Access::own();

    struct Named(Bell, String);

    impl Drop for Named {
        fn drop(&mut self) {
            self.0.unlink();
        }
    }

    fn bell() -> Named {
        let name = format!("slotbus-test-bell-{}", uuid::Uuid::new_v4());
        Named(Bell::create(&name, OWN).unwrap(), name)
    }

    #[test]
    fn a_ring_before_the_wait_is_not_lost() {
        let bell = bell();
        bell.0.ring();
        assert_eq!(bell.0.rings(), 1);
        assert!(bell.0.wait(Duration::from_secs(60)));
        assert!(!bell.0.wait(Duration::ZERO), "it was one ring");
    }

    #[test]
    fn a_ring_wakes_a_parked_thread_of_another_handle() {
        let bell = bell();
        let other = Bell::open(&bell.1, OWN).unwrap();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| other.wait(Duration::from_secs(60)));
            bell.0.ring();
            assert!(waiter.join().unwrap());
        });
    }

    #[test]
    fn a_file_too_short_for_a_semaphore_is_refused_instead_of_mapped() {
        let bell = bell();
        std::fs::write(format!("/dev/shm/sem.{}-short", bell.1), "").unwrap();
        let error = Bell::open(&format!("{}-short", bell.1), OWN).unwrap_err();
        shm::remove(&format!("sem.{}-short", bell.1)).unwrap();
        assert!(error.to_string().ends_with("has 0 bytes instead of 32: it is no semaphore"), "{error}");
    }

    #[test]
    fn a_bell_that_was_replaced_is_not_current_and_its_name_is_left_alone() {
        let old = bell();
        let new = Bell::create(&old.1, OWN).unwrap();
        assert!(!old.0.is_current() && new.is_current());
        old.0.unlink();
        assert!(new.is_current());
        new.unlink();
        assert!(Bell::open(&old.1, OWN).unwrap_err().is_missing());
    }
}
