//! What this crate is to reach, beside what one run measured.
//!
//! Bars are ratios of figures of the same run wherever they can be: absolute times differ from machine to machine.

use serde::Serialize;

use crate::figures::{Figures, Row};
use crate::growth::Size;
use crate::load::{Cell, Load, Pace};
use crate::pairs::{ICEORYX_BUSY, OURS, PUBLISHED, SEMAPHORES, SEMAPHORES_APART, TRUSTED, UNIX_SOCKET};

/// Which side of its bar is good.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Good {
    AtMost,
    AtLeast,
}

/// One figure and its bars.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Goal {
    pub(crate) what: &'static str,
    /// None when a pair it needs was not measured.
    pub(crate) measured: Option<f64>,
    good: Good,
    /// The bar.
    pub(crate) must: Option<f64>,
    /// Where it is to go.
    pub(crate) aim: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Met,
    Missed,
    NotMeasured,
}

impl Verdict {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::NotMeasured => "–",
        }
    }
}

impl Goal {
    pub(crate) fn verdict(&self, bar: f64) -> Verdict {
        match (self.measured, self.good) {
            (None, _) => Verdict::NotMeasured,
            (Some(measured), Good::AtMost) if measured <= bar => Verdict::Met,
            (Some(measured), Good::AtLeast) if measured >= bar => Verdict::Met,
            (Some(_), _) => Verdict::Missed,
        }
    }

    pub(crate) fn sign(&self) -> &'static str {
        match self.good {
            Good::AtMost => "≤",
            Good::AtLeast => "≥",
        }
    }
}

const GET_1: Cell = Cell { load: Load::Get, pace: Pace::InFlight(1) };
const GET_32: Cell = Cell { load: Load::Get, pace: Pace::InFlight(32) };
const ECHO_64K: Cell = Cell { load: Load::Echo(64 << 10), pace: Pace::InFlight(1) };
const ECHO_1M: Cell = Cell { load: Load::Echo(1 << 20), pace: Pace::InFlight(1) };
const PARKED: Cell = Cell { load: Load::Get, pace: Pace::Parked };
const IDLE: Cell = Cell { load: Load::Get, pace: Pace::Idle };

