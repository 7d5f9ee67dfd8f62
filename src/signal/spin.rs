//! How long to spin before parking, adapted to whether spinning has paid.
//!
//! Two hot peers that both happen to park stay there: each gives up spinning before the other, which takes 30 to 60 µs to
//! wake, has answered. So after waits that ended soon, every [`STRETCH`]th spin goes on two and a half times as long, and
//! every [`REACH`]th as long as the last wait took; one that is caught that way brings both back to spinning.
//!
//! Whoever has just woken its peer knows better: it waits for the waking too. The kernel may have put the peer behind it on the
//! same core, so it offers that core between its looks; it has paid for a system call already.

use std::num::NonZero;
use std::time::{Duration, Instant};

use crate::sync::Counter;

/// The longest limit; what makes waits go on for longer is below.
const MAX_SPIN: Duration = Duration::from_micros(50);
/// A wait that ended within so many spin limits was for a hot peer, whom spinning might have caught.
const SOON: u32 = 10;

/// What spinning for a peer that had to be woken may take: 30 to 60 µs of waking, and an answer from cold caches. At most
/// [`WAKING_LIMITS`] limits.
const WAKING: Duration = Duration::from_micros(100);
/// As `WAKING` says.
const WAKING_LIMITS: u32 = 5;

/// So many waits in a row that spinning ended make the next one go on up to [`MAX_SPIN`]: what keeps a peer that is so hot is
/// most of all the kernel's tick, which takes 20 to 40 µs on a virtual machine and a park on both sides otherwise.
const HOT: u64 = 64;

/// Every so many misses in a row spinning goes on for longer, up to [`MAX_SPIN`].
const STRETCH: u64 = 4;
/// Every so many misses in a row it goes on for a whole wait, up to [`MAX_REACH`]: a busy machine may take that long to wake
/// a thread, and one spin of that length in many waits is little beside them.
const REACH: u64 = 16;
/// The longest such spin.
const MAX_REACH: Duration = Duration::from_micros(200);

/// Bodies longer than this make nobody wait longer for them awake.
const MOST_BYTES: usize = 2 << 20;

/// How long it takes a peer to copy `bytes`, at the pace of memory that comes from another core's cache.
pub(crate) fn copying_time(bytes: usize) -> Duration {
    Duration::from_nanos(bytes.min(MOST_BYTES) as u64 / 8)
}

/// Who is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Somebody who runs, as far as can be seen.
    Awake,
    /// Somebody who was parked, and has just been woken for this.
    Woken,
}

/// The spin budget of one waiting place.
#[derive(Debug)]
pub(crate) struct Spin {
    limit: Duration,
    /// Nanoseconds to spin next time.
    budget: Counter,
    /// Spins in a row that found nothing.
    misses: Counter,
    /// Waits in a row that spinning ended, up to [`HOT`].
    hits: Counter,
    /// Nanoseconds that the last wait took which spinning did not end.
    last_wait: Counter,
}

impl Spin {
    /// Spins up to `limit`, 50 µs at most, and never on a machine with one core, where the peer could not run meanwhile.
    pub(crate) fn new(limit: Duration) -> Self {
        Self::on(std::thread::available_parallelism().map_or(2, NonZero::get), limit)
    }

    fn on(cores: usize, limit: Duration) -> Self {
        let limit = if cores == 1 { Duration::ZERO } else { limit.min(MAX_SPIN) };
        let spin = Self {
            limit,
            budget: Counter::default(),
            misses: Counter::default(),
            hits: Counter::default(),
            last_wait: Counter::default(),
        };
        spin.paid();
        spin
    }

    /// How long waiting awake is worth it now: the limit, less after long waits, down to nothing.
    #[inline]
    pub(crate) fn budget(&self) -> Duration {
        Duration::from_nanos(self.budget.get())
    }

    /// How long to wait awake for `peer`, which has `bytes` to copy first; nothing where that is not worth it.
    #[inline]
    pub(crate) fn patience(&self, peer: Peer, bytes: usize) -> Duration {
        let budget = self.budget();
        if budget.is_zero() {
            return budget;
        }
        let misses = self.misses.get();
        let budget = if budget < self.limit {
            budget
        } else if misses % REACH == REACH - 1 {
            (Duration::from_nanos(self.last_wait.get()) * 5 / 4).clamp(budget, MAX_REACH)
        } else if peer == Peer::Woken && misses < STRETCH {
            WAKING.min(self.limit * WAKING_LIMITS)
        } else if misses % STRETCH == STRETCH - 1 || self.hits.get() >= HOT {
            MAX_SPIN.min(self.limit * 5 / 2)
        } else {
            budget
        };
        budget + copying_time(bytes)
    }

