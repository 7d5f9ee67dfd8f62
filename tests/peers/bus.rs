//! The names of one pair's bus, and what must not stand under them afterwards.

use std::fs;
use std::path::Path;

use crate::Code;

const DIRECTORY: &str = "/dev/shm";

/// A bus name nobody else uses. What stands under it is removed when this is dropped.
pub(crate) struct BusNames {
    pub(crate) name: String,
}

impl BusNames {
    pub(crate) fn new() -> Self {
        Self { name: format!("peers-{}", uuid::Uuid::new_v4().simple()) }
    }

    /// The objects that stand in /dev/shm now. The name holds a UUID, so whatever holds it is of this bus.
    pub(crate) fn existing(&self) -> Vec<String> {
        let entries = fs::read_dir(DIRECTORY).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| name.contains(&self.name)).collect()
    }
}

impl Drop for BusNames {
    fn drop(&mut self) {
        for name in self.existing() {
            let _ = fs::remove_file(Path::new(DIRECTORY).join(name));
        }
    }
}

/// Whether `object` was made by a published peer, which cleans up less than it makes.
pub(crate) fn is_published_leftover(object: &str, hub: Code, worker: Code) -> bool {
    let of_worker = object.contains("-rsp-");
    if of_worker { worker.is_published() } else { hub.is_published() }
}
