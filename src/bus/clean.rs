//! Removes what buses left behind that provably nobody uses.
//!
//! A bus is taken away as a hub would take it over: with the dead hub's lock held, or, where no region stands any more,
//! under a region of its own that holds the name and its lock. So no hub founds the bus meanwhile, and one that tries finds
//! it taken. The region's name goes last; whoever dies on the way leaves a region whose lock is free, which the next hub or
//! the next cleaning takes away.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;

use super::found::{DeadRegion, prove_dead, sweep};
use super::{BusError, Founding};
use crate::protocol::{BusName, NameError, Version};
use crate::region::{Region, RegionError};
use crate::report::reported;
use crate::shm::{self, Access, ObjectError};
use crate::signal;

/// What [`clean`] did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Cleaned {
    /// The buses that were dead and of which objects were removed, in the order of their names.
    pub buses: Vec<BusName>,
    /// What was removed, by its name under `/dev/shm`.
    pub objects: Vec<String>,
    /// What was left, and why.
    pub left: Vec<Left>,
}

/// Something that [`clean`] did not remove.
#[derive(Debug)]
#[non_exhaustive]
pub struct Left {
    /// The bus it belongs to by its name.
    pub bus: BusName,
    /// Why it is still there.
    pub reason: Reason,
}

/// Why [`clean`] left something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// A hub holds the region's lock.
    #[error("its hub is alive")]
    Live,
    /// The region announces no lock, as one of a published hub: that its hub is dead cannot be proved.
    #[error("its region does not prove that its hub is gone: remove it by hand if you know that nobody uses it")]
    Unproven,
    /// One of its objects is not this user's to remove, or no plain file.
    #[error("{0}")]
    Object(#[source] ObjectError),
    /// The bus could not be looked at.
    #[error("it could not be examined: {0}")]
    Bus(#[source] BusError),
}

/// Why nothing was cleaned at all.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum CleanError {
    /// The prefix can be none of a bus.
    #[error(transparent)]
    Prefix(#[from] NameError),
    /// The folder could not be read.
    #[error("/dev/shm could not be read")]
    Read(#[source] io::Error),
}

reported!(CleanError);

/// Removes the objects of every bus with `prefix` (`slotbus` unless its hub names another) that provably nobody uses.
///
/// After a `kill -9` a hub's region, semaphores and overflow objects stay in `/dev/shm`. The next hub of the same name takes
/// them away by itself; this is for names that no hub takes again.
///
/// Removed are
/// - the bus of a region of this crate whose hub lock is free. A worker of it may still be alive; it loses nothing, because
///   what it has mapped stays until it lets go, and with its hub dead nobody reads its answers.
/// - semaphores and overflow objects of a bus whose region is gone. A hub of this crate closes when its region's name goes,
///   and one that is being made touches the others only once it has the name, which is held here meanwhile.
///
/// Left are live buses, regions that prove nothing, as those of the published crates, objects of other users, and whatever
/// is no plain file. A published hub whose region was removed by hand while it ran is not noticed.
///
/// A hub that is made on the very name that is being cleaned may be told that the bus is taken; it then tries again.
///
/// # Errors
/// When `prefix` is none or `/dev/shm` cannot be read. What is wrong with one bus is in [`Cleaned::left`].
pub fn clean(prefix: &str) -> Result<Cleaned, CleanError> {
    // Any name will do to check the prefix.
    BusName::new(prefix, "a")?;
    let buses = objects(prefix).map_err(CleanError::Read)?.into_keys();
    let mut cleaned = Cleaned::default();
    for name in buses {
        cleaned.clean_bus(BusName::new(prefix, &name).expect("it was the name of a bus before"));
    }
    Ok(cleaned)
}

/// What stands in `/dev/shm` under the names of buses with `prefix`, by the bus's name.
pub(crate) fn objects(prefix: &str) -> io::Result<BTreeMap<String, BTreeSet<String>>> {
    let mut buses = BTreeMap::<_, BTreeSet<_>>::new();
    for object in shm::names(prefix)?.into_iter().chain(shm::names(&signal::file_name(prefix))?) {
        if let Some(bus) = BusName::of_object(prefix, &object) {
            buses.entry(bus.name().to_owned()).or_default().insert(object);
        }
    }
    Ok(buses)
}

impl Cleaned {
    fn clean_bus(&mut self, name: BusName) {
        let removed = match hold(&name) {
            Ok(held) => self.remove_held(&name, &held),
            Err(reason) => return self.left.push(Left { bus: name, reason }),
        };
        if removed {
            self.buses.push(name);
        }
    }

    /// Removes everything under the bus's names; whether there was anything.
    fn remove_held(&mut self, name: &BusName, held: &Held) -> bool {
        let mut swept = sweep(name);
        for bell in [name.request_bell(), name.response_bell()] {
            swept.remove(signal::file_name(&bell));
        }
        match held {
            Held::Dead(region) if region.is_untouched() => {
                region.unlink();
                swept.removed.push(name.region().to_owned());
            }
            Held::Dead(_) => {}
            Held::Free(region) => region.unlink(),
        }
        let any = !swept.removed.is_empty();
        self.objects.append(&mut swept.removed);
        let left = swept.left.into_iter();
        self.left.extend(left.map(|error| Left { bus: name.clone(), reason: Reason::Object(error) }));
        any
    }
}

/// The right to remove what stands under a bus's names.
enum Held {
    /// By the lock of its dead hub.
    Dead(DeadRegion),
    /// By a region of our own under a name that was free.
    Free(Region),
}

fn hold(name: &BusName) -> Result<Held, Reason> {
    // Twice at most: a name that comes and goes between the two looks belongs to somebody who is alive.
    for _ in 0..2 {
        if let Some(dead) = prove_dead(name, false).map_err(reason)? {
            return Ok(Held::Dead(dead));
        }
        let region = Founding::placeholder(name).map_err(reason)?;
        if region.link().map_err(|error| reason(error.into()))? {
            return Ok(Held::Free(region));
        }
    }
    Err(Reason::Live)
}

fn reason(error: BusError) -> Reason {
    match error {
        BusError::Live(_) => Reason::Live,
        BusError::Unproven(_) => Reason::Unproven,
        BusError::Region(RegionError::Object(error)) => Reason::Object(error),
        error => Reason::Bus(error),
    }
}

impl Founding {
    /// The smallest region there can be, without a name and with its hub's lock held. Without a magic number it is no
    /// worker's to attach to.
    fn placeholder(name: &BusName) -> Result<Region, BusError> {
        let (half, access) = (64, Access::default());
        let founding = Self { version: Version::V2, slots: 1, half, ahead: true, force: false, access };
        founding.region(name)
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bus, reason } = self;
        write!(f, "bus {bus}: {reason}")
    }
}

impl fmt::Display for Cleaned {
    /// A line for what was removed, and one for each thing that was left.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { buses, objects, left } = self;
        write!(f, "{} dead buses, {} objects removed", buses.len(), objects.len())?;
        left.iter().try_for_each(|left| write!(f, "\nleft {left}"))
    }
}
