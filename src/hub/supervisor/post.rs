//! One process that is kept running.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use crate::bus::ProcessHandle;
use crate::sync::survived;

/// A process that runs.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    pub(super) handle: ProcessHandle,
    pub(super) since: Instant,
}

/// A process that was asked to end.
#[derive(Debug)]
pub(super) struct Leaving {
    pub(super) process: Running,
    /// When it is killed, unless it was.
    pub(super) killed_at: Option<Instant>,
}

/// The place of one process, filled again and again.
#[derive(Debug)]
pub(super) struct Post {
    /// `None` between an end and the next start.
    pub(super) running: Option<Running>,
    /// When it is started again; `None` for never.
    pub(super) due: Option<Instant>,
    /// The pause before that, if it ends again before it was steady.
    pub(super) pause: Duration,
    pub(super) starts: u64,
    pub(super) last_end: Option<ExitStatus>,
}

impl Running {
    /// Starts a worker of `bus`.
    pub(super) fn start(bus: &str, command: &mut Command) -> io::Result<Self> {
        let mut child = command.spawn().map_err(|error| {
            io::Error::new(error.kind(), format!("cannot start {}: {error}", command.get_program().display()))
        })?;
        match ProcessHandle::of(&child) {
            Ok(handle) => {
                let (pid, program) = (child.id(), command.get_program().display());
                survived(|| tracing::info!(%bus, pid, %program, "a worker process started"));
                Ok(Self { child, handle, since: Instant::now() })
            }
            Err(error) => {
                // Nobody could wait for it.
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has; nothing is known of how where something else in this program waits for all children.
    pub(super) fn ended(&mut self) -> Option<Option<ExitStatus>> {
        self.child.try_wait().map_or(Some(None), |status| status.map(Some))
    }

    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
    }

    pub(super) fn leave(self, timeout: Duration) -> Leaving {
        self.handle.terminate();
        Leaving { process: self, killed_at: Instant::now().checked_add(timeout) }
    }
}

impl Post {
    pub(super) fn new(pause: Duration) -> Self {
        Self { running: None, due: Some(Instant::now()), pause, starts: 0, last_end: None }
    }

    /// Has it started again after its pause, which is twice as long the next time, up to `longest`; the pause.
    pub(super) fn put_off(&mut self, longest: Duration) -> Duration {
        let pause = self.pause;
        self.due = Instant::now().checked_add(pause);
        self.pause = pause.saturating_mul(2).min(longest);
        pause
    }

    /// Puts a process there.
    pub(super) fn fill(&mut self, process: Running) -> Option<Running> {
        self.starts += 1;
        self.running.replace(process)
    }
}
