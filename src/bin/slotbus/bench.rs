//! `slotbus bench`: load, and how long its answers take.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;
use std::io::{IsTerminal, Write};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use futures::future::{Either, join_all, select};
use hdrhistogram::Histogram;
use slotbus::hub::Hub;

use super::bus::{BusArguments, RequestArguments};
use super::measures::time;
use super::out::{line, told, unless_gone};
use super::signals::{Signals, interrupted};

/// Send many requests to the workers of a bus, and print how long the answers take.
///
/// Makes the bus NAME, as its hub, and waits for a worker. The first answer is not counted. Ctrl-C ends the load
/// early, a second one at once.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    #[command(flatten)]
    bus: BusArguments,
    #[command(flatten)]
    request: RequestArguments,
    /// Requests in flight at once.
    #[arg(short, long, default_value_t = 1)]
    concurrency: usize,
    /// How many requests.
    #[arg(short = 'n', long, default_value_t = 100_000, conflicts_with = "duration")]
    requests: u64,
    /// How long, instead of how many: 10s.
    #[arg(long, value_parser = time)]
    duration: Option<Duration>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What was counted. Latencies are nanoseconds.
#[derive(Debug)]
struct Counts {
    latencies: Histogram<u64>,
    statuses: BTreeMap<u16, u64>,
    errors: BTreeMap<String, u64>,
}

impl Counts {
    fn new() -> Self {
        let latencies = Histogram::new(3).expect("three digits are possible");
        Self { latencies, statuses: BTreeMap::new(), errors: BTreeMap::new() }
    }

    fn add(&mut self, other: Self) {
        self.latencies.add(other.latencies).expect("both grow by themselves");
        other.statuses.into_iter().for_each(|(status, count)| *self.statuses.entry(status).or_default() += count);
        other.errors.into_iter().for_each(|(error, count)| *self.errors.entry(error).or_default() += count);
    }
}

/// When the load ends. Its callers are of one thread.
struct End<'a> {
    left: Cell<u64>,
    at: Option<Instant>,
    /// Somebody has seen enough.
    stopped: &'a OnceLock<()>,
}

impl End<'_> {
    /// Whether there is another request to be sent.
    fn another(&self) -> bool {
        let left = self.left.get();
        let another = left > 0 && self.stopped.get().is_none() && self.at.is_none_or(|at| Instant::now() < at);
        self.left.set(left - u64::from(another));
        another
    }
}

impl Bench {
    pub(crate) fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let body = self.request.body()?;
        let signals = Signals::listen()?;
        let hub = self.bus.hub()?;
        let (answered, stopped) = (OnceLock::new(), OnceLock::new());
        let work = || {
            hub.call_blocking(self.request.request(body.clone())).map_err(|error| self.bus.failed(error))?;
            let _ = answered.set(());
            self.load(&hub, &body, &stopped)
        };
        let stop = || {
            // An answer may take its time; who asks twice does not wait for it.
            if stopped.set(()).is_err() || answered.get().is_none() {
                hub.close();
            }
        };
        let (ended, was_told) = signals.run(work, stop);
        match ended {
            Err(_) if was_told => Ok(interrupted()),
            ended => ended.map_err(|error| -> Box<dyn Error> { error }),
        }
    }

    /// Sends the requests and prints what came of them.
    fn load(&self, hub: &Hub, body: &Bytes, stopped: &OnceLock<()>) -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
        let total = if self.duration.is_some() { u64::MAX } else { self.requests };
        let started = Instant::now();
        let end = End { left: Cell::new(total), at: self.duration.map(|duration| started + duration), stopped };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let counts = runtime.block_on(async {
            let one = || load(hub, &end, || self.request.request(body.clone()));
            // On one task: hundreds of callers on one thread are what a hub is made for.
            let callers = join_all((0..self.concurrency.max(1)).map(|_| one()));
            let progress = pin!(self.show_progress(&end, total, started));
            // The progress never ends.
            let Either::Left((all, _)) = select(callers, progress).await;
            let mut counts = Counts::new();
            all.into_iter().for_each(|one| counts.add(one));
            counts
        });
        let took = started.elapsed();
        if std::io::stderr().is_terminal() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
        if self.json {
            unless_gone(line(json(&counts, took)))?;
        } else {
            unless_gone(line(text(&counts, took)))?;
        }
        Ok(if counts.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// A line on a terminal, twice a second; never ends.
    async fn show_progress(&self, end: &End<'_>, total: u64, started: Instant) -> Infallible {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            if !std::io::stderr().is_terminal() {
                continue;
            }
            let sent = total - end.left.get();
            let share = match self.duration {
                Some(duration) => started.elapsed().as_secs_f64() / duration.as_secs_f64(),
                None => sent as f64 / total.max(1) as f64,
            };
            let width = (share.clamp(0.0, 1.0) * 40.0) as usize;
            let (bar, percent, mut err) = ("=".repeat(width), share * 100.0, std::io::stderr());
            let _ = write!(err, "\r\x1b[K[{bar:40}] {percent:3.0} %  {sent} requests").and_then(|()| err.flush());
        }
    }
}

async fn load(hub: &Hub, end: &End<'_>, request: impl Fn() -> http::Request<slotbus::Body>) -> Counts {
    let mut counts = Counts::new();
    while end.another() {
        let sent = Instant::now();
        match hub.call(request()).await {
            Ok(response) => {
                let nanos = u64::try_from(sent.elapsed().as_nanos()).unwrap_or(u64::MAX);
                counts.latencies.record(nanos).expect("it grows by itself");
                *counts.statuses.entry(response.status().as_u16()).or_default() += 1;
            }
            Err(error) => *counts.errors.entry(told(&error)).or_default() += 1,
        }
    }
    counts
}

const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1000.0
}

fn json(counts: &Counts, took: Duration) -> serde_json::Value {
    let latencies = &counts.latencies;
    let mut micros_at: serde_json::Map<_, _> = QUANTILES
        .iter()
        .map(|&(name, quantile)| (name.to_owned(), micros(latencies.value_at_quantile(quantile)).into()))
        .collect();
    micros_at.insert("max".to_owned(), micros(latencies.max()).into());
    serde_json::json!({
        "answers": latencies.len(),
        "seconds": took.as_secs_f64(),
        "per_second": latencies.len() as f64 / took.as_secs_f64(),
        "micros": micros_at,
        "statuses": counts.statuses,
        "errors": counts.errors,
    })
}

fn text(counts: &Counts, took: Duration) -> String {
    let latencies = &counts.latencies;
    let per_second = latencies.len() as f64 / took.as_secs_f64();
    let mut lines = vec![format!("{} answers in {took:.2?}, {per_second:.0} a second", latencies.len())];
    for (name, quantile) in QUANTILES {
        lines.push(format!("  {name:6} {:10.2} µs", micros(latencies.value_at_quantile(quantile))));
    }
    lines.push(format!("  {:6} {:10.2} µs", "max", micros(latencies.max())));
    for (status, count) in &counts.statuses {
        lines.push(format!("  status {status}: {count}"));
    }
    for (error, count) in &counts.errors {
        lines.push(format!("  {error}: {count}"));
    }
    lines.join("\n")
}
