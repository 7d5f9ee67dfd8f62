//! A hub's metrics.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use ::metrics::{Counter, Gauge, SharedString, counter, gauge};

use super::labels::Labels;
use super::names;
use crate::observe::SlotCounts;
use crate::protocol::{BusName, OwnerToken};

/// Buses that this process has had hubs of. A gateway's are called as its workers please.
static BUSES: LazyLock<Labels> = LazyLock::new(|| Labels::new(1024));

/// The metrics of a hub.
#[derive(Debug, Clone)]
pub(crate) struct HubMeters(Arc<Meters>);

#[derive(Debug)]
struct Meters {
    bus: SharedString,
    /// By outcome, as outcomes come.
    calls: Mutex<Vec<(&'static str, Counter)>>,
    workers_died: Counter,
    /// Those that were counted: one that had several requests in hand is found dead several times.
    dead: Mutex<HashSet<OwnerToken>>,
    regions_retired: Counter,
    /// Ready, claimed, zombies.
    slots: [Gauge; 3],
}

impl HubMeters {
    /// Somebody may look at the gauges of slots.
    pub(crate) const COUNTS_SLOTS: bool = true;

    /// Asks the recorder that is installed now for the metrics of the hub of `bus`.
    pub(crate) fn new(bus: &BusName) -> Self {
        names::describe_hub();
        let bus = BUSES.label(&bus.to_string());
        let slots = |state: &'static str| gauge!(names::HUB_SLOTS, "bus" => bus.clone(), "state" => state);
        Self(Arc::new(Meters {
            calls: Mutex::default(),
            workers_died: counter!(names::HUB_WORKERS_DIED, "bus" => bus.clone()),
            dead: Mutex::default(),
            regions_retired: counter!(names::HUB_REGIONS_RETIRED, "bus" => bus.clone()),
            slots: ["ready", "claimed", "zombie"].map(slots),
            bus,
        }))
    }

    /// A call begins.
    pub(crate) fn call(&self) -> CallMeter {
        CallMeter { meters: self.clone(), outcome: GIVEN_UP }
    }

    /// Workers died with requests in hand.
    pub(crate) fn workers_died(&self, workers: &[OwnerToken]) {
        let mut dead = self.0.dead.lock().unwrap_or_else(PoisonError::into_inner);
        let new = workers.iter().filter(|worker| dead.insert(**worker)).count();
        self.0.workers_died.increment(new as u64);
    }

    /// A region was retired for another.
    pub(crate) fn region_retired(&self) {
        self.0.regions_retired.increment(1);
    }

    /// The gauges of one life of the hub.
    pub(crate) fn slots(&self) -> SlotMeter {
        SlotMeter { meters: self.clone(), shown: SlotCounts::default() }
    }

    fn called(&self, outcome: &'static str) {
        let Self(meters) = self;
        let mut calls = meters.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, counter)) = calls.iter().find(|(known, _)| *known == outcome) {
            return counter.increment(1);
        }
        let counter = counter!(names::HUB_CALLS, "bus" => meters.bus.clone(), "outcome" => outcome);
        counter.increment(1);
        calls.push((outcome, counter));
    }
}

/// The outcome of a call whose future was dropped.
const GIVEN_UP: &str = "given_up";

/// One call. Dropped before it has ended it was given up.
#[derive(Debug)]
pub(crate) struct CallMeter {
    meters: HubMeters,
    outcome: &'static str,
}

impl CallMeter {
    /// The call has ended like this.
    pub(crate) fn ended(mut self, outcome: &'static str) {
        self.outcome = outcome;
    }
}

impl Drop for CallMeter {
    fn drop(&mut self) {
        // Not while this thread unwinds: what has panicked may be the recorder.
        if !std::thread::panicking() {
            self.meters.called(self.outcome);
        }
    }
}

/// What one life of a hub adds to its gauges; nothing any more when it is dropped.
///
/// Differences are added, because a retired region and its successor have the same gauges.
#[derive(Debug)]
pub(crate) struct SlotMeter {
    meters: HubMeters,
    shown: SlotCounts,
}

impl SlotMeter {
    /// Shows these numbers from now on.
    pub(crate) fn show(&mut self, counts: SlotCounts) {
        let former = std::mem::replace(&mut self.shown, counts);
        let numbers = |SlotCounts { ready, claimed, zombies }: SlotCounts| [ready, claimed, zombies].map(f64::from);
        let changes = numbers(counts).into_iter().zip(numbers(former)).map(|(now, before)| now - before);
        for (gauge, change) in self.meters.0.slots.iter().zip(changes) {
            gauge.increment(change);
        }
    }
}

impl Drop for SlotMeter {
    fn drop(&mut self) {
        // Not while this thread unwinds: what has panicked may be the recorder.
        if !std::thread::panicking() {
            self.show(SlotCounts::default());
        }
    }
}
