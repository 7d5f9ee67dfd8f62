//! Hints of life and death: the kernel tells when somebody opens, closes, cuts or removes an object.
//!
//! A process that dies closes its files, also when it is killed, and that is told within a millisecond; so is a hub that
//! takes a name or a semaphore away. What stays true: what is told is a hint to look at locks and inodes, never a proof,
//! and who cannot be told (no inotify, no `/proc`) looks by the clock instead.

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

/// Wakes a thread that waits in [`Alarm::wait`].
#[derive(Debug)]
pub(crate) struct Alarm(OwnedFd);

/// What ended a wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stir {
    /// Something happened to what is looked out over: it is time to look at it.
    Hint,
    /// Somebody rang.
    Rung,
    /// Neither came in time.
    Late,
}

impl Alarm {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    /// Ends the current wait, or the next.
    pub(crate) fn ring(&self) {
        // It fails only when so many rings lie there that one more says nothing new.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    /// Waits for a ring, for a hint from `lookout`, or for `patience` to end; for ever without a patience.
    pub(crate) fn wait(&self, lookout: Option<&Lookout>, patience: Option<Duration>) -> Stir {
        let mut ready = Vec::with_capacity(2);
        ready.push(self.poll_fd());
        ready.extend(lookout.map(|lookout| PollFd::new(&lookout.0, PollFlags::IN)));
        // Interrupted it has waited too short, which whoever looks again does not mind.
        let _ = poll(&mut ready, patience.map(timespec).as_ref());
        let hint = ready.get(1).is_some_and(|fd| !fd.revents().is_empty());
        let rung = !ready[0].revents().is_empty();
        drop(ready);
        if rung {
            self.silence();
        }
        match lookout {
            Some(lookout) if hint => {
                lookout.drain();
                Stir::Hint
            }
            _ if rung => Stir::Rung,
            _ => Stir::Late,
        }
    }

    pub(super) fn poll_fd(&self) -> PollFd<'_> {
        PollFd::new(&self.0, PollFlags::IN)
    }

    /// Takes the rings that there are.
    pub(super) fn silence(&self) {
        let _ = rustix::io::read(&self.0, &mut [0; 8]);
    }
}

pub(super) fn timespec(duration: Duration) -> Timespec {
    Timespec { tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX), tv_nsec: duration.subsec_nanos().into() }
}

/// A lookout over files and folders.
#[derive(Debug)]
pub(crate) struct Lookout(OwnedFd);

impl Lookout {
    /// Looks out over the file itself, whatever its name becomes, and over what `names` under `/dev/shm` stand for now.
    pub(crate) fn over(file: &File, names: &[&str]) -> io::Result<Self> {
        let lookout = Self::blind()?;
        lookout.add(&format!("/proc/self/fd/{}", file.as_raw_fd()), Self::OBJECT)?;
        for name in names {
            lookout.add(&format!("/dev/shm/{name}"), Self::OBJECT)?;
        }
        Ok(lookout)
    }

    /// Looks out for new names under `/dev/shm`.
    pub(crate) fn for_names() -> io::Result<Self> {
        let lookout = Self::blind()?;
        lookout.add("/dev/shm", WatchFlags::CREATE | WatchFlags::MOVED_TO)?;
        Ok(lookout)
    }

    /// A death closes, a removal changes the number of names, a hub that adopts an object opens it and sets its length.
    const OBJECT: WatchFlags = WatchFlags::CLOSE_WRITE
        .union(WatchFlags::ATTRIB)
        .union(WatchFlags::DELETE_SELF)
        .union(WatchFlags::OPEN)
        .union(WatchFlags::MODIFY);

    fn blind() -> io::Result<Self> {
        Ok(Self(inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?))
    }

    fn add(&self, path: &str, events: WatchFlags) -> io::Result<()> {
        inotify::add_watch(&self.0, path, events)?;
        Ok(())
    }

    /// Forgets what was told: that something happened is all there is to know.
    fn drain(&self) {
        let mut events = [MaybeUninit::<u8>::uninit(); 4096];
        while matches!(rustix::io::read(&self.0, &mut events[..]), Ok((told, _)) if !told.is_empty()) {}
    }
}

/// When to look after a hint: at once, and again while what it was about may still be under way. A dying process closes its
/// files a moment before its locks go, and a hub that adopts an object opens it a moment before it writes.
#[derive(Debug, Default)]
pub(crate) struct Looks(&'static [u64]);

impl Looks {
    /// Pauses between the looks, in milliseconds.
    const PAUSES: &'static [u64] = &[1, 1, 2, 4, 8, 8, 16, 16, 32, 32, 64, 64];

    /// A hint came: all looks are to come, after the one that is made now.
    pub(crate) fn hint(&mut self) {
        self.0 = Self::PAUSES;
    }

    /// How long to wait for the next look, if there is one.
    pub(crate) fn pause(&self) -> Option<Duration> {
        self.0.first().copied().map(Duration::from_millis)
    }

    /// A look was made because its time had come.
    pub(crate) fn done(&mut self) {
        self.0 = self.0.get(1..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_file_is_a_hint_and_a_ring_is_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let lookout = Lookout::over(file.as_file(), &[]).unwrap();
        let alarm = Alarm::new().unwrap();
        alarm.ring();
        assert_eq!(alarm.wait(Some(&lookout), None), Stir::Rung);
        drop(File::options().write(true).open(file.path()).unwrap());
        assert_eq!(alarm.wait(Some(&lookout), None), Stir::Hint);
        assert_eq!(alarm.wait(Some(&lookout), Some(Duration::ZERO)), Stir::Late, "hints are taken all at once");
    }

    #[test]
    fn a_file_without_a_name_is_looked_out_over_too() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let other = File::options().write(true).open(file.path()).unwrap();
        let (lookout, alarm) = (Lookout::over(file.as_file(), &[]).unwrap(), Alarm::new().unwrap());
        std::fs::remove_file(file.path()).unwrap();
        assert_eq!(alarm.wait(Some(&lookout), None), Stir::Hint);
        drop(other);
        assert_eq!(alarm.wait(Some(&lookout), None), Stir::Hint);
    }

    #[test]
    fn a_ring_before_the_wait_is_not_lost() {
        let alarm = Alarm::new().unwrap();
        alarm.ring();
        alarm.ring();
        assert_eq!(alarm.wait(None, None), Stir::Rung);
        assert_eq!(alarm.wait(None, Some(Duration::ZERO)), Stir::Late);
    }
}
