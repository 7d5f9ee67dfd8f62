//! What the buses of this machine do, seen from beside.
//!
//! A look changes nothing: files are opened for reading only, nothing is mapped, no lock is taken and no bell rung. What it
//! finds is copied out by `pread`, so a region that is cut short meanwhile is an error and never a signal. The price is that
//! a look is a moment of a bus that goes on: each slot is whole (it was the same before and after, or is said to be torn),
//! but not all slots are of the same moment. Where dispatches are not numbered, a slot that came back to the same state
//! with the same id is not told from one that stayed.
//!
//! It works on regions of this crate and on those of the published ones, which tell less: a field that the region does not
//! have is `None`.
//!
//! ```
//! # fn main() -> Result<(), slotbus::inspect::InspectError> {
//! for listed in slotbus::inspect::buses("slotbus")? {
//!     match &listed.look {
//!         Ok(look) => println!("{}: {:?}, {} slots, {} busy", listed.bus, look.hub, look.slots.len(), look.busy()),
//!         Err(error) => println!("{}: {error}", listed.bus),
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod file;
mod list;
mod meter;

use std::num::NonZeroU64;
use std::time::{Duration, SystemTime};

use http::Method;

pub use self::file::Bus;
pub use self::list::{Listed, buses, prefixes};
pub use self::meter::{Figures, Meter};
pub use crate::protocol::SlotState;
use crate::protocol::{BusName, GeometryError, NameError, RequestId, Version};
use crate::report::reported;
use crate::shm::ObjectError;

/// Why a bus, or all of them, could not be looked at.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// Prefix or name can be none of a bus.
    #[error(transparent)]
    Name(#[from] NameError),
    /// There is no region, it is no plain file, or this user must not read it.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The file's header describes no region.
    #[error("/dev/shm/{bus} holds no region")]
    Region {
        /// The bus.
        bus: BusName,
        /// What is wrong with it.
        source: GeometryError,
    },
    /// A file or the folder could not be read.
    #[error("{path} could not be read")]
    Read {
        /// The file or the folder.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}

reported!(InspectError);

impl InspectError {
    /// Whether there is no region under the name.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Object(error) if error.is_missing())
    }
}

/// Whether a region has a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HubLife {
    /// One holds the region's lock.
    Alive,
    /// The region announces a lock that nobody holds.
    Dead,
    /// The region announces no lock, as those of published hubs: nothing proves either.
    Unknown,
}

/// What a hub has said of the region's future.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retirement {
    /// The hub has another region by now: workers answer what they have here and claim no more.
    Draining,
    /// Workers let go at once.
    Detached,
}

/// A region at a moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Look {
    /// The version of the protocol.
    pub version: Version,
    /// The life of the region; `None` where it has no extension, which is where the published hubs are.
    pub epoch: Option<NonZeroU64>,
    /// Whether it has a hub.
    pub hub: HubLife,
    /// The hub's process, as it calls itself; in another PID namespace the number means another process.
    pub hub_pid: Option<u32>,
    /// When the hub made the region.
    pub started_at: Option<SystemTime>,
    /// What the hub has said of the region's future, if anything.
    pub retirement: Option<Retirement>,
    /// Attached workers of this crate, by their locks, counted up to 4,096; `None` where there are no locks.
    pub workers: Option<usize>,
    /// Bytes of the region.
    pub bytes: u64,
    /// How many numbers were given out in this life: one for each dispatch, and for each that found no room; `None` where
    /// dispatches are not numbered.
    pub dispatches: Option<u64>,
    /// Every slot.
    pub slots: Vec<Slot>,
    /// When the slots were read, in nanoseconds of CLOCK_MONOTONIC.
    pub(crate) at: u64,
}

impl Look {
    /// How many slots are not free.
    pub fn busy(&self) -> usize {
        self.slots.len() - self.count(SlotState::Free)
    }

    /// How many slots are in `state`.
    pub fn count(&self, state: SlotState) -> usize {
        self.slots.iter().filter(|slot| slot.state == state).count()
    }

    /// How long the oldest request without a worker has waited; `None` without one, or where requests do not say.
    pub fn oldest_waiting(&self) -> Option<Duration> {
        self.slots.iter().filter(|slot| slot.state == SlotState::Ready).filter_map(|slot| slot.age).max()
    }
}

/// A slot at a moment. In a free one, what belongs to a request is that of the last one where dispatches are numbered, and
/// else nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Slot {
    /// What it is doing.
    pub state: SlotState,
    /// The slot changed all the time: what follows may be of several requests.
    pub torn: bool,
    /// Who claimed it, by the number of its lock; `None` when nobody did, or where claims do not say.
    pub owner: Option<u32>,
    /// The number of the dispatch; `None` before the first, or where dispatches are not numbered.
    pub ticket: Option<u64>,
    /// The request's id; `None` without a request, or when it is no visible ASCII.
    pub request_id: Option<RequestId>,
    /// The request's method.
    pub method: Option<Method>,
    /// Bytes of the request's body.
    pub request_body: u32,
    /// The answer's status, once there is an answer.
    pub status: Option<u16>,
    /// Bytes of the answer's body, once there is an answer.
    pub response_body: u32,
    /// Time since the request was made READY; `None` in a free slot, or where requests do not say.
    pub age: Option<Duration>,
    /// Time until the caller stops waiting, zero when it has; `None` without a deadline.
    pub left: Option<Duration>,
    /// The caller has given up, and the slot is not free yet.
    pub abandoned: bool,
    /// A worker keeps bytes of the request without having copied them.
    pub held: bool,
}
