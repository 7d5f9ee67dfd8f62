//! The servers of a pair: this program again, told by its environment what to be.

use std::env;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getppid, kill_process, set_parent_process_death_signal};

use super::{Place, clock};
use crate::load::Load;
use crate::pairs::Pair;

/// The servers that run now.
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// What both processes of a pair agree on.
pub(crate) struct Setup {
    pub(crate) pair: Pair,
    pub(crate) place: Place,
    pub(crate) load: Load,
    pub(crate) in_flight: usize,
}

const PAIR: &str = "PEERS_BENCH_PAIR";
const PLACE: &str = "PEERS_BENCH_PLACE";
const LEN: &str = "PEERS_BENCH_LEN";
const IN_FLIGHT: &str = "PEERS_BENCH_IN_FLIGHT";
const CLIENT: &str = "PEERS_BENCH_CLIENT";

impl Setup {
    /// What this process is to serve, when it is a server. It then ends with its client.
    pub(crate) fn of_server() -> Option<Self> {
        let value = |name| env::var(name).ok();
        let number = |name| value(name).and_then(|value| value.parse().ok());
        let pair = Pair::by_name(&value(PAIR)?)?;
        set_parent_process_death_signal(Some(Signal::KILL)).expect("a process may choose its end");
        // A client that died before the line above sends no signal any more.
        if getppid().map(Pid::as_raw_nonzero).map(|pid| pid.get() as usize) != number(CLIENT) {
            std::process::exit(1);
        }
        let load = match number(LEN)? {
            0 => Load::Get,
            len => Load::Echo(len),
        };
        Some(Self { pair, place: Place::of_client(value(PLACE)?), load, in_flight: number(IN_FLIGHT)? })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env::current_exe().expect("the own executable has a path"));
        command.env(PAIR, self.pair.name).env(PLACE, self.place.name()).env(LEN, self.load.len().to_string());
        command.env(IN_FLIGHT, self.in_flight.to_string()).env(CLIENT, std::process::id().to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

/// Server processes of one pair, ended when dropped.
pub(crate) struct Servers(Vec<Child>);

impl Servers {
    /// Starts `count` servers. Only the main thread may: a server ends with the thread that started it.
    pub(crate) fn start(setup: &Setup, count: usize) -> Self {
        let start = |_| {
            let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
            let child = setup.command().spawn().expect("this program can be started again");
            running.push(child.id());
            child
        };
        Self((0..count).map(start).collect())
    }

    /// CPU time of all of them.
    pub(crate) fn cpu(&self) -> Duration {
        self.0.iter().filter_map(|child| clock::cpu_of(child.id())).sum()
    }

    /// The most memory that one of them ever held, in KiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        let peak = |child: &Child| {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.split_whitespace().next()?.parse().ok()
        };
        self.0.iter().filter_map(peak).max().unwrap_or_default()
    }

    /// Waits for servers that were told to end; what does not is killed.
    pub(crate) fn wait(&mut self) {
        let end = Instant::now() + Duration::from_secs(2);
        for child in &mut self.0 {
            while Instant::now() < end && matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let Self(children) = self;
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        for child in children {
            let _ = child.kill();
            let _ = child.wait();
            running.retain(|pid| *pid != child.id());
        }
    }
}

/// Ends the servers of a client that was interrupted; it holds the lock from then on, so that none is started.
pub(super) fn kill_all() {
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    for pid in running.iter().filter_map(|pid| Pid::from_raw(*pid as i32)) {
        let _ = kill_process(pid, Signal::KILL);
    }
    std::mem::forget(running);
}
