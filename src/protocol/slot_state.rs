//! What a slot is doing, as it is shown.

use std::fmt;

use super::status::Status;

/// What a slot is doing, for tables and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotState {
    /// Free.
    Free,
    /// A request is being written.
    Writing,
    /// A request waits for a worker.
    Ready,
    /// A worker runs the request.
    Claimed,
    /// The response waits to be read.
    Done,
    /// A word that is no state of the protocol.
    Unknown(u32),
}

impl fmt::Display for SlotState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Free => f.pad("free"),
            Self::Writing => f.pad("writing"),
            Self::Ready => f.pad("ready"),
            Self::Claimed => f.pad("claimed"),
            Self::Done => f.pad("done"),
            Self::Unknown(word) => write!(f, "unknown ({word:#x})"),
        }
    }
}

impl From<Status> for SlotState {
    fn from(status: Status) -> Self {
        match status {
            Status::Free => Self::Free,
            Status::Writing => Self::Writing,
            Status::Ready => Self::Ready,
            Status::Claimed(_) => Self::Claimed,
            Status::Done => Self::Done,
            Status::Unknown(word) => Self::Unknown(word),
        }
    }
}
