//! Worker processes of a program that embeds the hub: started, started again when they end, replaced, drained.
//!
//! One thread per [`Supervisor`] waits for the ends of its processes, for orders and for its clock (`watch`); a process
//! and what is known of it is a [`post::Post`].

mod post;
mod watch;

use std::fmt;
use std::io;
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use self::post::Running;
use self::watch::{Order, Watch};
use super::service::Hub;
use crate::bus::{Alarm, end_children_with_this};
use crate::protocol::{NAME_VARIABLE, SUPERVISOR_VARIABLE};
use crate::report::reported;
use crate::sync::run_through_panics;

/// Keeps worker processes running: starts them, starts those again that end, and drains them at the end.
///
/// A worker that crashes costs its requests in hand an error and nothing else: the hub notices at once, requests that
/// nobody has claimed wait for the next process, and that is started after a pause which doubles from crash to crash.
///
/// A process that a supervisor has started is asked to end (SIGTERM) when the supervising process ends, also when that is
/// killed and the process does not serve yet, so that no worker is left without an owner. Where the command is a wrapper, its
/// own children are its own to end.
///
/// ```no_run
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use std::process::Command;
///
/// use slotbus::hub::{Hub, Supervisor};
///
/// let hub = Hub::builder("plugin").create()?;
/// let supervisor = Supervisor::builder(&hub, Command::new("/usr/lib/app/plugin")).processes(2).start()?;
/// // … the hub is called …
/// supervisor.stop();
/// # Ok(())
/// # }
/// ```
pub struct Supervisor {
    shared: Arc<Shared>,
    orders: Sender<Order>,
    watch: Option<JoinHandle<()>>,
}

/// How a [`Supervisor`] goes about it. Made by [`Supervisor::builder`].
#[must_use = "no process is started before `start`"]
#[derive(Debug)]
pub struct SupervisorBuilder {
    /// Whose workers they are, for the log.
    bus: String,
    command: Command,
    processes: usize,
    pauses: (Duration, Duration),
    steady_after: Duration,
    stop_timeout: Duration,
}

/// What is known of one process that is kept running.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProcessState {
    /// Its number while it runs.
    pub pid: Option<u32>,
    /// How often it was started.
    pub starts: u64,
    /// How it ended the last time.
    pub last_end: Option<ExitStatus>,
}

/// Why processes were not replaced.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ReplaceError {
    /// The next process could not be started; the former runs on.
    #[error("the next worker process could not be started")]
    Start(#[source] io::Error),
    /// The next process ended before it was steady, in this way; the former runs on.
    #[error("the next worker process ended before it was steady: {0}")]
    Ended(String),
    /// There is nothing to be replaced any more, or another replacement is under way.
    #[error("the worker processes are being stopped or replaced already")]
    Busy,
}

reported!(ReplaceError);

/// What the supervisor and its thread share.
struct Shared {
    alarm: Alarm,
    states: Mutex<Vec<ProcessState>>,
}

impl Supervisor {
    /// Describes workers of `hub` that `command` starts. It gets the bus's name in `SLOTBUS_NAME`; a prefix of its own is the
    /// command's to know.
    pub fn builder(hub: &Hub, mut command: Command) -> SupervisorBuilder {
        command.env(NAME_VARIABLE, hub.name().name()).env(SUPERVISOR_VARIABLE, std::process::id().to_string());
        SupervisorBuilder {
            bus: hub.name().to_string(),
            command,
            processes: 1,
            pauses: (Duration::from_millis(50), Duration::from_secs(5)),
            steady_after: Duration::from_secs(2),
            stop_timeout: Duration::from_secs(35),
        }
    }

