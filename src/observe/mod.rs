//! What others may see of requests and of a bus: one span for each request, the trace it belongs to, metrics.
//!
//! ```text
//!   claimed ─► Watch::begin   one look at the clock, if anybody wants to know
//!     read ──► Watch::observe the span; from here on the lease and whoever polls the handler hold the `Observation`
//!   routed ──► Observed::matched, by the router, through the request's context
//! answered ──► Observation::ended, by the lease
//! ```
//!
//! May use `protocol` and `signal`. What stays true: who is not looked at pays one comparison, without the feature `metrics`; nothing here decides what a
//! request is answered; labels of metrics are route patterns, methods and statuses, never anything a caller chose.

#[cfg(feature = "metrics")]
mod metered;
// The same names, which do nothing.
#[cfg(not(feature = "metrics"))]
#[path = "unmetered.rs"]
mod metered;
mod request;
mod trace_context;

#[cfg(all(feature = "gateway", not(loom)))]
pub(crate) use self::metered::{GatewayMeter, GatewayMeters};
pub(crate) use self::metered::{HubMeters, SlotMeter, WorkerMeters};
pub(crate) use self::request::{Observation, Observed, Subject, Watch};
pub use self::trace_context::{ParentId, TraceContext, TraceId};

/// What the slots of a hub are doing, as a gauge shows it. Each slot counts once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SlotCounts {
    /// Requests that no worker has claimed.
    pub(crate) ready: u32,
    /// Requests that a worker runs and a caller waits for.
    pub(crate) claimed: u32,
    /// Slots whose caller has given up and whose worker has not.
    pub(crate) zombies: u32,
}
