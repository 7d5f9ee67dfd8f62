//! Checks a worker, in whatever language it is written, against the protocol.
//!
//! The checks are a hub's: they make the bus that the worker is waiting for, send it requests, well-formed ones and damaged
//! ones, and look at what it leaves in the slots. What a service answers is its own affair; how the answer stands in shared
//! memory is not. A service that repeats bodies on some path ([`Options::echo`]) is also checked for their bytes.
//!
//! The protocol is described in `docs/protocol.md`; `slotbus conformance NAME` runs this from a shell.

mod checks;
mod probe;

use std::ops::ControlFlow;
use std::time::Duration;

use self::probe::Probe;
pub use crate::bus::BusError;
use crate::protocol::{BusName, NameError, Version};
use crate::report::reported;

/// Which worker, and what it is asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The bus that the worker waits for.
    pub name: String,
    /// The prefix of the bus's objects: `slotbus` unless the worker says otherwise.
    pub prefix: String,
    /// The protocol's version that the worker speaks.
    pub version: Version,
    /// The path of a route that answers a POST with its body, for the checks that need one.
    pub echo: Option<String>,
    /// How long an answer may take: 5 s by default.
    pub patience: Duration,
    /// Replaces a region that does not prove that nobody uses it.
    pub force: bool,
}

impl Options {
    /// The worker of the bus called `name`, with the defaults of everything else: version 1, no route that repeats bodies.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            prefix: crate::protocol::DEFAULT_PREFIX.to_owned(),
            version: Version::V1,
            echo: None,
            patience: Duration::from_secs(5),
            force: false,
        }
    }
}

/// What became of one check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The worker does it.
    Passed,
    /// The worker does something else.
    Failed(String),
    /// It could not be asked.
    Skipped(&'static str),
}

/// One check and its outcome.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Checked {
    /// What a worker does: a sentence.
    pub rule: &'static str,
    /// Whether this one did.
    pub outcome: Outcome,
}

/// Why nothing was checked.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The bus could not be made.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The route that repeats bodies has no path.
    #[error("{0:?} is no path of a route that repeats bodies: it begins with / and has no spaces")]
    Echo(String),
    /// Nobody answered the first request.
    #[error(
        "no worker answered on bus {0}: start it, and see that name, prefix and version ({1}) are those that it expects"
    )]
    NoWorker(BusName, Version),
}

reported!(CheckError);

/// Runs all checks and tells `report` of each as soon as it is done, which may break off; whether none failed.
///
/// Blocks. The worker may be running already or start meanwhile, within the patience of [`Options`]; the bus is gone when this
/// returns.
///
/// # Errors
///
/// When the bus cannot be made, for example because a live hub holds its name, or no worker takes part.
pub fn check(options: &Options, mut report: impl FnMut(Checked) -> ControlFlow<()>) -> Result<bool, CheckError> {
    let probe = Probe::start(options)?;
    let mut conforms = true;
    for &(rule, check) in checks::ALL {
        let outcome = match check(&probe) {
            Ok(()) => Outcome::Passed,
            Err(probe::Fault::Skipped(why)) => Outcome::Skipped(why),
            Err(fault) => Outcome::Failed(fault.to_string()),
        };
        conforms &= !matches!(outcome, Outcome::Failed(_));
        if report(Checked { rule, outcome }).is_break() {
            break;
        }
    }
    Ok(conforms)
}
