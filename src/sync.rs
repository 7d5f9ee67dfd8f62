//! The atomics of one process, named after what they are for.
//!
//! The words that two processes share have their own transitions in `protocol::status` and `protocol::words`; here are the
//! counters and flags of this process, each with the ordering it needs, so that no other room chooses one. Every store that
//! another process sees passes `stores`, where a unit test can hear it.

mod panics;
mod share;
#[cfg(test)]
pub(crate) mod stores;
#[cfg(not(test))]
#[path = "sync/unheard.rs"]
pub(crate) mod stores;

use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::Thread;

pub(crate) use self::panics::{caught, run_through_panics, survived};
pub(crate) use self::share::Share;
use crate::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};

/// A number that only grows or shrinks by steps and guards no other memory.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// One that begins at `n`.
    pub(crate) fn of(n: u64) -> Self {
        Self(AtomicU64::new(n))
    }

    /// Adds `n`. Relaxed: the number is all there is to see.
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Adds `n` unless that would be more than `most`; whether it was added. Relaxed: as `add`.
    #[must_use]
    pub(crate) fn add_within(&self, n: u64, most: u64) -> bool {
        let mut now = self.0.load(Ordering::Relaxed);
        while let Some(sum) = now.checked_add(n).filter(|&sum| sum <= most) {
            match self.0.compare_exchange_weak(now, sum, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(other) => now = other,
            }
        }
        false
    }

    /// Takes `n` away. Relaxed: as `add`.
    #[inline]
    pub(crate) fn sub(&self, n: u64) {
        self.0.fetch_sub(n, Ordering::Relaxed);
    }

    /// Adds one and says what it was before.
    #[inline]
    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    /// The number now.
    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Replaces the number.
    #[inline]
    pub(crate) fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }
}

/// A counter whose changes and readings keep their place among the looks at shared memory around them.
///
/// "Counted, then looked" on one side and "changed, then read the count" on the other must not both miss each other; only
/// sequential consistency, with a fence between the count and the look, rules that out on every machine.
#[derive(Debug, Default)]
pub(crate) struct OrderedCounter(AtomicU64);

impl OrderedCounter {
    /// Adds `n`, before anything the caller looks at next.
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// The number now, read after everything the caller did before.
    #[inline]
    pub(crate) fn get(&self) -> i64 {
        fence(Ordering::SeqCst);
        self.0.load(Ordering::SeqCst) as i64
    }

    /// The number now, for whoever has just changed another sequentially consistent word: changed, then read here on one
    /// side and added, then read there on the other cannot both miss.
    #[inline]
    pub(crate) fn peek(&self) -> i64 {
        self.0.load(Ordering::SeqCst) as i64
    }

    /// Adds one and says what it was before; as `peek`, it keeps its place among such words, and no other.
    #[inline]
    pub(crate) fn enter(&self) -> i64 {
        self.0.fetch_add(1, Ordering::SeqCst) as i64
    }

    /// Takes one away and says what is left; as `enter`. Below 0 it goes on as a negative number.
    #[inline]
    pub(crate) fn leave(&self) -> i64 {
        self.0.fetch_sub(1, Ordering::SeqCst) as i64 - 1
    }

    /// Replaces the number.
    #[inline]
    pub(crate) fn set(&self, n: u64) {
        self.0.store(n, Ordering::SeqCst);
    }
}

/// Keeps what was read before this in its place, before what is read next: bytes first, then the word that says whose they
/// were. Acquire: pairs with nothing of ours; it only keeps the two looks in order.
#[inline]
pub(crate) fn after_reading() {
    fence(Ordering::Acquire);
}

/// A set of small numbers from which any thread takes the lowest, without a lock and in time that does not grow with
/// what is taken.
#[derive(Debug)]
pub(crate) struct IndexSet([AtomicU64; 4]);

impl IndexSet {
    /// How many numbers there can be.
    pub(crate) const CAPACITY: usize = 4 * u64::BITS as usize;

    /// The numbers below `n`.
    pub(crate) fn below(n: usize) -> Self {
        assert!(n <= Self::CAPACITY, "{n} numbers exceed the capacity of the set");
        let set = Self(Default::default());
        (0..n).for_each(|index| set.put(index));
        set
    }

    /// Takes the lowest number out. Acquire: pairs with `put`. SeqCst: a taker that counted itself as waiting before and
    /// finds nothing is seen by whoever puts something in afterwards.
    pub(crate) fn take(&self) -> Option<usize> {
        for (i, word) in self.0.iter().enumerate() {
            let mut bits = word.load(Ordering::SeqCst);
            while bits != 0 {
                let rest = bits & (bits - 1);
                match word.compare_exchange_weak(bits, rest, Ordering::SeqCst, Ordering::SeqCst) {
                    Ok(_) => return Some(i * u64::BITS as usize + bits.trailing_zeros() as usize),
                    Err(now) => bits = now,
                }
            }
        }
        None
    }

    /// Takes this number out; false when it is not in.
    #[inline]
    pub(crate) fn remove(&self, index: usize) -> bool {
        let bit = 1 << (index % 64);
        self.0[index / 64].fetch_and(!bit, Ordering::SeqCst) & bit != 0
    }

    /// Puts a number in. SeqCst: as `take`.
    #[inline]
    pub(crate) fn put(&self, index: usize) {
        self.0[index / 64].fetch_or(1 << (index % 64), Ordering::SeqCst);
    }

