//! The clock that deadlines on the wire are told by: CLOCK_MONOTONIC, the same for every process of the machine.

use std::time::{Duration, Instant};

/// Nanoseconds of CLOCK_MONOTONIC now.
///
/// By libc: rustix looks for the kernel's vDSO itself, which valgrind hides, and the process dies of that.
pub(crate) fn monotonic_nanos() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid timespec that the call may write. It cannot fail for this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    // Both are positive on this clock, and 2^64 nanoseconds are five hundred years.
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Tells times of the wire by times of this process and the other way round.
///
/// Both clocks are the same one on Linux, so one look at both is enough for a life.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WireClock {
    instant: Instant,
    nanos: u64,
}

impl WireClock {
    pub(crate) fn new() -> Self {
        Self { instant: Instant::now(), nanos: monotonic_nanos() }
    }

    /// The wire's time of `instant`; never 0, which means none.
    #[inline]
    pub(crate) fn nanos(&self, instant: Instant) -> u64 {
        let Self { instant: start, nanos } = *self;
        let part = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        match instant.checked_duration_since(start) {
            Some(later) => nanos.saturating_add(part(later)),
            None => nanos.saturating_sub(part(start - instant)),
        }
        .max(1)
    }

    /// This process's time of `nanos`; a year from now for one that the clock cannot reach.
    pub(crate) fn instant(&self, nanos: u64) -> Instant {
        let Self { instant: start, nanos: base } = *self;
        let a_year = Duration::from_secs(365 * 24 * 3600);
        match nanos.checked_sub(base) {
            Some(later) => start.checked_add(Duration::from_nanos(later)).unwrap_or_else(|| start + a_year),
            None => start.checked_sub(Duration::from_nanos(base - nanos)).unwrap_or(start),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_back_from_the_wire_as_it_went() {
        let clock = WireClock::new();
        for offset in [Duration::ZERO, Duration::from_millis(5), Duration::from_secs(3600)] {
            let at = Instant::now() + offset;
            assert_eq!(clock.instant(clock.nanos(at)), at);
        }
        assert!(clock.instant(u64::MAX) > Instant::now(), "a stray number is far away and no panic");
        assert!(clock.instant(1) <= Instant::now());
    }
}
