//! A worker's side of the bell: rings that are taken, rings that are owed, and when none are needed.
//!
//! A hub that says so (AWAKE) rings for no request that finds enough workers awake. So a worker that claims says that it is, and
//! says that it is not any more before its last look, behind which it parks.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::attachment::Attachment;
use super::claimed::ClaimedSlot;
use super::cursor::ScanCursor;
use crate::bus::{LIFE_CHECK, QUIET_CHECK};
use crate::protocol::{AwakeBit, AwakeWord, Status};

/// How a worker's waiting for a ring ended.
#[derive(Debug)]
pub(crate) enum Parked {
    /// It did not begin: there was a request.
    Claimed(ClaimedSlot),
    /// A ring was taken, which obliges to look: `claim_for_ring`.
    Rung,
    /// None came in time.
    Late,
}

/// Answers after which a worker that has not parked meanwhile leaves what comes to another: at full speed those of 20 to 50 ms.
pub(super) const TURN: u64 = 1 << 14;
/// So many turns it goes on when there was no other, or none that could.
const WITHOUT_OTHERS: u64 = 4;
/// How long another worker may take to be woken for its turn.
pub(crate) const TURN_PATIENCE: Duration = Duration::from_millis(1);
/// How long it takes at least.
const WAKING: Duration = Duration::from_micros(50);

/// How many workers are worth being awake: one core is the hub's.
#[inline]
pub(crate) fn most_awake() -> u32 {
    static MOST: OnceLock<u32> = OnceLock::new();
    *MOST.get_or_init(|| std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32 - 1).max(1))
}

impl Attachment {
    /// How long a parked worker need not look by itself: a hub that counts on workers rings again for what waits. With requests
    /// in hand there may be memory to give back soon.
    #[inline]
    pub(crate) fn patience(&self, in_hand: usize) -> Duration {
        let is_quiet = self.awake_bit.is_some() && in_hand == 0 && !self.keeps_memory();
        if is_quiet { QUIET_CHECK } else { LIFE_CHECK }
    }

    /// Parks until there is a ring, at most `timeout`, unless the look before that finds a request.
    pub(crate) fn park(self: &Arc<Self>, cursor: &mut ScanCursor, timeout: Duration) -> Parked {
        if let Some((awake, bit)) = self.awake() {
            awake.leave(bit);
            // Whoever announced before that may have counted on this worker.
            if let Some(lease) = self.claim(cursor) {
                return Parked::Claimed(lease);
            }
        }
        self.wait_for_ring(cursor, timeout)
    }

    /// As `park`, for who has looked since it said that it is not awake.
    pub(crate) fn wait_for_ring(&self, cursor: &mut ScanCursor, timeout: Duration) -> Parked {
        // What was copied of a request that did not come is not kept meanwhile.
        cursor.ahead = None;
        let parked = if self.bus.requests().wait(timeout) { Parked::Rung } else { Parked::Late };
        self.turn_ends.set(self.counts.published.get() + TURN);
        parked
    }

    /// This worker is awake: it has just claimed, in a region that is its own.
    pub(super) fn stand_by(&self) {
        if let Some(bit) = self.awake_bit {
            self.bus.region().header().awake.enter(bit);
        }
    }

    /// This worker looks no more until it claims again. Hands on what it may have been counted on for. How many others are awake.
    pub(crate) fn stand_aside(&self) -> u32 {
        let Some((awake, bit)) = self.awake() else { return 0 };
        let others = awake.leave(bit);
        self.hand_on(1);
        others
    }

    /// Rings for what this worker leaves READY, at most `rings` times: it may have taken as many, each of which would have woken
    /// another worker, or have been the reason that there was none.
    pub(crate) fn hand_on(&self, rings: u32) {
        let ready = self.slots().filter(|&slot| self.slot(slot).status.observe() == Status::Ready);
        ready.take(rings as usize).for_each(|_| self.bus.requests().ring());
    }

    /// Says that this worker is not awake any more if more are than there are cores for; whether it does, and so parks at once.
    pub(crate) fn leave_crowd(&self) -> bool {
        self.awake().is_some_and(|(awake, bit)| awake.leave_crowd(bit, most_awake()))
    }

    /// Leaves what comes to another worker, if there is one and this one has answered for long. Whether one has been woken for it within
    /// `patience`: then this one goes on with `wait_for_ring`, as it has looked since it said that it is not awake any more.
    ///
    /// The next request finds nobody awake and is rung for, and the kernel wakes whoever has been parked for the longest. This one keeps
    /// off the bell and off its core meanwhile, or it would be in the way of that. For rings it has `taken` it rings again then.
    pub(crate) fn end_turn(&self, patience: Duration, taken: u32) -> bool {
        let published = self.counts.published.get();
        if published < self.turn_ends.get() || self.awake_bit.is_none() {
            return false;
        }
        self.turn_ends.set(published + WITHOUT_OTHERS * TURN);
        if !self.bus.has_workers() {
            return false;
        }
        let (others, start) = (self.stand_aside(), Instant::now());
        let awake = || self.awake().map_or(0, |(awake, _)| awake.count());
        // The rings that lie there are for requests which the other is about to claim.
        while awake() <= others || self.bus.requests().rings() > 0 {
            if start.elapsed() >= patience {
                return false;
            }
            std::thread::sleep(WAKING);
        }
        // One was rung above.
        self.hand_on(taken.saturating_sub(1));
        true
    }

    /// Where this worker says that it is awake, unless the region was another life's a moment ago. In one that has just become
    /// so the word means nothing.
    fn awake(&self) -> Option<(&AwakeWord, AwakeBit)> {
        let bit = self.awake_bit.filter(|_| self.bus.is_own_life())?;
        Some((&self.bus.region().header().awake, bit))
    }

    /// Claims as `claim` does, after a ring was taken.
    pub(crate) fn claim_for_ring(self: &Arc<Self>, cursor: &mut ScanCursor) -> Option<ClaimedSlot> {
        self.ring_taken();
        let lease = self.claim(cursor);
        if lease.is_some() || self.shield.is_some() {
            return lease;
        }
        // It was nobody's, and no claim is to be had for it later. Where one such ring lies there may be many, which would
        // wake this thread one by one.
        self.rings_owed.set(0);
        let taken = self.bus.requests().take_all();
        self.claim(cursor).inspect(|_| self.hand_on(taken))
    }

    /// Takes the rings of requests that were claimed without them; how many it took. A ring that stays away was taken by
    /// another process, or there was none. One that is taken may be another request's: who claims at the next look hands on.
    #[inline]
    pub(crate) fn take_rings_owed(&self) -> u32 {
        let mut took = 0;
        if self.shield.is_some() {
            return took;
        }
        while self.rings_owed.get() as i64 > 0 {
            if self.bus.requests().try_take() {
                self.ring_taken();
                took += 1;
            } else {
                self.rings_owed.set(0);
            }
        }
        took
    }

    fn ring_taken(&self) {
        match &self.shield {
            Some(shield) => shield.ring_taken(),
            None => self.rings_owed.set(self.rings_owed.get().wrapping_sub(1)),
        }
    }

    /// Rings for a pump of this process that is to end. Another process may take the ring instead, so the shield counts
    /// it as given back in advance.
    pub(crate) fn ring_for_own(&self) {
        if let Some(shield) = &self.shield {
            shield.ring_returned();
        }
        self.bus.requests().ring();
    }
}
