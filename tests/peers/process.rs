//! The other processes: this binary again, in a role.

use std::env;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio, exit};
use std::thread;
use std::time::Duration;

use libtest_mimic::Failed;

use crate::bus::BusNames;
use crate::{Code, hubs, workers};

const ROLE: &str = "SLOTBUS_TEST_ROLE";
const BUS: &str = "SLOTBUS_TEST_BUS";
/// When a peer gives up on everything, so that no process outlives a test that hangs.
const GIVE_UP: Duration = Duration::from_secs(900);

/// What a process of this binary is.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) enum Role {
    /// Makes the bus, sends the requests, checks the answers, prints a report.
    Hub { code: Code, worker: Code, divisor: u64 },
    /// Answers.
    Worker { code: Code },
}

impl Role {
    /// The role this process was started in, if it is not the one with the trials.
    pub(crate) fn of_this_process() -> Option<Self> {
        let role = env::var(ROLE).ok()?;
        Some(serde_json::from_str(&role).expect("a role as this binary wrote it"))
    }

    /// Plays the role to its end.
    pub(crate) fn run(self) {
        let name = env::var(BUS).expect("a bus beside the role");
        thread::spawn(|| {
            thread::sleep(GIVE_UP);
            eprintln!("gave up after {GIVE_UP:?}");
            exit(2);
        });
        match self {
            Self::Hub { code, worker, divisor } => hubs::run(code, worker, divisor, &name),
            Self::Worker { code } => workers::run(code, &name),
        }
    }
}

/// Blocks until the process with the trials closes its end, by word or by death.
pub(crate) fn wait_for_the_end() {
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
}

/// A peer's process. Killed and reaped when dropped.
pub(crate) struct Peer {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    role: Role,
}

impl Peer {
    pub(crate) fn start(role: Role, bus: &BusNames) -> Result<Self, Failed> {
        let mut child = Command::new(env::current_exe()?)
            .env(ROLE, serde_json::to_string(&role)?)
            .env(BUS, &bus.name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("it was piped"));
        Ok(Self { child, stdin, stdout, role })
    }

    /// The next line the peer prints.
    pub(crate) fn read_line(&mut self) -> Result<String, Failed> {
        let mut line = String::new();
        if self.stdout.read_line(&mut line)? == 0 {
            let status = self.child.wait()?;
            return Err(format!("{:?} ended early: {status}", self.role).into());
        }
        Ok(line)
    }

    /// Tells the peer to end, and waits until it has.
    pub(crate) fn finish(mut self) -> Result<ExitStatus, Failed> {
        self.stdin = None;
        Ok(self.child.wait()?)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Both fail when it has ended, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
