//! Metrics of a crate that is built without them: nothing. The names are those of `metered.rs`.

use std::time::Duration;

use http::{Method, StatusCode};

use super::SlotCounts;
use crate::protocol::{BusName, OwnerToken};

pub(crate) const METERED: bool = false;

#[derive(Debug, Clone)]
pub(crate) struct WorkerMeters;

impl WorkerMeters {
    pub(crate) fn new(_: &BusName) -> Self {
        Self
    }

    pub(super) fn request(&self, _: &Method, _: Option<Duration>) -> RequestMeter {
        RequestMeter
    }

    pub(crate) fn came_late(&self) {}

    pub(crate) fn was_malformed(&self) {}

    pub(crate) fn has_spun(&self, _: bool) {}

    pub(crate) fn was_woken(&self) {}
}

#[derive(Debug)]
pub(super) struct RequestMeter;

impl RequestMeter {
    pub(super) fn matched(&self, _: &str) {}

    pub(super) fn answered(&self, _: StatusCode, _: Duration) {}
}

#[derive(Debug, Clone)]
pub(crate) struct HubMeters;

impl HubMeters {
    pub(crate) const COUNTS_SLOTS: bool = false;

    pub(crate) fn new(_: &BusName) -> Self {
        Self
    }

    pub(crate) fn call(&self) -> CallMeter {
        CallMeter
    }

    pub(crate) fn workers_died(&self, _: &[OwnerToken]) {}

    pub(crate) fn region_retired(&self) {}

    pub(crate) fn slots(&self) -> SlotMeter {
        SlotMeter
    }
}

#[derive(Debug)]
pub(crate) struct CallMeter;

impl CallMeter {
    pub(crate) fn ended(self, _: &'static str) {}
}

#[derive(Debug)]
pub(crate) struct SlotMeter;

impl SlotMeter {
    pub(crate) fn show(&mut self, _: SlotCounts) {}
}

#[cfg(feature = "gateway")]
#[derive(Debug)]
pub(crate) struct GatewayMeters;

#[cfg(feature = "gateway")]
impl GatewayMeters {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn request(&self, _: &Method) -> GatewayMeter {
        GatewayMeter
    }
}

#[cfg(feature = "gateway")]
#[derive(Debug)]
pub(crate) struct GatewayMeter;

#[cfg(feature = "gateway")]
impl GatewayMeter {
    pub(crate) fn matched(&mut self, _: &str) {}

    pub(crate) fn kept(&mut self, _: &'static str) {}

    pub(crate) fn answered(self, _: StatusCode) {}
}
