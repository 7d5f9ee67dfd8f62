//! Names, units and descriptions of all metrics. `docs/guides/observability.md` has them in a table, those of gateways
//! `docs/guides/gateway.md`.

use ::metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

pub(super) const REQUESTS: &str = "slotbus_requests_total";
pub(super) const REQUEST_DURATION: &str = "slotbus_request_duration_seconds";
pub(super) const QUEUE_TIME: &str = "slotbus_queue_time_seconds";
pub(super) const IN_FLIGHT: &str = "slotbus_requests_in_flight";
pub(super) const LATE: &str = "slotbus_late_responses_total";
pub(super) const PROTOCOL_ERRORS: &str = "slotbus_protocol_errors_total";
pub(super) const WAKES: &str = "slotbus_wakes_total";
pub(super) const SPINS: &str = "slotbus_spins_total";

pub(super) const HUB_CALLS: &str = "slotbus_hub_calls_total";
pub(super) const HUB_SLOTS: &str = "slotbus_hub_slots";
pub(super) const HUB_WORKERS_DIED: &str = "slotbus_hub_workers_died_total";
pub(super) const HUB_REGIONS_RETIRED: &str = "slotbus_hub_regions_retired_total";

#[cfg(feature = "gateway")]
pub(super) const GATEWAY_REQUESTS: &str = "slotbus_gateway_requests_total";
#[cfg(feature = "gateway")]
pub(super) const GATEWAY_DURATION: &str = "slotbus_gateway_request_duration_seconds";
#[cfg(feature = "gateway")]
pub(super) const GATEWAY_IN_FLIGHT: &str = "slotbus_gateway_requests_in_flight";

#[cfg(feature = "gateway")]
pub(super) fn describe_gateway() {
    describe_counter!(GATEWAY_REQUESTS, Unit::Count, "requests of HTTP clients, by route, method and status");
    describe_histogram!(GATEWAY_DURATION, Unit::Seconds, "from a request's head to the head of its answer");
    describe_gauge!(GATEWAY_IN_FLIGHT, Unit::Count, "requests of HTTP clients without an answer");
}

pub(super) fn describe_worker() {
    describe_counter!(REQUESTS, Unit::Count, "requests answered, by route, method and status");
    describe_histogram!(REQUEST_DURATION, Unit::Seconds, "from the claim of a request to its answer");
    describe_histogram!(QUEUE_TIME, Unit::Seconds, "how long requests waited for a worker to claim them");
    describe_gauge!(IN_FLIGHT, Unit::Count, "requests that are being handled");
    describe_counter!(LATE, Unit::Count, "answers dropped because their slot had moved on");
    describe_counter!(PROTOCOL_ERRORS, Unit::Count, "requests that could not be decoded");
    describe_counter!(WAKES, Unit::Count, "times a parked pump was woken by a ring");
    describe_counter!(SPINS, Unit::Count, "times a pump waited awake for a request, by whether one came");
}

pub(super) fn describe_hub() {
    describe_counter!(HUB_CALLS, Unit::Count, "calls, by outcome");
    describe_gauge!(HUB_SLOTS, Unit::Count, "slots that are ready, claimed, or zombies");
    describe_counter!(HUB_WORKERS_DIED, Unit::Count, "workers that died with requests in hand");
    describe_counter!(HUB_REGIONS_RETIRED, Unit::Count, "regions retired because their slots were stuck");
}
