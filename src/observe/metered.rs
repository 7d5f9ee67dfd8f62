//! Metrics by the `metrics` facade.
//!
//! Handles are asked of the recorder once: those of a worker when it attaches, those of a hub when it is made, those of a
//! route at its first request, and then they are kept. What is in them for each request is atomic additions and one look
//! into a table that is only written to when a route is new.

mod hub;
mod names;
mod worker;

pub(crate) use self::hub::{HubMeters, SlotMeter};
pub(super) use self::worker::RequestMeter;
pub(crate) use self::worker::WorkerMeters;

/// Metrics are compiled in.
pub(super) const METERED: bool = true;
