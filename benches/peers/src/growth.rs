//! Does it stay as fast when it grows: more slots, more worker processes on one region, handlers that take long?

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use slotbus::hub::{Hub, SlotState};

use crate::drive::{Caller, START_LIMIT, Sample, drive_tasks, runtime};
use crate::load::{Load, Pace};
use crate::pairs::ours::{HubCaller, WORKER, hub};
use crate::pairs::{OURS, Pair};
use crate::process::{Place, Servers, Setup};

/// One row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Size {
    /// GET, 1 in flight, on a region of so many slots.
    Slots(usize),
    /// The same while another request's handler computes all the time.
    BesideComputing,
    /// GET, 32 in flight, on a region of so many slots.
    BusySlots(usize),
    /// GET, 32 in flight, with so many worker processes.
    Workers(usize),
    /// As `Workers`, with a handler that waits for 1 ms.
    Waiting(usize),
}

pub(crate) const SIZES: [Size; 12] = [
    Size::Slots(1),
    Size::Slots(32),
    Size::Slots(256),
    Size::BesideComputing,
    Size::BusySlots(32),
    Size::BusySlots(256),
    Size::Workers(1),
    Size::Workers(2),
    Size::Workers(4),
    Size::Waiting(1),
    Size::Waiting(2),
    Size::Waiting(4),
];

/// One round of one size.
#[derive(Clone, Debug)]
pub(crate) struct Growth {
    pub(crate) sample: Sample,
    /// Share of the answers by each worker, the largest first.
    pub(crate) shares: Vec<f64>,
}

impl Size {
    pub(crate) fn name(self) -> String {
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        match self {
            Self::Slots(n) => format!("GET, 1 in flight, {}", count(n, "slot")),
            Self::BesideComputing => "GET, 1 in flight, beside a handler that computes".to_owned(),
            Self::BusySlots(n) => format!("GET, 32 in flight, {}", count(n, "slot")),
            Self::Workers(n) => format!("GET, 32 in flight, {}", count(n, "worker")),
            Self::Waiting(n) => format!("GET of 1 ms, 32 in flight, {}", count(n, "worker")),
        }
    }

    pub(crate) fn measure(self, length: Duration) -> Growth {
        let (slots, workers, in_flight, path) = match self {
            Self::Slots(n) => (n, 1, 1, "/worker"),
            Self::BesideComputing => (32, 1, 1, "/worker"),
            Self::BusySlots(n) => (n, 1, 32, "/worker"),
            Self::Workers(n) => (32, n, 32, "/worker"),
            Self::Waiting(n) => (32, n, 32, "/worker/later"),
        };
        let pair = Pair::by_name(OURS).expect("it is in the list");
        let setup = Setup { pair, place: Place::new(), load: Load::Get, in_flight };
        let hub = hub(&setup, |hub| hub.slots(slots));
        let servers = Servers::start(&setup, workers);
        let caller = || Counting { caller: HubCaller::for_worker(&hub, path), answers: BTreeMap::new() };
        let callers = (0..in_flight).map(|_| caller()).collect();
        let (sample, callers) = runtime().block_on(async {
            wait_for_all(caller(), workers).await;
            let computing = (self == Self::BesideComputing).then(|| tokio::spawn(compute(hub.clone())));
            while computing.is_some() && !hub.slots().contains(&SlotState::Claimed) {
                tokio::task::yield_now().await;
            }
            let driven = drive_tasks(callers, Pace::InFlight(in_flight), length, &servers).await;
            if let Some(computing) = computing {
                computing.abort();
            }
            driven
        });
        Growth { sample, shares: shares(&callers, workers) }
    }
}

/// Has a handler compute, and another when it is done.
async fn compute(hub: Hub) {
    let caller = HubCaller::for_worker(&hub, "/worker/computed");
    loop {
        caller.response().await.expect("a handler that computes answers");
    }
}

/// Waits until each worker has answered once: one that starts while others are measured takes a core from them.
async fn wait_for_all(mut caller: Counting, workers: usize) {
    let start = Instant::now();
    while caller.answers.len() < workers {
        assert!(start.elapsed() < START_LIMIT, "{} of {workers} workers answer", caller.answers.len());
        caller.call().await;
        // They park meanwhile, and the one that is parked for the longest is woken for the next.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Counts the answers of each worker.
struct Counting {
    caller: HubCaller,
    answers: BTreeMap<Vec<u8>, u64>,
}

impl Caller for Counting {
    async fn call(&mut self) -> bool {
        let Self { caller, answers } = self;
        let response = caller.response().await;
        let Some(worker) = response.as_ref().and_then(|response| response.headers().get(WORKER)) else { return false };
        match answers.get_mut(worker.as_bytes()) {
            Some(count) => *count += 1,
            None => drop(answers.insert(worker.as_bytes().to_vec(), 1)),
        }
        true
    }
}

fn shares(callers: &[Counting], workers: usize) -> Vec<f64> {
    let mut answers = BTreeMap::new();
    for (worker, count) in callers.iter().flat_map(|caller| &caller.answers) {
        *answers.entry(worker).or_insert(0) += count;
    }
    let all = answers.values().sum::<u64>().max(1) as f64;
    let mut shares: Vec<f64> = answers.values().map(|count| *count as f64 / all).collect();
    shares.resize(workers, 0.0);
    shares.sort_by(|a, b| b.total_cmp(a));
    shares
}
