//! Waiting for a ring: spin while a hot peer is likely, then park.

use std::time::{Duration, Instant};

use crate::slot::Attachment;

/// How long the holder of the baton spins before it parks; adapts to whether spinning has paid.
#[derive(Debug)]
pub(super) struct Spin {
    limit: Duration,
    now: Duration,
}

/// The longest anybody may spin.
pub(super) const MAX_SPIN: Duration = Duration::from_micros(50);

impl Spin {
    /// Spins up to `limit`, and never on a single-core machine, where the peer could not run meanwhile.
    pub(super) fn new(limit: Duration) -> Self {
        let lone = std::thread::available_parallelism().is_ok_and(|cores| cores.get() == 1);
        let limit = if lone { Duration::ZERO } else { limit.min(MAX_SPIN) };
        Self { limit, now: limit }
    }

    /// Waits for a ring, at most `timeout` when parked; whether one was taken.
    pub(super) fn wait(&mut self, attachment: &Attachment, timeout: Duration) -> bool {
        let start = Instant::now();
        if !self.now.is_zero() {
            // The clock costs as much as many looks at the bell, so it is read once in a while.
            while start.elapsed() < self.now {
                for _ in 0..64 {
                    if attachment.try_take_ring() {
                        self.now = self.limit;
                        return true;
                    }
                    std::hint::spin_loop();
                }
            }
        }
        let rung = attachment.wait_for_ring(timeout);
        // A peer that came soon after the parking is one to spin for; one that did not makes spinning shorter.
        let soon = rung && start.elapsed() < 10 * self.limit;
        self.now = if soon { self.limit } else { self.now / 2 };
        rung
    }
}
