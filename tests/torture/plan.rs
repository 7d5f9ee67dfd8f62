//! What is to be done, and who is who.

use std::path::PathBuf;
use std::time::Duration;

/// How much is done before it ends.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) worker_kills: usize,
    pub(crate) hub_kills: usize,
    pub(crate) requests: u64,
    /// Goes on for so long even when the rest is done.
    pub(crate) at_least: Duration,
}

impl Plan {
    const SHORT: Self = Self { worker_kills: 60, hub_kills: 20, requests: 50_000, at_least: Duration::ZERO };
    const FULL: Self = Self { worker_kills: 300, hub_kills: 100, requests: 1_000_000, at_least: Duration::ZERO };

    /// Takes `--full` and `--minutes N` out of the arguments.
    pub(crate) fn from_arguments(arguments: impl Iterator<Item = String>) -> (Self, Vec<String>) {
        let (mut plan, mut rest) = (Self::SHORT, Vec::new());
        let mut arguments = arguments.peekable();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--full" => plan = Self::FULL,
                "--minutes" => {
                    let minutes: u64 = arguments.next().and_then(|n| n.parse().ok()).expect("--minutes wants a number");
                    plan = Self { at_least: Duration::from_secs(60 * minutes), ..Self::FULL };
                }
                _ => rest.push(argument),
            }
        }
        (plan, rest)
    }
}

/// What a process that this one starts is told: the bus, its number, and where it writes.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) bus: String,
    /// Which life of a hub it is, or which worker.
    pub(crate) number: u64,
    pub(crate) books: PathBuf,
}

/// Which process this is.
pub(crate) enum Role {
    Hub(Life),
    Worker(Life),
}

const ROLE: &str = "SLOTBUS_TORTURE_ROLE";

impl Role {
    pub(crate) fn of_this_process() -> Option<Self> {
        let role = std::env::var(ROLE).ok()?;
        let mut parts = role.splitn(4, ' ');
        let mut next = || parts.next().expect("a role has four parts");
        let kind = next().to_owned();
        let life = Life { bus: next().to_owned(), number: next().parse().expect("a number"), books: next().into() };
        Some(if kind == "hub" { Self::Hub(life) } else { Self::Worker(life) })
    }

    /// This binary in that role.
    pub(crate) fn command(&self) -> std::process::Command {
        let (kind, Life { bus, number, books }) = match self {
            Self::Hub(life) => ("hub", life),
            Self::Worker(life) => ("worker", life),
        };
        let mut command = std::process::Command::new(std::env::current_exe().expect("this process has a binary"));
        command.env(ROLE, format!("{kind} {bus} {number} {}", books.display()));
        command
    }
}
