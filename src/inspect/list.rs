//! All buses of the machine.

use std::collections::BTreeSet;

use super::{Bus, HubLife, InspectError, Look};
use crate::protocol::{BusName, DEFAULT_PREFIX};
use crate::{bus, shm};

/// A bus by what stands under its names.
#[derive(Debug)]
#[non_exhaustive]
pub struct Listed {
    /// The bus.
    pub bus: BusName,
    /// Its region, or why there is none to be seen.
    pub look: Result<Look, InspectError>,
    /// Its objects in `/dev/shm` beside the region: semaphores and bodies that did not fit in.
    pub objects: Vec<String>,
}

impl Listed {
    /// Whether only a dead hub's things are left, which the next hub of the name takes away, and [`clean`](crate::clean) too.
    pub fn is_orphan(&self) -> bool {
        match &self.look {
            Ok(look) => look.hub == HubLife::Dead,
            Err(error) => error.is_missing(),
        }
    }
}

/// The buses under `prefix` (`slotbus` unless their hubs name another), by name.
///
/// # Errors
/// When `prefix` is none or `/dev/shm` cannot be read. What is wrong with one bus is in [`Listed::look`].
pub fn buses(prefix: &str) -> Result<Vec<Listed>, InspectError> {
    // Any name will do to check the prefix.
    BusName::new(prefix, "a")?;
    let mut all = Vec::new();
    for (name, mut objects) in bus::objects(prefix).map_err(unreadable)? {
        let bus = BusName::new(prefix, &name)?;
        let look = || Bus::of(bus.clone()).and_then(|bus| bus.look());
        let mut looked = look();
        if looked.as_ref().is_err_and(InspectError::is_missing) {
            // The list may be older than a hub that has made the bus anew since, or has closed it.
            looked = look();
            objects.retain(|object| shm::is_taken(object));
        }
        objects.remove(bus.region());
        let is_there = !looked.as_ref().is_err_and(InspectError::is_missing);
        if is_there || !objects.is_empty() {
            all.push(Listed { bus, look: looked, objects: objects.into_iter().collect() });
        }
    }
    Ok(all)
}

/// The prefixes under which there are regions, and `slotbus`. A region is known by its first bytes, so that other programs'
/// objects are none; of a name with several hyphens the prefix is taken to end at the first.
///
/// # Errors
/// When `/dev/shm` cannot be read.
pub fn prefixes() -> Result<BTreeSet<String>, InspectError> {
    let mut prefixes = BTreeSet::from([DEFAULT_PREFIX.to_owned()]);
    for object in shm::names("").map_err(unreadable)? {
        let bus = object.split_once('-').and_then(|(prefix, name)| BusName::new(prefix, name).ok());
        if let Some(bus) = bus.filter(|bus| !prefixes.contains(bus.prefix()))
            && Bus::of(bus.clone()).and_then(|opened| opened.look()).is_ok()
        {
            prefixes.insert(bus.prefix().to_owned());
        }
    }
    Ok(prefixes)
}

fn unreadable(source: std::io::Error) -> InspectError {
    InspectError::Read { path: "/dev/shm".to_owned(), source }
}
