//! What is written down: one record for everything that happens, appended by one write, so that a kill leaves it whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::time::{ClockId, clock_gettime};

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// A client sends a request.
    Sent = 1,
    /// Its response came, whole, and its own.
    Answered,
    /// An error came, because the worker died.
    WorkerDied,
    /// An error came, because the time was up.
    TimedOut,
    /// Another error came.
    Failed,
    /// A response came that is not the request's own.
    Wrong,
    /// A handler runs.
    Executed,
    /// A hub has made its bus.
    Created,
    /// A worker is killed.
    WorkerKilled,
    /// A hub is killed.
    HubKilled,
    /// A hub that ended has this many file descriptors more or less than before it began.
    Descriptors,
}

impl Event {
    const ALL: [Self; 11] = [
        Self::Sent,
        Self::Answered,
        Self::WorkerDied,
        Self::TimedOut,
        Self::Failed,
        Self::Wrong,
        Self::Executed,
        Self::Created,
        Self::WorkerKilled,
        Self::HubKilled,
        Self::Descriptors,
    ];
}

/// One record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) event: Event,
    /// The request, or what else the event is about.
    pub(crate) what: u64,
    /// CLOCK_MONOTONIC in nanoseconds, the same for all processes.
    pub(crate) at: u64,
}

const LEN: usize = 24;

/// One process's book.
pub(crate) struct Book(File);

impl Book {
    pub(crate) fn open(folder: &Path, name: &str) -> io::Result<Self> {
        Ok(Self(File::options().create(true).append(true).open(folder.join(name))?))
    }

    /// Writes a record; it is there for good when this returns.
    pub(crate) fn write(&self, event: Event, what: u64) {
        let mut bytes = [0; LEN];
        bytes[0] = event as u8;
        bytes[8..16].copy_from_slice(&what.to_le_bytes());
        bytes[16..].copy_from_slice(&now().to_le_bytes());
        // One write of an O_APPEND file: nobody's record is torn or interleaved.
        assert_eq!((&self.0).write(&bytes).expect("the books can be written"), LEN);
    }
}

/// Everything that was written down.
pub(crate) struct Books {
    folder: PathBuf,
}

impl Books {
    pub(crate) fn new() -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("slotbus-torture-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// All records, by the book they stand in.
    pub(crate) fn read(&self) -> io::Result<Vec<(String, Vec<Record>)>> {
        let mut books = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name().into_string().expect("books have plain names");
            let bytes = fs::read(entry.path())?;
            let record = |bytes: &[u8]| {
                let field = |at: usize| u64::from_le_bytes(bytes[at..][..8].try_into().expect("eight bytes"));
                let event = Event::ALL.into_iter().find(|&event| event as u8 == bytes[0]);
                Record { event: event.expect("a known event"), what: field(8), at: field(16) }
            };
            books.push((name, bytes.chunks_exact(LEN).map(record).collect()));
        }
        Ok(books)
    }
}

impl Drop for Books {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// CLOCK_MONOTONIC in nanoseconds.
pub(crate) fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Open file descriptors of a process.
pub(crate) fn descriptors(pid: u32) -> io::Result<u64> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count() as u64)
}
