//! What is wrong with an object.

use std::io;

/// Why an object was not opened. Nothing was written to it.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// No object has this name.
    #[error("/dev/shm/{0} does not exist")]
    Missing(String),
    /// The name was taken while the object was made.
    #[error("/dev/shm/{0} was made by another process meanwhile: try again, or choose another name")]
    Taken(String),
    /// The name belongs to something that is no plain file.
    #[error("/dev/shm/{name} is a {kind}, not a plain file: remove it or choose another name")]
    Kind {
        /// The object's name.
        name: String,
        /// What it is.
        kind: &'static str,
    },
    /// The object belongs to another user.
    #[error(
        "/dev/shm/{name} belongs to user {owner}, this process runs as user {user}: choose another name, or have both name the group they share"
    )]
    Owner {
        /// The object's name.
        name: String,
        /// Whom it belongs to.
        owner: u32,
        /// Who we are.
        user: u32,
    },
    /// Others may write to the object.
    #[error(
        "/dev/shm/{name} has mode {mode:04o}: others than its owner may write to it: take that right away, or name its group if it is that group's, or remove it if nobody uses it"
    )]
    Mode {
        /// The object's name.
        name: String,
        /// Its permission bits.
        mode: u32,
    },
    /// The object has another size than what it should hold.
    #[error("/dev/shm/{name} has {found} bytes instead of {expected}: it is no semaphore")]
    Size {
        /// The object's name.
        name: String,
        /// Its size in bytes.
        found: u64,
        /// The size of a semaphore.
        expected: u64,
    },
    /// The object could not be given to its group.
    #[error("/dev/shm/{name} could not be given to group {group}: run as a member of it, or name another")]
    Group {
        /// The object's name.
        name: String,
        /// The group that was named.
        group: u32,
        /// What the system said.
        source: io::Error,
    },
    /// The system said no.
    #[error("/dev/shm/{name} could not be {what}")]
    System {
        /// The object's name.
        name: String,
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl ObjectError {
    pub(crate) fn system(name: &str, what: &'static str, source: impl Into<io::Error>) -> Self {
        Self::System { name: name.to_owned(), what, source: source.into() }
    }

    /// Whether the name is simply not there.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_))
    }
}