    /// How many numbers are in the set.
    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|word| word.load(Ordering::Relaxed).count_ones() as usize).sum()
    }
}

/// Who has a turn: odd while somebody does, and how often one ended.
///
/// SeqCst throughout: a taker that counted itself as waiting before and finds the turn taken is seen by whoever ends the
/// turn afterwards and then reads that count.
#[derive(Debug, Default)]
pub(crate) struct Turn(AtomicU64);

impl Turn {
    /// Takes the turn if nobody has it.
    #[inline]
    pub(crate) fn try_take(&self) -> bool {
        let word = self.0.load(Ordering::SeqCst);
        word.is_multiple_of(2) && self.0.compare_exchange(word, word + 1, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Ends the turn that the caller has.
    #[inline]
    pub(crate) fn end(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether somebody has the turn, and how many have ended.
    #[inline]
    pub(crate) fn look(&self) -> (bool, u64) {
        let word = self.0.load(Ordering::SeqCst);
        (word % 2 == 1, word / 2)
    }
}

/// Something that is so or not, and whose setter wants what it did before to be seen with it.
#[derive(Debug, Default)]
pub(crate) struct Flag(AtomicBool);

impl Flag {
    /// Raises the flag. SeqCst: a waiter that announced itself before looking must either see this or be seen.
    pub(crate) fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Lowers the flag.
    pub(crate) fn lower(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    /// Whether it is raised.
    #[inline]
    pub(crate) fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// The right to answer one slot, taken at most once per lease.
///
/// ```text
///          grant             end_reading          take               settle
///   IDLE ─────────► READING ─────────────► HELD ─────────► WRITING ─────────► IDLE
///                      └──────────────────── take ────────────┘
/// ```
///
/// Every grant has a number of its own. Whoever takes the right with that number writes the answer: the lease itself, or a
/// shutdown that takes it away from the lease. The other one finds it gone and writes nothing. While the lease reads the
/// request nobody else takes the right: an answer frees the slot, and what is read then would be another's request.
#[derive(Debug, Default)]
pub(crate) struct AnswerRight(AtomicU32);

/// The number of one grant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Grant(u32);

const STATE: u32 = 0b11;
const HELD: u32 = 1;
const WRITING: u32 = 2;
const READING: u32 = 3;

impl AnswerRight {
    /// Gives the right to a new lease, which is to read its request. Relaxed: the lease travels to other threads by its own
    /// synchronised move.
    #[inline]
    pub(crate) fn grant(&self) -> Grant {
        let number = (self.0.load(Ordering::Relaxed) & !STATE).wrapping_add(STATE + 1);
        self.0.store(number | READING, Ordering::Relaxed);
        Grant(number)
    }

    /// The lease has read its request. Release: whoever takes the right away now, answers and so frees the slot has seen the
    /// reading over.
    ///
    /// By exchange: a peer that writes READY into a claimed slot has it claimed anew, and that grant must stay.
    #[inline]
    pub(crate) fn end_reading(&self, Grant(number): Grant) {
        let _ = self.0.compare_exchange(number | READING, number | HELD, Ordering::Release, Ordering::Relaxed);
    }

    /// Takes the right of `grant` in order to write; false when it is gone. Only the lease itself may ask while it reads.
    /// Acquire: writes stay behind the taking; pairs with `end_reading`.
    #[must_use]
    #[inline]
    pub(crate) fn take(&self, Grant(number): Grant) -> bool {
        let take =
            |from| self.0.compare_exchange(number | from, number | WRITING, Ordering::Acquire, Ordering::Relaxed);
        take(HELD).or_else(|_| take(READING)).is_ok()
    }

    /// Ends the writing. Release: whoever sees the right idle sees all that was written. SeqCst: whoever lets go of the
    /// request's bytes and does not see this is seen by the hub that looks or is rung after it, see `HeldWord` and `QuietByte`.
    ///
    /// By exchange: the answer is out by now, so the slot may have come back as a new request with a new grant, which
    /// must stay.
    #[inline]
    pub(crate) fn settle(&self, Grant(number): Grant) {
        let _ = self.0.compare_exchange(number | WRITING, number, Ordering::SeqCst, Ordering::Relaxed);
    }

    /// Whether a lease holds the right or is writing. Acquire: pairs with `settle`. SeqCst: as there.
    pub(crate) fn is_out(&self) -> bool {
        self.0.load(Ordering::SeqCst) & STATE != 0
    }

    /// The grant that others than its lease may take now, if there is one.
    pub(crate) fn held(&self) -> Option<Grant> {
        let word = self.0.load(Ordering::Relaxed);
        (word & STATE == HELD).then_some(Grant(word & !STATE))
    }

    /// Whether the lease of `grant`, which asks, has the right still.
    #[inline]
    pub(crate) fn is_with(&self, Grant(number): Grant) -> bool {
        let word = self.0.load(Ordering::Relaxed);
        word == number | HELD || word == number | READING
    }
}

/// A waker that unparks the calling thread.
pub(crate) fn unpark_waker() -> Waker {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    Waker::from(Arc::new(Unpark(std::thread::current())))
}

#[cfg(test)]
#[path = "sync_tests.rs"]
mod tests;

#[cfg(all(test, loom))]
#[path = "sync_loom_tests.rs"]
mod loom_tests;
