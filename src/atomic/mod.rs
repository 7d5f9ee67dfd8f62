//! Atomics, and the lock and the call that threads wait with: those of std, or loom's when `--cfg loom` builds the models.
//!
//! Whatever synchronises threads takes its parts from here, so that a model runs the code itself and not a copy of it. Which
//! `Ordering` an access has is chosen in `protocol::status`, `protocol::words` and `sync`.

#[cfg(loom)]
mod modelled;
#[cfg(not(loom))]
mod native;

#[cfg(loom)]
pub(crate) use self::modelled::*;
#[cfg(not(loom))]
pub(crate) use self::native::*;
