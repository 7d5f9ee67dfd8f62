//! Why a worker did not start, or ended by itself.

use std::time::Duration;

use super::NAME_VARIABLE;
use crate::body::BoxError;
use crate::bus::BusError;
use crate::protocol::{BusName, NameError};
use crate::report::reported;
use crate::worker::WorkerError;

/// Why [`serve`](crate::serve) ended, or did not start.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No name was given.
    #[error("the bus has no name: set {NAME_VARIABLE} or call `.name(\"...\")`")]
    NoName,
    /// The name given cannot name a bus.
    #[error(transparent)]
    Name(#[from] NameError),
    /// There is nothing to run unfinished handlers on.
    #[cfg_attr(
        feature = "tokio",
        error("no tokio runtime is running here: await `serve` inside one, or give it an executor")
    )]
    #[cfg_attr(
        not(feature = "tokio"),
        error("nothing runs handlers here: enable the feature `tokio`, or give `serve` an executor")
    )]
    NoExecutor,
    /// The bus could not be opened.
    #[error(transparent)]
    Bus(BusError),
    /// No hub appeared in time.
    #[error("no hub made bus {name} within {waited:?}: start it, or see that name and prefix are those of its bus")]
    NoHub {
        /// The bus that was waited for.
        name: BusName,
        /// How long.
        waited: Duration,
    },
    /// `poll_ready` of the service failed three times in a row.
    #[error("the service failed three times in a row")]
    Service(#[source] BoxError),
    /// `Clone` of the service panicked, so that no thread can be given one.
    #[error("the service cannot be cloned: {0}")]
    Clone(String),
    /// The system gave no file descriptor to be woken by.
    #[error("no file descriptor is left: raise the limit of open files")]
    Descriptor(#[source] std::io::Error),
    /// The worker could not be registered.
    #[cfg(all(feature = "register", not(loom)))]
    #[error(transparent)]
    Hub(#[from] crate::control::HubError),
    /// A thread could not be started.
    #[error("a thread could not be started")]
    Thread(#[source] std::io::Error),
}

reported!(Error);

impl From<WorkerError> for Error {
    fn from(error: WorkerError) -> Self {
        match error {
            WorkerError::Bus(error) => Self::Bus(error),
            WorkerError::NoHub { name, waited } => Self::NoHub { name, waited },
            WorkerError::Service(error) => Self::Service(error),
            WorkerError::Clone(panic) => Self::Clone(panic),
            WorkerError::Alarm(error) => Self::Descriptor(error),
            WorkerError::Thread(error) => Self::Thread(error),
        }
    }
}
