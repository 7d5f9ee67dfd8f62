//! One region with its two bells and its locks, opened and closed as one thing.
//!
//! May use `region`, `signal` and `lock`. What stays true: a worker's bus was whole and under its name when it was
//! opened; a hub's bus holds the hub lock from before its name appears until after it is gone, so that whoever finds
//! the lock free has found a dead hub.

mod attach;
mod found;

use std::time::Duration;

pub(crate) use self::found::Founding;
use crate::lock::{self, Role};
use crate::protocol::{BusName, Features, OwnerToken};
use crate::region::{Region, RegionError};
use crate::shm::ObjectError;
use crate::signal::Bell;

/// `retire` of a region whose workers must let go of it.
const RETIRE_DETACH: u32 = 2;

/// Why a bus could not be opened or made.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The region is missing or unusable.
    #[error(transparent)]
    Region(#[from] RegionError),
    /// A semaphore is missing or unusable.
    #[error(transparent)]
    Bell(ObjectError),
    /// A lock on the region could not be taken.
    #[error("the region of {name} could not be locked")]
    Lock {
        /// The bus.
        name: BusName,
        /// What the system said.
        source: std::io::Error,
    },
    /// The region was replaced while it was being opened.
    #[error("the region of {0} was replaced while it was being opened")]
    Replaced(BusName),
    /// The region is there, and its hub is not.
    #[error("the hub of {0} is gone")]
    HubGone(BusName),
    /// Another hub holds the name.
    #[error("bus {0} already has a live hub: stop it first or choose another name")]
    Live(BusName),
    /// Something stands under the name that does not prove that nobody uses it.
    #[error(
        "/dev/shm/{0} exists and does not prove that its hub is gone: remove it, or replace it by force if you know that nobody uses it"
    )]
    Unproven(BusName),
    /// The options ask for a region that cannot be.
    #[error("a region of {slots} slots with {inline} inline bytes each way is impossible: {reason}")]
    Size {
        /// Slots asked for.
        slots: usize,
        /// Inline bytes asked for.
        inline: usize,
        /// The limit that is broken.
        reason: &'static str,
    },
}

impl BusError {
    /// Whether waiting can help: no hub has made the bus yet, has not finished it, or is just replacing it.
    pub(crate) fn is_not_yet(&self) -> bool {
        match self {
            Self::Region(error) => error.is_not_yet(),
            Self::Bell(error) => error.is_missing(),
            Self::Replaced(_) | Self::HubGone(_) => true,
            _ => false,
        }
    }

    /// Whether the header made no sense, which may be because a published hub was just writing it.
    pub(crate) fn is_bad_header(&self) -> bool {
        matches!(self, Self::Region(RegionError::Geometry { .. }))
    }
}

/// Which end of the bus this process is.
#[derive(Debug)]
enum Side {
    Hub,
    Worker { owner: Option<OwnerToken> },
}

/// A region, its bells and its locks.
#[derive(Debug)]
pub(crate) struct Bus {
    name: BusName,
    region: Region,
    /// The hub rings, workers wait.
    requests: Bell,
    /// Workers ring, the hub waits.
    responses: Bell,
    side: Side,
}

impl Bus {
    pub(crate) fn name(&self) -> &BusName {
        &self.name
    }

    pub(crate) fn region(&self) -> &Region {
        &self.region
    }

    /// Uses the mapping of another bus's region; see `Region::share_mapping`.
    #[cfg(test)]
    pub(crate) fn share_mapping(&mut self, other: &Self) {
        self.region.share_mapping(&other.region);
    }

    pub(crate) fn requests(&self) -> &Bell {
        &self.requests
    }

    pub(crate) fn responses(&self) -> &Bell {
        &self.responses
    }

    /// The token a claim of this attachment carries; `None` where the hub does not announce LOCKS.
    pub(crate) fn owner(&self) -> Option<OwnerToken> {
        match self.side {
            Side::Worker { owner } => owner,
            Side::Hub => None,
        }
    }

    /// Whether a worker may go on using the bus: its names still stand for these objects and its hub has not gone.
    pub(crate) fn is_alive(&self) -> bool {
        !self.is_retired() && self.is_current() && self.requests.is_current() && self.responses.is_current() && {
            !self.region.geometry().offers(Features::LOCKS) || self.hub_holds_its_lock()
        }
    }

    /// Whether the hub has told its workers to let go. Costs no system call.
    pub(crate) fn is_retired(&self) -> bool {
        self.region.header().retire.read() == RETIRE_DETACH
    }

    /// Whether the region's name still stands for this region, in the life it was opened in.
    pub(crate) fn is_current(&self) -> bool {
        let epoch = self.region.geometry().extension().map(|extension| extension.epoch.get());
        self.region.is_current() && epoch.is_none_or(|epoch| epoch == self.region.header().epoch.get())
    }

    /// Hub: tells the workers to let go and removes the bus's names, as far as they are still its own.
    ///
    /// The region's name goes last: while it stands, no other hub makes objects under the other names.
    pub(crate) fn retire(&self) {
        self.region.header().retire.close(RETIRE_DETACH);
        // A worker that finds the bus retired rings on for the next one.
        self.requests.ring();
        if self.is_current() {
            found::sweep(&self.name);
            self.requests.unlink();
            self.responses.unlink();
            self.region.unlink();
        }
    }

    fn hub_holds_its_lock(&self) -> bool {
        // A probe that fails proves nothing, and only proof ends an attachment.
        lock::is_held(self.region.file(), Role::Hub).unwrap_or(true)
    }

    /// Whether the worker with this token is alive.
    pub(crate) fn owner_is_alive(&self, owner: OwnerToken) -> bool {
        lock::is_held(self.region.file(), Role::Owner(owner.get())).unwrap_or(true)
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        match self.side {
            Side::Worker { owner } => {
                if let Some(owner) = owner {
                    lock::release(self.region.file(), Role::Owner(owner.get()));
                }
                lock::release(self.region.file(), Role::Opener);
            }
            Side::Hub => {
                self.retire();
                lock::release(self.region.file(), Role::Hub);
            }
        }
    }
}

/// How long a parked worker or hub waits at most before it looks whether the other end is still there.
pub(crate) const LIFE_CHECK: Duration = Duration::from_secs(1);