/// Every goal that two processes can be measured for.
pub(crate) fn goals(figures: &Figures) -> Vec<Goal> {
    let p50 = |cell, pair| Some(figures.row(cell, pair)?.p50_us);
    let rate = |cell, pair| Some(figures.row(cell, pair)?.per_second);
    let divide = |a: Option<f64>, b: Option<f64>| Some(a? / b?).filter(|ratio| ratio.is_finite());
    // Of the two published pairs always the better one: the bar is for both. Both have to be there.
    let better = |of: &dyn Fn(&'static str) -> Option<f64>, pick: fn(f64, f64) -> f64| {
        Some(pick(of(PUBLISHED[0])?, of(PUBLISHED[1])?))
    };
    let published_p50 = |cell| better(&|pair| p50(cell, pair), f64::min);
    let published_rate = |cell| better(&|pair| rate(cell, pair), f64::max);
    let ours = |cell, of: fn(&Row) -> f64| figures.row(cell, OURS).as_ref().map(of);
    let per_10_s = |of: fn(&Row) -> f64| figures.row(IDLE, OURS).map(|row| of(&row) * 10.0 / row.seconds);
    let size = |size, of: fn(&Row) -> f64| figures.size(size).as_ref().map(of);
    let lost = |row: &Row| row.lost as f64;
    let workers = [1, 2, 4].map(Size::Workers);
    let of_growth = workers.into_iter().chain([1, 2, 4].map(Size::Waiting));
    let lost_in_growth = of_growth.map(|workers| size(workers, lost)).sum::<Option<f64>>();
    let p50_of = |row: &Row| row.p50_us;
    let rate_of = |row: &Row| row.per_second;

    vec![
        most("GET, 1 in flight: p50 to iceoryx2 busy", divide(p50(GET_1, OURS), p50(GET_1, ICEORYX_BUSY)), 2.5, 2.0),
        least(
            "GET, 1 in flight: faster than the better published pair",
            divide(published_p50(GET_1), p50(GET_1, OURS)),
            20.0,
        ),
        least(
            "GET, 1 in flight: faster than axum, Unix socket",
            divide(p50(GET_1, UNIX_SOCKET), p50(GET_1, OURS)),
            12.0,
        ),
        least(
            "GET, 32 in flight: requests/s to iceoryx2 busy",
            divide(rate(GET_32, OURS), rate(GET_32, ICEORYX_BUSY)),
            0.6,
        ),
        least(
            "GET, 32 in flight: requests/s to the better published pair",
            divide(rate(GET_32, OURS), published_rate(GET_32)),
            2.5,
        ),
        exactly_none("GET, 32 in flight: lost, of those sent in this run", ours(GET_32, lost)),
        Goal {
            aim: Some(1.0),
            must: None,
            ..least("GET, 32 in flight: million requests/s", ours(GET_32, rate_of).map(|rate| rate / 1e6), 1.0)
        },
        most("echo 64 KiB: p50 to iceoryx2 busy", divide(p50(ECHO_64K, OURS), p50(ECHO_64K, ICEORYX_BUSY)), 2.3, 2.0),
        most(
            "echo 64 KiB, trusted: p50 to iceoryx2 busy",
            divide(p50(ECHO_64K, TRUSTED), p50(ECHO_64K, ICEORYX_BUSY)),
            1.3,
            1.1,
        ),
        most("echo 1 MiB: p50 to iceoryx2 busy", divide(p50(ECHO_1M, OURS), p50(ECHO_1M, ICEORYX_BUSY)), 1.7, 1.4),
        most(
            "echo 1 MiB, trusted: p50 to iceoryx2 busy",
            divide(p50(ECHO_1M, TRUSTED), p50(ECHO_1M, ICEORYX_BUSY)),
            1.2,
            1.0,
        ),
        least(
            "echo 1 MiB: faster than the better published pair",
            divide(published_p50(ECHO_1M), p50(ECHO_1M, OURS)),
            10.0,
        ),
        least("echo 1 MiB: faster than axum, Unix socket", divide(p50(ECHO_1M, UNIX_SOCKET), p50(ECHO_1M, OURS)), 6.0),
        most("parked: p50 to bare semaphores", divide(p50(PARKED, OURS), p50(PARKED, SEMAPHORES)), 1.3, 1.1),
        most(
            "parked: p50 to bare semaphores, each side on a core of its own",
            divide(p50(PARKED, OURS), p50(PARKED, SEMAPHORES_APART)),
            1.3,
            1.1,
        ),
        most("idle: CPU ms of the worker in 10 s", per_10_s(|row| row.server_cpu_ms), 1.0, 0.0),
        most("idle: CPU ms of the hub in 10 s", per_10_s(|row| row.client_cpu_ms), 1.0, 0.0),
        most("GET, 32 in flight: CPU µs per request, worker", ours(GET_32, |row| row.server_us), 1.3, 0.9),
        most("GET, 32 in flight: CPU µs per request, hub", ours(GET_32, |row| row.client_us), 1.3, 0.9),
        most(
            "growth: p50 with 256 slots to 1 slot",
            divide(size(Size::Slots(256), p50_of), size(Size::Slots(1), p50_of)),
            1.3,
            1.0,
        ),
        exactly_none("growth: lost with 1, 2 and 4 workers", lost_in_growth),
        least(
            "growth: requests/s with 4 workers to 1",
            divide(size(workers[2], rate_of), size(workers[0], rate_of)),
            1.0,
        ),
    ]
}

fn most(what: &'static str, measured: Option<f64>, must: f64, aim: f64) -> Goal {
    Goal { what, measured, good: Good::AtMost, must: Some(must), aim: Some(aim) }
}

fn least(what: &'static str, measured: Option<f64>, must: f64) -> Goal {
    Goal { what, measured, good: Good::AtLeast, must: Some(must), aim: None }
}

fn exactly_none(what: &'static str, measured: Option<f64>) -> Goal {
    Goal { what, measured, good: Good::AtMost, must: Some(0.0), aim: None }
}
