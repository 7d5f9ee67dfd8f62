//! A gateway's metrics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::metrics::{Gauge, SharedString, counter, gauge, histogram};
use http::{Method, StatusCode};

use super::labels::Labels;
use super::names;

/// What is counted of a client that has gone before its answer.
const GONE: &str = "499";

/// The metrics of a gateway.
#[derive(Debug)]
pub(crate) struct GatewayMeters {
    in_flight: Gauge,
    /// Patterns of workers that were asked for.
    routes: Arc<Labels>,
}

/// How many patterns are labels: as many as may be registered at a time, unless its builder says otherwise.
const ROUTES: usize = 16 << 10;

impl GatewayMeters {
    /// Asks the recorder that is installed now.
    pub(crate) fn new() -> Self {
        names::describe_gateway();
        Self { in_flight: gauge!(names::GATEWAY_IN_FLIGHT), routes: Arc::new(Labels::new(ROUTES)) }
    }

    /// A request begins.
    pub(crate) fn request(&self, method: &Method) -> GatewayMeter {
        self.in_flight.increment(1.0);
        const NAMED: [Method; 8] = [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::PATCH,
            Method::HEAD,
            Method::OPTIONS,
            Method::CONNECT,
        ];
        // Clients may invent methods, and labels are to have an end.
        let method =
            NAMED.iter().find(|known| *known == method).map_or("other".into(), |known| known.to_string().into());
        let (in_flight, routes) = (self.in_flight.clone(), Arc::clone(&self.routes));
        GatewayMeter { in_flight, routes, method, route: "".into(), begun: Instant::now(), status: None }
    }
}

/// The metrics of one request. Dropped, it is no longer in flight; before it was answered its client has gone.
#[derive(Debug)]
pub(crate) struct GatewayMeter {
    in_flight: Gauge,
    routes: Arc<Labels>,
    method: SharedString,
    route: SharedString,
    begun: Instant,
    status: Option<(StatusCode, Duration)>,
}

impl GatewayMeter {
    /// The request goes to the route with this pattern.
    pub(crate) fn matched(&mut self, pattern: &str) {
        self.route = self.routes.label(pattern);
    }

    /// The gateway itself answers the request, by this route of its own.
    pub(crate) fn kept(&mut self, route: &'static str) {
        self.route = route.into();
    }

    /// The request is answered.
    pub(crate) fn answered(mut self, status: StatusCode) {
        self.status = Some((status, self.begun.elapsed()));
    }
}

impl Drop for GatewayMeter {
    fn drop(&mut self) {
        self.in_flight.decrement(1.0);
        let (method, route) = (self.method.clone(), self.route.clone());
        let status = self.status.map_or(GONE.into(), |(status, _)| SharedString::from(status.as_u16().to_string()));
        counter!(names::GATEWAY_REQUESTS, "method" => method.clone(), "route" => route.clone(), "status" => status)
            .increment(1);
        if let Some((_, latency)) = self.status {
            histogram!(names::GATEWAY_DURATION, "method" => method, "route" => route).record(latency);
        }
    }
}
