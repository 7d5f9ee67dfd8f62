//! The end of a process that this one has started, as something to wait for.
//!
//! A pidfd stands for the process itself: it is never another that got the same number, and it can be waited for beside
//! other things, without a signal handler and without looking again and again.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, getpid, getppid, kill_process, pidfd_open, pidfd_send_signal,
    set_parent_process_death_signal,
};

use super::lookout::{Alarm, timespec};

/// Stands for one process.
#[derive(Debug)]
pub(crate) struct ProcessHandle(OwnedFd);

impl ProcessHandle {
    /// The handle of a child that was not waited for yet.
    pub(crate) fn of(child: &Child) -> io::Result<Self> {
        Ok(Self(pidfd_open(Pid::from_child(child), PidfdFlags::empty())?))
    }

    /// Asks the process to end; nothing happens when it has.
    pub(crate) fn terminate(&self) {
        let _ = pidfd_send_signal(&self.0, Signal::TERM);
    }
}

/// Has this process asked to end (SIGTERM) when its parent ends, if that is the process `parent`. To be called by a thread
/// that stays.
pub(crate) fn end_with_parent(parent: u32) {
    let is_parent = || getppid().is_some_and(|pid| pid.as_raw_nonzero().get() as u32 == parent);
    if is_parent() && set_parent_process_death_signal(Some(Signal::TERM)).is_ok() && !is_parent() {
        // It ended a moment before it could be noticed.
        let _ = kill_process(getpid(), Signal::TERM);
    }
}

impl Alarm {
    /// Waits for a ring, for the end of one of the processes, or for `patience` to end; for ever without a patience.
    pub(crate) fn wait_for_ends<'a>(
        &self,
        processes: impl Iterator<Item = &'a ProcessHandle>,
        patience: Option<Duration>,
    ) {
        let mut ready = vec![self.poll_fd()];
        ready.extend(processes.map(|process| PollFd::new(&process.0, PollFlags::IN)));
        // Interrupted it has waited too short, which whoever looks again does not mind.
        let _ = poll(&mut ready, patience.map(timespec).as_ref());
        self.silence();
    }
}
