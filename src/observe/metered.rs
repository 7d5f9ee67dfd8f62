//! Metrics by the `metrics` facade.
//!
//! Handles are asked of the recorder once: those of a worker when it attaches, those of a hub when it is made, those of a
//! route when its first request is answered. From then on a request costs what the recorder's handles cost, and looks into
//! tables that are only written to when a route or a status is new.

#[cfg(feature = "gateway")]
mod gateway;
mod hub;
mod labels;
mod names;
mod worker;

#[cfg(feature = "gateway")]
pub(crate) use self::gateway::{GatewayMeter, GatewayMeters};
pub(crate) use self::hub::{HubMeters, SlotMeter};
pub(super) use self::worker::RequestMeter;
pub(crate) use self::worker::WorkerMeters;

/// Metrics are compiled in.
pub(super) const METERED: bool = true;
