//! Slots as leases: who holds one may do one thing with it, and doing it consumes the lease.
//!
//! ```text
//!   hub     ReservedSlot ─write─► WrittenSlot ─announce─► DispatchedSlot ─finished─► FinishedSlot ─read─► Reply
//!              │ drop: FREE        │ drop: FREE             │ withdraw, reap          │ free: FREE
//!   worker                    ClaimedSlot ──answer──► DONE
//!                                │ drop: answers 500
//! ```
//!
//! Who may access what in which state:
//! - WRITING: only the hub's `ReservedSlot` writes to the slot's fields, its request half and its request object. A worker may
//!   copy what it is told is there of a long body (`read_ahead`), which is nothing before it has claimed just that request.
//! - READY: nobody writes; whoever claims by compare-exchange may read the request.
//! - CLAIMED: only the `ClaimedSlot` whose exact word stands there reads the request and writes the response. The right
//!   to write is taken once per lease (`AnswerRight`), so a lease that a shutdown has answered for writes nothing more. The
//!   hub may copy what it is told is there of a long body, which is nothing before DONE.
//! - DONE: only the hub reads the response, then stores FREE; not before a worker that holds bytes of the request in
//!   place (`held`) has let go of them or is proven dead, and not before the hub's own user has of the response's.
//!
//! May use `protocol`, `region` and `bus`; knows neither tokio nor http's request and response.

mod attachment;
mod block;
mod claimed;
mod cursor;
mod dispatched;
mod finished;
mod hub_bus;
mod lend;
mod overflow;
mod payload;
mod placing;
mod read_ahead;
mod reserved;
mod rings;
mod shield;
mod views;
mod watched;

pub(crate) use self::attachment::Attachment;
pub(crate) use self::claimed::ClaimedSlot;
pub(crate) use self::cursor::ScanCursor;
pub(crate) use self::dispatched::{DispatchedSlot, Progress};
pub(crate) use self::hub_bus::HubBus;
pub(crate) use self::lend::{Keeper, LEND_FROM};
pub(crate) use self::read_ahead::ReadAhead;
pub(crate) use self::reserved::DispatchError;
pub(crate) use self::rings::{Parked, TURN_PATIENCE, most_awake};
pub(crate) use self::watched::Fate;
pub(crate) use crate::region::TrustedPeers;

#[cfg(all(test, not(loom)))]
mod bodies_tests;
#[cfg(test)]
mod golden_tests;
#[cfg(all(test, not(loom)))]
mod shared_mapping_tests;
#[cfg(all(test, not(loom)))]
mod model;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod foreign_tests;
#[cfg(all(test, not(loom)))]
mod read_ahead_tests;
#[cfg(all(test, not(loom)))]
mod rings_tests;
