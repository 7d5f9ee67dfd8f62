//! Round trips between two processes: this crate beside the published pairs, in one run.
//!
//! `cargo bench --bench roundtrip` prints p50, p99, requests per second and losses for GET at 1, 8 and 32 in flight and
//! for echoes of 1 KiB, 64 KiB and 1 MiB. Rounds are interleaved, so that what the machine does meanwhile meets all
//! alike; each figure is the median of the rounds. `--rounds N` and `--seconds N` (per cell) change the effort.

mod driver;
mod ours;
mod published;
mod report;

use std::time::Duration;

use self::driver::{Cell, Workload};
use self::report::Table;

/// Names the worker that this process is to be, when it is one.
const ROLE: &str = "SLOTBUS_BENCH_WORKER";
/// Names the bus of that worker.
const BUS: &str = "SLOTBUS_BENCH_BUS";

/// The pairs of hub and worker that are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pair {
    Ours,
    Published01,
    Published02,
}

impl Pair {
    const ALL: [Self; 3] = [Self::Ours, Self::Published01, Self::Published02];

    fn name(self) -> &'static str {
        match self {
            Self::Ours => "this crate",
            Self::Published01 => "published 0.1.2",
            Self::Published02 => "published 0.2.1",
        }
    }

    fn role(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Published01 => "0.1.2",
            Self::Published02 => "0.2.1",
        }
    }
}

const CELLS: [Cell; 6] = [
    Cell { workload: Workload::Get, in_flight: 1 },
    Cell { workload: Workload::Get, in_flight: 8 },
    Cell { workload: Workload::Get, in_flight: 32 },
    Cell { workload: Workload::Echo(1 << 10), in_flight: 1 },
    Cell { workload: Workload::Echo(64 << 10), in_flight: 1 },
    Cell { workload: Workload::Echo(1 << 20), in_flight: 1 },
];

fn main() {
    if let (Ok(role), Ok(bus)) = (std::env::var(ROLE), std::env::var(BUS)) {
        return match role.as_str() {
            "ours" => ours::worker(&bus),
            "0.1.2" => published::v01::worker(&bus),
            _ => published::v02::worker(&bus),
        };
    }
    let (rounds, length) = (argument("--rounds", 3) as usize, Duration::from_secs_f64(argument("--seconds", 1.0)));
    let mut table = Table::default();
    for round in 1..=rounds {
        for cell in CELLS {
            for pair in Pair::ALL {
                eprintln!("round {round}/{rounds}: {cell}, {}", pair.name());
                let sample = match pair {
                    Pair::Ours => ours::measure(cell, length),
                    Pair::Published01 => published::v01::measure(cell, length),
                    Pair::Published02 => published::v02::measure(cell, length),
                };
                table.add(cell, pair, sample);
            }
        }
    }
    print!("{table}");
}

fn argument<T: std::str::FromStr>(name: &str, default: T) -> T {
    let mut arguments = std::env::args();
    match arguments.find(|argument| argument == name).and_then(|_| arguments.next()) {
        Some(value) => value.parse().unwrap_or_else(|_| panic!("{name} takes a number, not {value:?}")),
        None => default,
    }
}