    /// What is known of each process, in a fixed order.
    pub fn processes(&self) -> Vec<ProcessState> {
        self.shared.states.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces each process by a new one of the same command, one after another, and blocks until the former have ended.
    ///
    /// The new one is started first; when it has run for [`steady_after`](SupervisorBuilder::steady_after), the former is
    /// asked to end (SIGTERM). It answers what it has, and requests that nobody has claimed are claimed by the new one, so none
    /// fails: if it serves [`with_graceful_shutdown`](crate::Serve::with_graceful_shutdown) of
    /// [`shutdown_signal`](crate::shutdown_signal). Any other worker ends at once, and its callers get
    /// [`WorkerDied`](super::CallError::WorkerDied). So it is with [`stop`](Self::stop).
    ///
    /// # Errors
    ///
    /// When the next process cannot be started or ends at once, the former runs on; those before it are replaced.
    pub fn replace(&self) -> Result<(), ReplaceError> {
        let (reply, outcome) = channel();
        self.order(Order::Replace(reply));
        outcome.recv().unwrap_or(Err(ReplaceError::Busy))
    }

    /// Asks all processes to end, and blocks until they have; who has not after
    /// [`stop_timeout`](SupervisorBuilder::stop_timeout) is killed. Dropping a supervisor does the same.
    pub fn stop(self) {
        drop(self);
    }

    fn order(&self, order: Order) {
        // Only a thread that has ended takes no order.
        let _ = self.orders.send(order);
        self.shared.alarm.ring();
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.order(Order::Stop);
        if let Some(watch) = self.watch.take() {
            let _ = watch.join();
        }
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").field("processes", &self.processes()).finish_non_exhaustive()
    }
}

impl SupervisorBuilder {
    /// How many processes share the bus: 1 by default, at least 1.
    pub fn processes(mut self, processes: usize) -> Self {
        self.processes = processes.max(1);
        self
    }

    /// The pause before a process that has ended is started again: `first`, and twice as long each time it ends before it was
    /// steady, up to `longest`. 50 ms and 5 s by default.
    pub fn pauses(mut self, first: Duration, longest: Duration) -> Self {
        self.pauses = (first, longest.max(first));
        self
    }

    /// How long a process has to run to be taken for one that works: 2 s by default.
    pub fn steady_after(mut self, duration: Duration) -> Self {
        self.steady_after = duration;
        self
    }

    /// How long a process that was asked to end may take before it is killed: 35 s by default, a little more than a worker's
    /// [`drain_timeout`](crate::Serve::drain_timeout).
    pub fn stop_timeout(mut self, timeout: Duration) -> Self {
        self.stop_timeout = timeout;
        self
    }

    /// Starts the processes, each by fork and exec: that takes the longer the more memory this process has.
    ///
    /// # Errors
    ///
    /// When the first cannot be started, for example because there is no such program, or the system has no descriptor
    /// or thread left; no process runs then. One that cannot be started later is tried again after the pause.
    pub fn start(mut self) -> io::Result<Supervisor> {
        let alarm = Alarm::new()?;
        let shared = Arc::new(Shared { alarm, states: Mutex::default() });
        let (orders, received) = channel();
        let (started, outcome) = channel();
        let watched = Arc::clone(&shared);
        end_children_with_this(&mut self.command);
        // What a process is told at the end of its parent is told at the end of the thread that started it: so all are started
        // by the one that stays.
        let keep = move || match Running::start(&self.bus, &mut self.command) {
            Ok(first) => {
                let mut watch = Watch::new(self, first, watched, received);
                let _ = started.send(Ok(()));
                run_through_panics(|| watch.run(), || false);
            }
            Err(error) => drop(started.send(Err(error))),
        };
        let watch = std::thread::Builder::new().name("slotbus-supervisor".to_owned()).spawn(keep)?;
        match outcome.recv() {
            Ok(Ok(())) => Ok(Supervisor { shared, orders, watch: Some(watch) }),
            Ok(Err(error)) => {
                let _ = watch.join();
                Err(error)
            }
            Err(_) => Err(io::Error::other("the supervisor's thread has ended")),
        }
    }
}
