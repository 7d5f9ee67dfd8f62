//! Clients that send as a cell says, and what they find out.
//!
//! [`tasks`] drives callers that are futures, on one runtime thread; [`engine`] drives those that block or poll.

mod engine;
mod tasks;
mod ticks;

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;

pub(crate) use self::engine::{Engine, closed, drive_engine};
pub(crate) use self::tasks::{Caller, drive_tasks, runtime};
use crate::process::{Servers, own_cpu};

/// A call that is not answered by then is lost.
pub(crate) const LIMIT: Duration = Duration::from_millis(200);

/// How long a server may take to answer its first request.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(10);

/// Between a warm-up and an idle measurement: what is on its way to sleep gets there.
const SETTLE: Duration = Duration::from_millis(300);

/// Calls before an idle measurement.
const IDLE_WARM_UP: usize = 1000;

/// What one round found for one pair in one cell.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Sample {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) per_second: f64,
    pub(crate) sent: u64,
    pub(crate) lost: u64,
    /// CPU time of the server processes, in all.
    pub(crate) server_cpu_ms: f64,
    /// CPU time of the client process, in all.
    pub(crate) client_cpu_ms: f64,
    pub(crate) seconds: f64,
    /// Peak memory of a server process.
    pub(crate) peak_kib: u64,
    /// How long a line of memory took to another core and back, just before or just after: the longer time. None on one core.
    pub(crate) line_us: Option<f64>,
}

impl Sample {
    /// CPU µs for each answer: of the server, of the client.
    pub(crate) fn cpu_per_request(&self) -> (f64, f64) {
        let answered = (self.sent - self.lost).max(1) as f64;
        (self.server_cpu_ms * 1e3 / answered, self.client_cpu_ms * 1e3 / answered)
    }
}

/// Latencies and losses.
pub(crate) struct Tally {
    latencies: Histogram<u64>,
    sent: u64,
    lost: u64,
}

impl Tally {
    pub(crate) fn new() -> Self {
        let latencies = Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are in order");
        Self { latencies, sent: 0, lost: 0 }
    }

    /// Counts one call that was sent at `start`.
    pub(crate) fn count(&mut self, start: Instant, end: Instant, is_answered: bool) {
        self.sent += 1;
        if is_answered {
            self.latencies.saturating_record((end - start).as_nanos() as u64);
        } else {
            self.lost += 1;
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        let Self { latencies, sent, lost } = other;
        self.latencies.add(latencies).expect("all histograms have the same bounds");
        self.sent += sent;
        self.lost += lost;
    }
}

/// Time and CPU time of both sides, from [`Meter::start`] on.
struct Meter<'a> {
    servers: &'a Servers,
    start: Instant,
    server_cpu: Duration,
    client_cpu: Duration,
}

impl<'a> Meter<'a> {
    fn start(servers: &'a Servers) -> Self {
        Self { servers, server_cpu: servers.cpu(), client_cpu: own_cpu(), start: Instant::now() }
    }

    fn stop(self, tally: &Tally) -> Sample {
        let Self { servers, start, server_cpu, client_cpu } = self;
        let elapsed = start.elapsed();
        let millis = |duration: Duration| duration.as_secs_f64() * 1e3;
        let at = |quantile| tally.latencies.value_at_quantile(quantile) as f64 / 1e3;
        Sample {
            p50_us: at(0.5),
            p99_us: at(0.99),
            per_second: (tally.sent - tally.lost) as f64 / elapsed.as_secs_f64(),
            sent: tally.sent,
            lost: tally.lost,
            client_cpu_ms: millis(own_cpu().saturating_sub(client_cpu)),
            server_cpu_ms: millis(servers.cpu().saturating_sub(server_cpu)),
            seconds: elapsed.as_secs_f64(),
            peak_kib: servers.peak_memory(),
            line_us: None,
        }
    }
}

/// How long to run unmeasured before `length` is measured: pages, caches, connections, the first parked wake-ups.
fn warm_up(length: Duration) -> Duration {
    (length / 5).clamp(Duration::from_millis(30), Duration::from_millis(200))
}
