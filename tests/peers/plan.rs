//! How many requests of which sizes a pair gets, how many at once, and from how many threads.

use std::time::Duration;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// A part of a plan. Between two of them nothing is in flight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phase {
    pub(crate) requests: u64,
    pub(crate) in_flight: usize,
    /// Threads that dispatch.
    pub(crate) threads: usize,
    /// Lengths of request and answer bodies, taken in turn. Only one length per phase can need an overflow object: the
    /// published 0.1.2 hub writes into a former object of any size, beyond its end if that was shorter.
    pub(crate) bodies: &'static [(usize, usize)],
}

/// What a pair has to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) phases: &'static [Phase],
    /// What the requests of a phase are divided by.
    pub(crate) divisor: u64,
    /// When an answer counts as lost.
    pub(crate) give_up: Duration,
    /// When a phase ends early.
    pub(crate) longest_phase: Duration,
    /// How many lost answers end a phase early.
    pub(crate) most_lost: u64,
}

impl Plan {
    /// The same with a part of the requests.
    pub(crate) fn divided_by(self, divisor: u64) -> Self {
        Self { divisor, ..self }
    }

    /// How many requests a phase has.
    pub(crate) fn requests(&self, phase: &Phase) -> u64 {
        phase.requests / self.divisor
    }
}

const SMALL: &[(usize, usize)] = &[(0, 0), (KIB, 0), (KIB, KIB), (0, KIB), (KIB, KIB)];
const MIDDLE: &[(usize, usize)] = &[(64 * KIB, 64 * KIB), (0, 64 * KIB), (64 * KIB, 0)];
const LARGE: &[(usize, usize)] = &[(MIB, MIB), (0, MIB), (MIB, 0)];

/// 100,000 requests, of which none may be lost or wrong.
pub(crate) const FULL: Plan = Plan {
    phases: &[
        Phase { requests: 30_000, in_flight: 8, threads: 1, bodies: SMALL },
        Phase { requests: 30_000, in_flight: 32, threads: 1, bodies: SMALL },
        Phase { requests: 17_000, in_flight: 8, threads: 4, bodies: SMALL },
        Phase { requests: 18_000, in_flight: 32, threads: 4, bodies: SMALL },
        Phase { requests: 2_250, in_flight: 8, threads: 1, bodies: MIDDLE },
        Phase { requests: 2_250, in_flight: 32, threads: 4, bodies: MIDDLE },
        Phase { requests: 250, in_flight: 8, threads: 1, bodies: LARGE },
        Phase { requests: 250, in_flight: 32, threads: 4, bodies: LARGE },
    ],
    divisor: 1,
    give_up: Duration::from_secs(5),
    longest_phase: Duration::from_secs(300),
    most_lost: 20,
};

const SMALL_OVER: &[(usize, usize)] = &[(0, 0), (KIB, 0), (KIB, KIB)];
const MIDDLE_OVER: &[(usize, usize)] = &[(64 * KIB, 64 * KIB), (64 * KIB, 0)];

/// The same for a hub that may give two requests the same bytes. Answers fit over their requests, so that requests
/// alone have bytes to share, and the ledger knows of all of them.
pub(crate) const ANSWERS_OVER_REQUESTS: Plan = Plan {
    phases: &[
        Phase { requests: 30_000, in_flight: 8, threads: 1, bodies: SMALL_OVER },
        Phase { requests: 30_000, in_flight: 32, threads: 1, bodies: SMALL_OVER },
        Phase { requests: 17_000, in_flight: 8, threads: 4, bodies: SMALL_OVER },
        Phase { requests: 18_000, in_flight: 32, threads: 4, bodies: SMALL_OVER },
        Phase { requests: 2_250, in_flight: 8, threads: 1, bodies: MIDDLE_OVER },
        Phase { requests: 2_250, in_flight: 32, threads: 4, bodies: MIDDLE_OVER },
        Phase { requests: 250, in_flight: 8, threads: 1, bodies: LARGE },
        Phase { requests: 250, in_flight: 32, threads: 4, bodies: LARGE },
    ],
    ..FULL
};

/// The same for a hub that does not reset its heap within a phase: each must do with [`HEAP_OF_A_PHASE`].
pub(crate) const WITHOUT_RESET: Plan = Plan {
    phases: &[
        Phase { requests: 24_800, in_flight: 8, threads: 1, bodies: SMALL },
        Phase { requests: 24_800, in_flight: 32, threads: 1, bodies: SMALL },
        Phase { requests: 24_800, in_flight: 8, threads: 4, bodies: SMALL },
        Phase { requests: 24_800, in_flight: 32, threads: 4, bodies: SMALL },
        Phase { requests: 340, in_flight: 8, threads: 1, bodies: MIDDLE },
        Phase { requests: 340, in_flight: 32, threads: 4, bodies: MIDDLE },
        Phase { requests: 60, in_flight: 8, threads: 1, bodies: LARGE },
        Phase { requests: 60, in_flight: 32, threads: 4, bodies: LARGE },
    ],
    ..FULL
};

/// Bytes that the metas of any phase of [`WITHOUT_RESET`] fit into, with all but the largest bodies.
pub(crate) const HEAP_OF_A_PHASE: usize = 40 * MIB;

/// A shorter plan of the same mixture, for comparison.
pub(crate) const COMPARISON: Plan = Plan {
    phases: &[
        Phase { requests: 12_000, in_flight: 8, threads: 4, bodies: SMALL },
        Phase { requests: 12_000, in_flight: 32, threads: 4, bodies: SMALL },
        Phase { requests: 900, in_flight: 8, threads: 4, bodies: MIDDLE },
        Phase { requests: 100, in_flight: 8, threads: 4, bodies: LARGE },
    ],
    divisor: 1,
    give_up: Duration::from_secs(1),
    longest_phase: Duration::from_secs(8),
    most_lost: u64::MAX,
};
