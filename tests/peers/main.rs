//! Our worker behind the published hubs, and our hub before the published workers, each pair over two processes.
//!
//! ```text
//! cargo test --test peers                  # 10,000 requests to a pair, not every method with every body
//! cargo test --test peers -- --full        # 100,000
//! ```
//!
//! This binary is its own peers: a trial starts it twice more, once as the hub, which drives the requests and checks
//! each answer, and once as the worker. Every pair runs the same plan; a line per pair says what came of it. The published
//! pairs run a shorter one with the same driver, for comparison only.

mod bus;
mod echo;
mod failed_reads;
mod hubs;
mod ledger;
mod load;
mod never_reset;
mod plan;
mod process;
mod report;
mod workers;

use std::sync::Mutex;

use libtest_mimic::{Arguments, Failed, Trial};

use self::bus::BusNames;
use self::process::{Peer, Role};
use self::report::Report;

/// Whose code a peer runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
enum Code {
    /// This crate; as a hub, with a region of version 1.
    Ours,
    /// This crate, with a region of version 2.
    OursV2,
    Published01,
    /// As a hub, with one request always in flight.
    Published01NeverReset,
    Published02,
}

impl Code {
    fn is_published(self) -> bool {
        !matches!(self, Self::Ours | Self::OursV2)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ours => "our",
            Self::OursV2 => "our version 2",
            Self::Published01 => "published 0.1.2",
            Self::Published01NeverReset => "0.1.2, no reset",
            Self::Published02 => "published 0.2.1",
        }
    }
}

fn main() {
    if let Some(role) = Role::of_this_process() {
        return role.run();
    }
    let (full, rest): (Vec<_>, Vec<_>) = std::env::args().partition(|argument| argument == "--full");
    let divisor = if full.is_empty() { 10 } else { 1 };
    let mut arguments = Arguments::from_iter(rest);
    // Pairs share the machine badly.
    arguments.test_threads.get_or_insert(1);
    let pair = |name: &str, hub, worker| Trial::test(name, move || run(hub, worker, divisor));
    let trials = vec![
        Trial::test(
            "a_request_may_be_harmed_by_a_dispatch_that_began_in_its_flight",
            ledger::one_may_be_harmed_by_a_dispatch_that_began_in_its_flight,
        ),
        pair("behind_a_published_0_1_2_hub_our_worker_loses_and_mixes_up_nothing", Code::Published01, Code::Ours),
        pair(
            "behind_a_published_0_1_2_hub_that_never_resets_its_heap_our_worker_loses_and_mixes_up_nothing",
            Code::Published01NeverReset,
            Code::Ours,
        ),
        pair("behind_a_published_0_2_1_hub_our_worker_loses_and_mixes_up_nothing", Code::Published02, Code::Ours),
        pair("before_a_published_0_1_2_worker_our_hub_loses_and_mixes_up_nothing", Code::Ours, Code::Published01),
        pair("before_a_published_0_2_1_worker_our_hub_loses_and_mixes_up_nothing", Code::OursV2, Code::Published02),
        pair("between_our_hub_and_our_worker_nothing_is_lost_or_mixed_up", Code::Ours, Code::Ours),
        pair("between_our_version_2_hub_and_our_worker_nothing_is_lost_or_mixed_up", Code::OursV2, Code::Ours),
        pair("the_published_0_1_2_pair_runs_for_comparison", Code::Published01, Code::Published01),
        pair("the_published_0_2_1_pair_runs_for_comparison", Code::Published02, Code::Published02),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials);
    ROWS.lock().expect("no trial panics with it").iter().for_each(|row| println!("{row}"));
    conclusion.exit();
}

/// The table, a row for each pair that ran.
static ROWS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Runs one pair and judges what came of it.
fn run(hub_code: Code, worker_code: Code, divisor: u64) -> Result<(), Failed> {
    let names = BusNames::new();
    let mut hub = Peer::start(Role::Hub { code: hub_code, worker: worker_code, divisor }, &names)?;
    hub.read_line()?;
    let worker = Peer::start(Role::Worker { code: worker_code }, &names)?;
    let report = hub.read_line().and_then(|line| Ok(serde_json::from_str::<Report>(&line)?));
    // The worker first: its hub must still be there when it lets go of the last answers.
    let ends = (worker.finish(), hub.finish());
    let left = names.existing();
    drop(names);

    let row = format!("{:<15} hub, {:<15} worker: {}", hub_code.name(), worker_code.name(), report::row(&report));
    ROWS.lock().expect("no trial panics with it").push(row);
    if hub_code.is_published() && worker_code.is_published() {
        return Ok(());
    }
    let (worker_end, hub_end) = (ends.0?, ends.1?);
    let report = report?;
    report.judge()?;
    if !worker_end.success() || !hub_end.success() {
        return Err(format!("the worker ended with {worker_end}, the hub with {hub_end}").into());
    }
    let of_ours = left.iter().filter(|left| !bus::is_published_leftover(left, hub_code, worker_code));
    match of_ours.collect::<Vec<_>>() {
        left if left.is_empty() => Ok(()),
        left => Err(format!("left behind in /dev/shm: {left:?}").into()),
    }
}
