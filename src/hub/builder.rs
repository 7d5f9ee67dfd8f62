//! What a hub is to be like.

use std::time::Duration;

use super::lives::Options;
use super::service::Hub;
use crate::bus::{Access, BusError, Founding};
use crate::protocol::{BusName, DEFAULT_PREFIX, Limits, NameError, Version};
use crate::report::reported;
use crate::slot::TrustedPeers;

/// Makes a [`Hub`]. Made by [`Hub::builder`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `create`"]
pub struct HubBuilder {
    name: String,
    prefix: String,
    version: Version,
    slots: usize,
    inline: usize,
    timeout: Duration,
    spin: Duration,
    limits: Limits,
    group: Option<u32>,
    trust: Option<TrustedPeers>,
    force: bool,
}

/// Why a hub was not made.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// The name cannot name a bus.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The bus could not be made.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The system gave no file descriptor to be woken by.
    #[error("no file descriptor is left: raise the limit of open files")]
    Descriptor(#[source] std::io::Error),
    /// The hub's threads could not be started.
    #[error("the hub's threads could not be started")]
    Thread(#[source] std::io::Error),
}

reported!(CreateError);

impl HubBuilder {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            prefix: DEFAULT_PREFIX.to_owned(),
            version: Version::V1,
            slots: 32,
            inline: 80 * 1024,
            timeout: Duration::from_secs(30),
            spin: Duration::from_micros(20),
            limits: Limits::default(),
            group: None,
            trust: None,
            force: false,
        }
    }

    /// The prefix of the bus: `slotbus` by default.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The protocol's version: 1 by default; published workers of 0.2.x need 2.
    pub fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// How many requests can be in flight at once: 1 to 256, by default 32. More callers wait their turn.
    pub fn slots(mut self, slots: usize) -> Self {
        self.slots = slots;
        self
    }

    /// How many bytes of a message, headers and body together, stay inside the region each way: 80 KiB by default.
    ///
    /// Longer bodies go through an object of their own. Path and headers have to fit: a request with longer ones is
    /// refused, a response replaced by a 500. The region takes twice this for each slot, reserved when it is
    /// made.
    pub fn inline_capacity(mut self, bytes: usize) -> Self {
        self.inline = bytes;
        self
    }

    /// How long a call may take, waiting for a free slot included: 30 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long a caller spins for its answer before it lets itself be woken: 20 µs by default, 50 µs at most.
    /// One that had to wake a worker first spins five times as long, 100 µs at most.
    pub fn spin(mut self, spin: Duration) -> Self {
        self.spin = spin;
        self
    }

    /// The longest body either way, in bytes: 64 MiB by default.
    pub fn message_limit(mut self, bytes: usize) -> Self {
        self.limits.body = bytes;
        self
    }

    /// The most headers of a message either way: 256 by default, 8,192 at most.
    ///
    /// A request with more is not sent, and a response with more is an error; as a gateway would say it, 431 and 502.
    pub fn header_limit(mut self, headers: usize) -> Self {
        self.limits.headers = headers.min(Limits::MOST_HEADERS);
        self
    }

    /// The most bytes that request bodies which do not fit into the region take in `/dev/shm` at once, all calls together:
    /// 256 MiB by default.
    ///
    /// A call that would exceed it fails with [`CallError::NoRoom`](super::CallError::NoRoom). An eighth of it, 32 MiB at
    /// most, may stay kept for the next bodies.
    pub fn overflow_limit(mut self, bytes: u64) -> Self {
        self.limits.overflow = bytes;
        self
    }

    /// Lets workers of other users use the bus, as far as they are members of the group with this number.
    ///
    /// Region, semaphores and request bodies then have mode 0660 and this group, and a worker that runs as another user
    /// names it too, with [`Serve::group`](crate::Serve::group). Every member of the group can then read and change every
    /// request and response, pretend to be a worker, and end this process by cutting the region short: name a group whose
    /// members are the bus's own.
    ///
    /// Where workers of several users share one bus, use [version](Self::version) 2: in version 1 all of them write a slot's
    /// long answers to the same name, which `/dev/shm` lets only its maker remove.
    pub fn group(mut self, gid: u32) -> Self {
        self.group = Some(gid);
        self
    }

    /// Has response bodies of 16 KiB and more lent to callers instead of copied.
    ///
    /// Such a body is read where its worker wrote it. Its slot stays taken until the last clone of its bytes is dropped,
    /// so who keeps bodies for long copies them or makes more slots. The promise is in [`TrustedPeers`].
    ///
    /// Its workers are best made with [`Serve::zero_copy`](crate::Serve::zero_copy): one that copies requests cannot do so while
    /// they are written.
    pub fn zero_copy(mut self, promise: TrustedPeers) -> Self {
        self.trust = Some(promise);
        self
    }

    /// Also replaces a region that does not prove its hub dead, as one that a published hub left behind.
    ///
    /// Only for a name that nobody uses: a published hub that is alive would go on writing into the region its workers
    /// have lost.
    pub fn replace_by_force(mut self) -> Self {
        self.force = true;
        self
    }

    /// Makes the bus: region and semaphores are there when this returns.
    ///
    /// # Errors
    /// When the name or the size is impossible, another hub of the name is alive, or the system says no.
    pub fn create(self) -> Result<Hub, CreateError> {
        let Self { name, prefix, version, slots, inline, timeout, spin, limits, group, trust, force } = self;
        let name = BusName::new(&prefix, &name)?;
        let (ahead, access) = (trust.is_none(), Access::of(group));
        let founding = Founding { version, slots, half: inline, ahead, force, access };
        Hub::start(Options { name, founding, limits, timeout, spin, trust })
    }
}
