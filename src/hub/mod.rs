//! The other end of a bus: [`Hub`] makes it and sends requests to whatever workers attach.
//!
//! ```text
//!   call ─► pool: a free slot, first come first served ─► board: the slot's entry ─► READY, ring
//!     ▲                                                                                 │
//!     └── copies the response out ◄── spins on its slot, or is woken by the watcher ◄── DONE, ring
//! ```
//!
//! Who sees an answer: the caller looks at its own slot, so an answer cannot be handed to the wrong one, and none is
//! lost that comes before anybody waits. Rings only say that it is time to look. A caller that will not spin counts itself
//! as interested, registers its waker in the slot's entry, and looks once more; whoever takes a ring afterwards, the
//! watcher or a caller that spins, sees the interest, scans all entries and wakes those whose slot is DONE. So between
//! "looked and not DONE" and "ring taken" no order loses a wake-up: the ring follows DONE, and the scan follows the ring.
//!
//! A slot belongs to its entry from dispatch until the entry saw DONE, withdrew the request or proved its worker dead.
//! A caller that gives up on a claimed request leaves a zombie there, which keeps the slot until then.

mod answer;
mod blocking;
mod board;
mod builder;
mod call;
mod deadline;
mod error;
mod lent;
mod pool;
mod service;
mod shared;
mod watcher;

pub use self::builder::{CreateError, HubBuilder};
pub use self::error::CallError;
pub use self::service::{Hub, HubFuture, SlotState};
pub use crate::protocol::Route;
