//! Names that only this run uses, and their removal, however it ends.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::servers;

const SHARED_MEMORY: &str = "/dev/shm";

/// Part of every name of this run.
static RUN: LazyLock<String> = LazyLock::new(|| format!("pb{}", &uuid::Uuid::new_v4().simple().to_string()[..12]));

/// Where one pair meets: a name and a folder. Whatever carries the name is removed when the place is dropped.
pub(crate) struct Place {
    name: String,
    is_mine: bool,
}

impl Place {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let place = Self { name: format!("{}n{}x", *RUN, NUMBER.fetch_add(1, Ordering::Relaxed)), is_mine: true };
        fs::create_dir_all(place.folder()).expect("a folder for temporary files can be made");
        place
    }

    /// The place of the client that started this process.
    pub(crate) fn of_client(name: String) -> Self {
        Self { name, is_mine: false }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The folder of sockets and of other peers' files.
    pub(crate) fn folder(&self) -> PathBuf {
        std::env::temp_dir().join(&self.name)
    }

    pub(super) fn page(&self) -> PathBuf {
        PathBuf::from(SHARED_MEMORY).join(format!("{}-page", self.name))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_mine {
            remove(&self.name);
        }
    }
}

/// Removes what carries `name`: killed servers leave objects behind, and so do some peers that end by themselves.
fn remove(name: &str) {
    let temporary = std::env::temp_dir();
    for folder in [PathBuf::from(SHARED_MEMORY), temporary] {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().contains(name) {
                let _ = if entry.path().is_dir() {
                    fs::remove_dir_all(entry.path())
                } else {
                    fs::remove_file(entry.path())
                };
            }
        }
    }
}

/// Ends the servers and removes their traces on SIGINT and SIGTERM.
pub(crate) fn clean_up_when_interrupted() {
    let wait = async {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt()).and_then(|i| Ok((i, signal(SignalKind::terminate())?)));
        let (mut interrupt, mut terminate) = interrupt.expect("signals can be handled");
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime can be built");
    let thread = std::thread::Builder::new().name("interrupts".to_owned()).spawn(move || {
        runtime.block_on(wait);
        servers::kill_all();
        remove(&RUN);
        std::process::exit(130);
    });
    thread.expect("a thread can be started");
}
