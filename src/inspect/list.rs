//! All buses of the machine.

use std::collections::{BTreeMap, BTreeSet};

use super::{Bus, Hub, InspectError, Look};
use crate::protocol::{BusName, DEFAULT_PREFIX};
use crate::{shm, signal};

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
            Ok(look) => look.hub == Hub::Dead,
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
    let mut objects: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for object in names(prefix)?.into_iter().chain(names(&signal::file_name(prefix))?) {
        if let Some(bus) = BusName::of_object(prefix, &object) {
            let of_bus = objects.entry(bus.name().to_owned()).or_default();
            if object != bus.region() {
                of_bus.push(object);
            }
        }
    }
    let buses = objects.into_iter().map(|(name, mut objects)| {
        objects.sort();
        let bus = BusName::new(prefix, &name)?;
        Ok(Listed { look: Bus::of(bus.clone()).and_then(|bus| bus.look()), bus, objects })
    });
    buses.collect()
}

/// The prefixes under which there are regions, and `slotbus`. A region is known by its first bytes, so that other programs'
/// objects are none; of a name with several hyphens the prefix is taken to end at the first.
///
/// # Errors
/// When `/dev/shm` cannot be read.
pub fn prefixes() -> Result<BTreeSet<String>, InspectError> {
    let mut prefixes = BTreeSet::from([DEFAULT_PREFIX.to_owned()]);
    for object in names("")? {
        let bus = object.split_once('-').and_then(|(prefix, name)| BusName::new(prefix, name).ok());
        if let Some(bus) = bus.filter(|bus| !prefixes.contains(bus.prefix()))
            && Bus::of(bus.clone()).and_then(|opened| opened.look()).is_ok()
        {
            prefixes.insert(bus.prefix().to_owned());
        }
    }
    Ok(prefixes)
}

fn names(prefix: &str) -> Result<Vec<String>, InspectError> {
    shm::names(prefix).map_err(|source| InspectError::Read { path: "/dev/shm".to_owned(), source })
}
