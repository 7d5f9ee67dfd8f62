//! The other end of a bus: [`Hub`] makes it and sends requests to whatever workers attach.
//!
//! ```text
//!   call ─► pool: a free slot, first come first served ─► READY, ring
//!     ▲                                                       │
//!     └── copies the response out ◄── looks at its slot, awake or woken by the watcher ◄── DONE, a ring if asked for
//! ```
//!
//! Who sees an answer: the caller looks at its own slot, so an answer cannot be handed to the wrong one, and none is
//! lost that comes before anybody waits. Rings only say that it is time to look. A caller looks awake at first (`answer`),
//! and its answer has no ring. When that takes too long it counts itself as interested, says in its slot that it waits for a
//! ring, puts the slot with its waker on the board, and looks once more; whoever takes a ring afterwards, the watcher or a
//! caller that is awake, sees the interest, scans all entries and wakes those whose slot is DONE. So between "looked and not
//! DONE" and "ring taken" no order loses a wake-up: who answers after the look sees that a ring is asked for, the ring
//! follows DONE, and the scan follows the ring. Callers that are awake are counted too; while there are any the watcher
//! stays off the bell, so that a worker's ring is no system call, and looks once a millisecond instead.
//!
//! A slot belongs to its caller or its entry from dispatch until that saw DONE, withdrew the request or proved its worker
//! dead. A caller that gives up on a claimed request leaves a zombie on the board, which keeps the slot until then; so does
//! one that is answered while the worker still holds bytes of its request. A response whose body is lent keeps the slot by
//! itself (`lent`).

mod answer;
mod blocking;
mod board;
mod builder;
mod call;
mod deadline;
mod error;
#[cfg(all(feature = "tokio", not(loom)))]
mod faults;
mod guard;
mod ids;
mod lent;
mod lives;
mod manner;
mod pool;
#[cfg(feature = "tokio")]
mod retry;
mod sent;
mod service;
mod shared;
mod supervisor;
mod watch;
mod watcher;

pub use self::builder::{CreateError, HubBuilder};
pub use self::error::CallError;
#[cfg(all(feature = "tokio", not(loom)))]
pub(crate) use self::faults::NoRoomLeft;
#[cfg(feature = "tokio")]
pub use self::retry::RetryIdempotent;
#[cfg(all(feature = "gateway", not(loom)))]
pub(crate) use self::sent::Sent;
pub use self::service::{Hub, HubFuture};
pub use self::supervisor::{ProcessState, ReplaceError, Supervisor, SupervisorBuilder};
pub use crate::protocol::{Route, SlotState};

#[cfg(all(test, not(loom)))]
mod by_hand_tests;
#[cfg(all(test, not(loom)))]
mod crash_tests;
// Code with checks in it is too slow to be hot.
#[cfg(all(test, not(loom), not(sanitized)))]
mod locks_tests;
#[cfg(all(test, loom))]
mod loom_tests;
