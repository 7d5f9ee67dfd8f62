//! One region with its two bells and its locks, opened and closed as one thing.
//!
//! May use `region`, `signal` and `lock`. What stays true: a worker's bus was whole and under its name when it was
//! opened; a hub's bus holds the hub lock from before its name appears until after it is gone, so that whoever finds
//! the lock free has found a dead hub.

mod attach;
mod clean;
mod found;

use std::time::Duration;

#[cfg(all(feature = "inspect", not(loom)))]
pub(crate) use self::clean::objects;
pub use self::clean::{CleanError, Cleaned, Left, Reason, clean};
pub(crate) use self::found::Founding;
use crate::lock::{self, Role};
pub(crate) use crate::lock::{Alarm, Lookout, Looks, ProcessHandle, Stir, end_children_with_this, end_with_parent};
use crate::protocol::{BusName, Features, OwnerToken, RETIRE_DETACH, RETIRE_DRAIN, SLOT_FREE};
use crate::region::{Region, RegionError, stamp_of};
use crate::report::reported;
use crate::shm::{self, ObjectError};
pub(crate) use crate::shm::{Access, Folder};
use crate::signal::Bell;

/// How things stand between a worker and its bus.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// It may go on.
    Live,
    /// It may answer what it has claimed, and claims nothing more.
    Draining,
    /// Nobody reads its answers any more, or they would go to somebody else.
    Gone,
}

/// Why a bus could not be opened or made.
#[derive(thiserror::Error)]
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
        "/dev/shm/{0} exists and does not prove that its hub is gone: remove it, or replace it by force (`replace_by_force`, `--force`) if you know that nobody uses it"
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

reported!(BusError);

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
    /// Whose objects are believed here, and who may use the ones made here.
    access: Access,
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

    /// Whose objects are believed here, and who may use the ones made here.
    pub(crate) fn access(&self) -> Access {
        self.access
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

    /// Whether a worker may go on: the bus's names still stand for these objects and its hub has not gone.
    pub(crate) fn standing(&self) -> Standing {
        let hub_lives = || !self.region.geometry().offers(Features::LOCKS) || self.hub_holds_its_lock();
        match self.retirement() {
            RETIRE_DETACH => Standing::Gone,
            RETIRE_DRAIN if hub_lives() => Standing::Draining,
            _ if self.is_current() && self.requests.is_current() && self.responses.is_current() && hub_lives() => {
                Standing::Live
            }
            _ => Standing::Gone,
        }
    }

    /// Whether a worker's answers are read, and by whom they are meant for.
    pub(crate) fn is_alive(&self) -> bool {
        self.standing() != Standing::Gone
    }

    /// Whether the hub has told its workers to claim no more. Costs no system call.
    #[inline]
    pub(crate) fn is_retired(&self) -> bool {
        matches!(self.retirement(), RETIRE_DRAIN | RETIRE_DETACH)
    }

    /// What the hub says of the region's future; nothing where it has no extension, whatever stands there: a hub of ours
    /// that did not know yet may have written it when a published one had taken the region over.
    #[inline]
    fn retirement(&self) -> u32 {
        self.epoch().map_or(0, |_| self.region.header().retire.read())
    }

    /// The life of the region, where its hub says.
    pub(crate) fn epoch(&self) -> Option<u64> {
        self.region.geometry().extension().map(|extension| extension.epoch.get())
    }

    /// Whether the region's name still stands for this region, in the life it was opened in.
    pub(crate) fn is_current(&self) -> bool {
        self.region.is_current() && self.is_own_life()
    }

    /// Whether nobody has made another region of this one in place. Costs no system call.
    #[inline]
    pub(crate) fn is_own_life(&self) -> bool {
        self.region.geometry().is_that_of(self.region.header())
    }

    /// Hub: removes the overflow objects that dead workers of this region left behind; with `over`, those of all its workers.
    pub(crate) fn sweep_answers(&self, over: bool) {
        let objects = shm::names(self.name.region()).unwrap_or_default();
        for object in objects.iter().filter(|object| self.name.owns_answer(object)) {
            let Some((stamp, id)) = stamp_of(object, self.access) else { continue };
            let is_dead = || stamp.owner.is_some_and(|owner| !self.owner_is_alive(owner));
            // An answer that its caller has yet to read is as good as if its worker lived.
            let is_read = || {
                let slots = self.region.geometry().slots().map(|slot| self.region.slot(slot));
                !slots.into_iter().any(|slot| slot.ticket.get() == stamp.ticket && slot.status.raw() != SLOT_FREE)
            };
            if Some(stamp.epoch) == self.epoch() && (over || is_dead() && is_read()) {
                shm::unlink_if(object, id);
            }
        }
    }

    /// Hub: tells the workers to let go and removes the bus's names, as far as they are still its own.
    ///
    /// The region's name goes last: while it stands, no other hub makes objects under the other names.
    pub(crate) fn retire(&self) {
        if self.is_own_life() {
            self.region.header().retire.close(RETIRE_DETACH);
        }
        // A worker that finds the bus retired rings on for the next one.
        self.requests.ring();
        if self.is_current() {
            found::sweep(&self.name);
            self.requests.unlink();
            self.responses.unlink();
            self.region.unlink();
        }
    }

    /// Looks out over the region and its bells.
    pub(crate) fn look_out(&self) -> std::io::Result<Lookout> {
        Lookout::over(self.region.file(), &[self.requests.file_name(), self.responses.file_name()])
    }

    fn hub_holds_its_lock(&self) -> bool {
        // A probe that fails proves nothing, and only proof ends an attachment.
        lock::is_held(self.region.file(), Role::Hub).unwrap_or(true)
    }

    /// Whether a worker of ours is attached, beside this one if this is one.
    pub(crate) fn has_workers(&self) -> bool {
        lock::is_held(self.region.file(), Role::Opener).unwrap_or(true)
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
/// As [`LIFE_CHECK`], of a worker whose hub rings again for what waits and whose supervisor looks out for the hub's end.
pub(crate) const QUIET_CHECK: Duration = Duration::from_secs(5);
