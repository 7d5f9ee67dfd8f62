//! A worker's metrics.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use ::metrics::{Counter, Gauge, Histogram, SharedString, counter, gauge, histogram};
use http::{Method, StatusCode};

use super::names;
use crate::protocol::{BusName, METHOD_OPTIONS, method_to_u8, u8_to_method};

/// The metrics of a worker on one bus.
#[derive(Debug, Clone)]
pub(crate) struct WorkerMeters(Arc<Meters>);

#[derive(Debug)]
struct Meters {
    bus: SharedString,
    /// By pattern. Only patterns of the worker's own router come in, so there is an end of them.
    routes: RwLock<HashMap<Box<str>, Arc<RouteMeters>>>,
    /// Of requests that no route was chosen for.
    unrouted: Arc<RouteMeters>,
    queue_time: Histogram,
    in_flight: Gauge,
    late: Counter,
    protocol_errors: Counter,
    wakes: Counter,
    spins_paid: Counter,
    spins_missed: Counter,
}

impl WorkerMeters {
    /// Asks the recorder that is installed now for the metrics of a worker on `bus`.
    pub(crate) fn new(bus: &BusName) -> Self {
        names::describe_worker();
        let bus = SharedString::from(bus.to_string());
        let spins = |outcome: &'static str| counter!(names::SPINS, "bus" => bus.clone(), "outcome" => outcome);
        Self(Arc::new(Meters {
            routes: RwLock::default(),
            unrouted: Arc::new(RouteMeters::new(&bus, "")),
            queue_time: histogram!(names::QUEUE_TIME, "bus" => bus.clone()),
            in_flight: gauge!(names::IN_FLIGHT, "bus" => bus.clone()),
            late: counter!(names::LATE, "bus" => bus.clone()),
            protocol_errors: counter!(names::PROTOCOL_ERRORS, "bus" => bus.clone()),
            wakes: counter!(names::WAKES, "bus" => bus.clone()),
            spins_paid: spins("found"),
            spins_missed: spins("parked"),
            bus,
        }))
    }

    /// A request begins.
    pub(in crate::observe) fn request(&self, method: &Method, queued: Option<Duration>) -> RequestMeter {
        let Self(meters) = self;
        meters.in_flight.increment(1.0);
        if let Some(queued) = queued {
            meters.queue_time.record(queued);
        }
        let route = Mutex::new(Arc::clone(&meters.unrouted));
        RequestMeter { meters: self.clone(), method: method_to_u8(method.as_str()), route }
    }

    /// An answer was dropped because its slot had moved on.
    pub(crate) fn came_late(&self) {
        self.0.late.increment(1);
    }

    /// A request could not be decoded.
    pub(crate) fn was_malformed(&self) {
        self.0.protocol_errors.increment(1);
    }

    /// A pump has waited awake, and found a request or not.
    pub(crate) fn has_spun(&self, found: bool) {
        let Self(meters) = self;
        if found { &meters.spins_paid } else { &meters.spins_missed }.increment(1);
    }

    /// A parked pump was woken by a ring.
    pub(crate) fn was_woken(&self) {
        self.0.wakes.increment(1);
    }

    fn route(&self, pattern: &str) -> Arc<RouteMeters> {
        let Self(meters) = self;
        let known = meters.routes.read().unwrap_or_else(PoisonError::into_inner).get(pattern).cloned();
        known.unwrap_or_else(|| {
            let mut routes = meters.routes.write().unwrap_or_else(PoisonError::into_inner);
            let new = || Arc::new(RouteMeters::new(&meters.bus, pattern));
            Arc::clone(routes.entry(pattern.into()).or_insert_with(new))
        })
    }
}

/// The metrics of one route.
#[derive(Debug)]
struct RouteMeters {
    bus: SharedString,
    /// Empty for requests without one.
    pattern: SharedString,
    /// By the method's code.
    durations: [OnceLock<Histogram>; METHOD_OPTIONS as usize + 1],
    /// By the method's code and the status.
    answers: RwLock<HashMap<(u8, u16), Counter>>,
}

impl RouteMeters {
    fn new(bus: &SharedString, pattern: &str) -> Self {
        let pattern = SharedString::from(pattern.to_owned());
        Self { bus: bus.clone(), pattern, durations: Default::default(), answers: RwLock::default() }
    }

    fn answered(&self, method: u8, status: StatusCode, latency: Duration) {
        let Self { bus, pattern, durations, answers } = self;
        let name = u8_to_method(method);
        let duration = durations[usize::from(method)].get_or_init(
            || histogram!(names::REQUEST_DURATION, "bus" => bus.clone(), "route" => pattern.clone(), "method" => name),
        );
        duration.record(latency);
        let key = (method, status.as_u16());
        if let Some(counter) = answers.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return counter.increment(1);
        }
        let mut answers = answers.write().unwrap_or_else(PoisonError::into_inner);
        let counter = answers.entry(key).or_insert_with(|| {
            counter!(
                names::REQUESTS,
                "bus" => bus.clone(), "route" => pattern.clone(), "method" => name, "status" => status.as_u16().to_string()
            )
        });
        counter.increment(1);
    }
}

/// The metrics of one request. Dropped, it is no longer in flight.
#[derive(Debug)]
pub(in crate::observe) struct RequestMeter {
    meters: WorkerMeters,
    /// The method's code; the wire has no other methods.
    method: u8,
    route: Mutex<Arc<RouteMeters>>,
}

impl RequestMeter {
    /// The request goes to the route with this pattern.
    pub(in crate::observe) fn matched(&self, pattern: &str) {
        *self.route.lock().unwrap_or_else(PoisonError::into_inner) = self.meters.route(pattern);
    }

    /// The request is answered.
    pub(in crate::observe) fn answered(&self, status: StatusCode, latency: Duration) {
        let route = Arc::clone(&self.route.lock().unwrap_or_else(PoisonError::into_inner));
        route.answered(self.method, status, latency);
    }
}

impl Drop for RequestMeter {
    fn drop(&mut self) {
        self.meters.0.in_flight.decrement(1.0);
    }
}
