//! Closed-loop callers and the worker's process.

use std::fmt;
use std::future::Future;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::{BUS, Pair, ROLE};

/// What is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Workload {
    /// No body, five headers, answered with 13 bytes.
    Get,
    /// A body of so many bytes, sent back.
    Echo(usize),
}

/// One row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cell {
    pub(crate) workload: Workload,
    pub(crate) in_flight: usize,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let workload = match self.workload {
            Workload::Get => "GET".to_owned(),
            Workload::Echo(len) if len >= 1 << 20 => format!("echo {} MiB", len >> 20),
            Workload::Echo(len) => format!("echo {} KiB", len >> 10),
        };
        f.pad(&format!("{workload}, {} in flight", self.in_flight))
    }
}

/// What one round measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) per_second: f64,
    pub(crate) lost: u64,
    pub(crate) sent: u64,
}

/// The headers of the GET workload.
pub(crate) const HEADERS: [(&str, &str); 5] = [
    ("host", "localhost:3000"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101"),
    ("accept", "application/json, text/plain, */*"),
    ("accept-encoding", "gzip, deflate, br"),
    ("authorization", "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"),
];

/// What the GET workload answers.
pub(crate) const HELLO: &str = "Hello, World!";

/// Runs `call` in a closed loop of `in_flight` tasks for `length`; a call that yields false was lost.
pub(crate) async fn drive<C, F>(in_flight: usize, length: Duration, call: C) -> Sample
where
    C: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = bool> + Send,
{
    // Both sides warm up: pages, caches, the first parked wake-ups.
    for _ in 0..200 {
        call().await;
    }
    let totals = Arc::new(Mutex::new((histogram(), 0, 0)));
    let start = Instant::now();
    let tasks: Vec<_> = (0..in_flight)
        .map(|_| {
            let (call, totals) = (call.clone(), Arc::clone(&totals));
            tokio::spawn(async move {
                let (mut latencies, mut sent, mut lost) = (histogram(), 0, 0);
                let mut now = Instant::now();
                while now - start < length {
                    let answered = call().await;
                    let end = Instant::now();
                    sent += 1;
                    if answered {
                        latencies.saturating_record((end - now).as_nanos() as u64);
                    } else {
                        lost += 1;
                    }
                    now = end;
                }
                let mut totals = totals.lock().unwrap();
                totals.0.add(latencies).unwrap();
                totals.1 += sent;
                totals.2 += lost;
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let elapsed = start.elapsed();
    let (latencies, sent, lost) = &*totals.lock().unwrap();
    let at = |quantile| Duration::from_nanos(latencies.value_at_quantile(quantile));
    let per_second = (sent - lost) as f64 / elapsed.as_secs_f64();
    Sample { p50: at(0.5), p99: at(0.99), per_second, lost: *lost, sent: *sent }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are in order")
}

/// A runtime as the hubs are driven from.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be built")
}

/// The worker's process, ended when dropped.
pub(crate) struct WorkerProcess(Child);

impl WorkerProcess {
    pub(crate) fn start(pair: Pair, bus: &str) -> Self {
        let executable = std::env::current_exe().expect("the own executable has a path");
        let child = Command::new(executable).env(ROLE, pair.role()).env(BUS, bus).spawn();
        Self(child.expect("the worker's process can be started"))
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A name of its own for each run.
pub(crate) fn bus_name() -> String {
    format!("bench-{}", uuid::Uuid::new_v4())
}
