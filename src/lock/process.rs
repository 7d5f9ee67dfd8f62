//! The end of a process that this one has started, as something to wait for.
//!
//! A pidfd stands for the process itself: it is never another that got the same number, and it can be waited for beside
//! other things, without a signal handler and without looking again and again.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
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

/// Has each process that `command` starts asked to end (SIGTERM) when this one ends, or the thread that starts it does: from
/// before its program begins, which may take its time until it knows of this crate.
pub(crate) fn end_children_with_this(command: &mut Command) {
    let parent = getpid();
    let before_its_program = move || Ok(end_with(parent)?);
    // SAFETY: what runs between fork and exec is two system calls; nothing is allocated or locked there, and the error is a number.
    unsafe { command.pre_exec(before_its_program) };
}

/// Has this process asked to end when its parent ends, if that is the process `parent`. The kernel forgets that it was to be when a
/// process changes its user or its capabilities, so who serves says it again, by a thread that stays.
pub(crate) fn end_with_parent(parent: u32) {
    let parent = i32::try_from(parent).ok().and_then(Pid::from_raw);
    if parent.is_some_and(|parent| getppid() == Some(parent) && end_with(parent) == Err(Errno::SRCH)) {
        let _ = kill_process(getpid(), Signal::TERM);
    }
}

/// Fails if `parent` is not the parent any more: it may have ended a moment before the kernel was told.
fn end_with(parent: Pid) -> Result<(), Errno> {
    set_parent_process_death_signal(Some(Signal::TERM))?;
    if getppid() == Some(parent) { Ok(()) } else { Err(Errno::SRCH) }
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