    /// Looks again and again until `look` finds something or patience with `peer` is at its end. Who found what was waited for says
    /// so: `paid`.
    pub(crate) fn until<T>(&self, peer: Peer, bytes: usize, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let patience = self.patience(peer, bytes);
        if patience.is_zero() {
            return None;
        }
        let start = Instant::now();
        for round in 1_u32.. {
            // At first at once, then less and less often: a peer on another core needs none of it.
            if peer == Peer::Woken && round.is_power_of_two() {
                std::thread::yield_now();
            }
            // The clock costs as much as several looks, so it is read once in a while.
            for _ in 0..32 {
                let found = look();
                if found.is_some() {
                    return found;
                }
                std::hint::spin_loop();
            }
            if start.elapsed() >= patience {
                break;
            }
        }
        None
    }

    /// Learns how long a wait took that spinning did not end: soon after it, spinning is worth it again; else it gets
    /// shorter, down to nothing.
    pub(crate) fn parked_for(&self, wait: Duration) {
        self.last_wait.set(wait.as_nanos() as u64);
        self.hits.set(0);
        if wait < SOON * self.limit {
            self.misses.add(1);
            self.budget.set(self.limit.as_nanos() as u64);
        } else {
            self.budget.set(self.budget.get() / 2);
        }
    }

    /// Learns that waiting awake has found something.
    pub(crate) fn paid(&self) {
        let limit = self.limit.as_nanos() as u64;
        if self.budget.get() != limit || self.misses.get() != 0 {
            self.budget.set(limit);
            self.misses.set(0);
        }
        let hits = self.hits.get();
        if hits < HOT {
            self.hits.set(hits + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_waits_long_stops_spinning_and_one_that_waits_short_starts_again() {
        let spin = Spin::on(2, Duration::from_micros(20));
        for _ in 0..20 {
            spin.parked_for(Duration::from_secs(1));
        }
        assert_eq!(spin.until(Peer::Awake, 0, || Some(1)), None, "the budget is used up");
        spin.parked_for(Duration::from_micros(100));
        assert_eq!(spin.until(Peer::Awake, 0, || Some(1)), Some(1));
    }

    #[test]
    fn patience_with_a_peer_that_was_woken_is_longer_unless_waits_have_not_paid_a_few_times() {
        let spin = Spin::on(2, Duration::from_micros(20));
        for _ in 0..STRETCH {
            assert_eq!((spin.patience(Peer::Awake, 0) < WAKING, spin.patience(Peer::Woken, 0)), (true, WAKING));
            spin.parked_for(Duration::from_micros(150));
        }
        assert_eq!(spin.patience(Peer::Woken, 0), spin.limit);
        spin.paid();
        assert_eq!(spin.patience(Peer::Woken, 0), WAKING);
        spin.parked_for(Duration::from_millis(1));
        assert!(spin.patience(Peer::Woken, 0) < spin.limit, "its handlers take long");
        let spin = Spin { limit: Duration::from_micros(1), ..spin };
        spin.paid();
        assert_eq!(spin.patience(Peer::Woken, 0), Duration::from_micros(5));
    }

    #[test]
    fn a_peer_that_has_long_been_hot_is_waited_for_a_little_longer() {
        let spin = Spin::on(2, Duration::from_micros(20));
        (0..HOT).for_each(|_| spin.paid());
        assert_eq!(spin.patience(Peer::Awake, 0), MAX_SPIN);
        spin.parked_for(Duration::from_micros(100));
        assert_eq!(spin.patience(Peer::Awake, 0), spin.limit);
    }

    #[test]
    fn on_one_core_nobody_spins_and_on_more_the_limit_is_50_us_at_most() {
        let long = Duration::from_secs(1);
        assert_eq!(Spin::on(1, long).until(Peer::Woken, 0, || Some(1)), None);
        assert_eq!((Spin::on(2, long).budget(), Spin::on(64, long).patience(Peer::Awake, 0)), (MAX_SPIN, MAX_SPIN));
        let less = Duration::from_micros(20);
        assert_eq!(Spin::on(2, less).budget(), less);
    }

    #[test]
    fn a_limit_of_zero_never_looks() {
        let spin = Spin::new(Duration::ZERO);
        spin.parked_for(Duration::ZERO);
        assert_eq!(spin.until(Peer::Awake, 0, || Some(1)), None);
    }
}
