//! The words of shared memory beside a slot's status that more than one side changes, each change as a named method.

use super::status::OwnerToken;
use crate::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering, fence};
use crate::sync::stores;

/// The head of the version 1 bump allocator, in shared memory: how many bytes of the heap are given out.
#[repr(transparent)]
#[derive(Debug)]
pub struct BumpHead(AtomicU32);

impl BumpHead {
    /// Takes `len` bytes (a multiple of 8) below `limit`; the heap offset, or `None` when they do not fit.
    /// Acquire: pairs with `rewind`, whose scan saw every former user of these bytes gone.
    #[inline]
    pub(crate) fn take(&self, len: u32, limit: u32) -> Option<u32> {
        let within = |head: u32| head.checked_add(len).filter(|&end| end <= limit);
        stores::store("bump head", || self.0.fetch_update(Ordering::Acquire, Ordering::Relaxed, within).ok())
    }

    /// How much is given out. Acquire: read before the scan that decides about `rewind`.
    #[inline]
    pub(crate) fn given_out(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }

    /// Gives everything back, down to `start`, if nothing was taken since `seen` was read. Release: pairs with `take`.
    #[inline]
    pub(crate) fn rewind(&self, seen: u32, start: u32) -> bool {
        let exchange = || self.0.compare_exchange(seen, start, Ordering::Release, Ordering::Relaxed).is_ok();
        stores::store("bump head", exchange)
    }

    /// Sets the head of a region nobody else sees yet.
    pub(crate) fn start_at(&self, start: u32) {
        stores::store("bump head", || self.0.store(start, Ordering::Relaxed));
    }
}

/// Who holds bytes of a slot's request in place: its owner's token, 0 for nobody.
#[repr(transparent)]
#[derive(Debug)]
pub struct HeldWord(AtomicU32);

impl HeldWord {
    /// Worker: its claimed slot is held. Relaxed: `publish` follows, which whoever could use the slot again has seen.
    #[inline]
    pub(crate) fn hold(&self, owner: OwnerToken) {
        stores::store("held", || self.0.store(owner.get(), Ordering::Relaxed));
    }

    /// Worker: it has read what it held for the last time. Release: pairs with `holder`. SeqCst: whoever lets go after the
    /// answer rings, before it the answer asks (`QuietByte`), and this and the settling of the answer must not both miss each other.
    #[inline]
    pub(crate) fn let_go(&self) {
        stores::store("held", || self.0.store(0, Ordering::SeqCst));
    }

    /// Hub: who holds the slot. Acquire: pairs with `let_go`, so that nothing is written while it is read. SeqCst: as there.
    #[inline]
    pub(crate) fn holder(&self) -> Option<OwnerToken> {
        OwnerToken::from_raw(self.0.load(Ordering::SeqCst))
    }

    /// Hub: nobody holds the slot, which is about to be dispatched.
    #[inline]
    pub(crate) fn clear(&self) {
        stores::store("held", || self.0.store(0, Ordering::Relaxed));
    }

    /// Hub: a holder that is proven dead holds the slot no more. By exchange of the whole word that was looked at: another may
    /// hold it by now, if this one had let go before it ended. Relaxed: who is dead reads nothing.
    pub(crate) fn end_if(&self, is_dead: impl FnOnce(OwnerToken) -> bool) {
        let word = self.0.load(Ordering::Relaxed);
        if OwnerToken::from_raw(word).is_some_and(is_dead) {
            let exchange = || self.0.compare_exchange(word, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok();
            stores::store("held", exchange);
        }
    }
}

/// Whether a slot's caller looks at it by itself, so that its answer needs no ring: 1 while it does.
///
/// A caller that is about to wait for a ring says so, then looks once more. It, or whoever keeps the slot after it.
#[repr(transparent)]
#[derive(Debug)]
pub struct QuietByte(AtomicU8);

impl QuietByte {
    /// Hub: the caller of what is about to be dispatched here looks by itself. Relaxed: `announce` follows.
    #[inline]
    pub(crate) fn start(&self) {
        stores::store("quiet", || self.0.store(1, Ordering::Relaxed));
    }

    /// Hub: the caller of what is about to be dispatched here waits for a ring. Relaxed: `announce` follows.
    #[cfg(any(test, feature = "conformance"))]
    #[inline]
    pub(crate) fn clear(&self) {
        stores::store("quiet", || self.0.store(0, Ordering::Relaxed));
    }

    /// Hub: from now on a ring is waited for. SeqCst, with the fence in front of the look that follows, as `StatusWord::publish`
    /// and `needs_ring` are on the other side: published, then asked, and ended, then looked, cannot both miss each other.
    #[inline]
    pub(crate) fn end(&self) {
        stores::store("quiet", || self.0.store(0, Ordering::SeqCst));
        fence(Ordering::SeqCst);
    }

    /// Worker: whether somebody waits for a ring, after the answer was published. SeqCst: as `end` says. What it finds may be of a
    /// later request of the slot; then the answer has been taken.
    #[inline]
    pub(crate) fn needs_ring(&self) -> bool {
        self.0.load(Ordering::SeqCst) != 1
    }
}

/// The number of a slot's dispatch.
#[repr(transparent)]
#[derive(Debug)]
pub struct TicketWord(AtomicU64);

impl TicketWord {
    /// Reads the number. Relaxed: the status word orders it.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Reads the number in front of a count of pieces: see [`PieceCount`]. Acquire: pairs with `set`.
    #[inline]
    pub(crate) fn before_pieces(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Hub: another dispatch begins. Release: the counts of pieces were cleared before.
    #[inline]
    pub(crate) fn set(&self, ticket: u64) {
        stores::store("ticket", || self.0.store(ticket, Ordering::Release));
    }
}

/// How many pieces of a body are there while it is being written.
///
/// Of a request's body it is told before anybody may claim. A reader that has not claimed yet
/// 1. reads the ticket,
/// 2. reads the count, and copies so many pieces,
/// 3. claims, and finds that ticket in the slot.
///
/// Then the count was of that dispatch: of none before, since it was cleared before the ticket was set, and of none behind, since
/// that does not begin before the claimed one is over.
#[repr(transparent)]
#[derive(Debug)]
pub struct PieceCount(AtomicU8);

impl PieceCount {
    /// Hub: none of what is about to be dispatched. Relaxed: `TicketWord::set` follows.
    #[inline]
    pub(crate) fn clear(&self) {
        stores::store("pieces", || self.0.store(0, Ordering::Relaxed));
    }

    /// Who writes the body: so many are there; of more than 255 no more is told. Release: pairs with `told`.
    #[inline]
    pub(crate) fn tell(&self, pieces: usize) {
        let pieces = u8::try_from(pieces).unwrap_or(u8::MAX);
        stores::store("pieces", || self.0.store(pieces, Ordering::Release));
    }

    /// Who reads the body: so many are there. Acquire: they, and where they are, are seen.
    #[inline]
    pub(crate) fn told(&self) -> usize {
        self.0.load(Ordering::Acquire).into()
    }
}

/// The word that says a structure is complete: stored last, read first.
#[repr(transparent)]
#[derive(Debug)]
pub struct Seal(AtomicU32);

impl Seal {
    /// Says "complete". Release: whoever reads the value sees everything written before.
    pub(crate) fn close(&self, value: u32) {
        stores::store("seal", || self.0.store(value, Ordering::Release));
    }

    /// What it says. Acquire: pairs with `close`.
    #[inline]
    pub(crate) fn read(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }
}

/// Which workers are awake, a bit for each: a request that comes while enough of them are needs no ring.
///
/// A hint and no more. A worker that is awake may be busy for long; the bit of one that dies stays until the hub clears the word;
/// two may share a bit. So a caller that parks while its request is unclaimed rings first, whatever stands here.
#[repr(transparent)]
#[derive(Debug)]
pub struct AwakeWord(AtomicU32);

/// One worker's bit in an [`AwakeWord`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct AwakeBit(u32);

impl AwakeBit {
    pub(crate) fn of(owner: OwnerToken) -> Self {
        Self(1 << (owner.get() % u32::BITS))
    }
}

impl AwakeWord {
    /// Worker: it is awake. Relaxed: a hub that sees it late rings once too often.
    #[inline]
    pub(crate) fn enter(&self, bit: AwakeBit) {
        if self.0.load(Ordering::Relaxed) & bit.0 == 0 {
            stores::store("awake", || self.0.fetch_or(bit.0, Ordering::Relaxed));
        }
    }

    /// Worker: it parks after another look. How many others are awake. SeqCst, with the fence in front of that look, as `StatusWord::announce` and `count`
    /// are on the other side: announced, then counted, and left, then looked, cannot both miss each other.
    #[inline]
    pub(crate) fn leave(&self, bit: AwakeBit) -> u32 {
        let before = stores::store("awake", || self.0.fetch_and(!bit.0, Ordering::SeqCst));
        fence(Ordering::SeqCst);
        (before & !bit.0).count_ones()
    }

    /// Worker: it is to park, if more than `most` are awake; whether it left. Of several that find too many only so many leave. It
    /// parks by `leave` all the same: that has the fence in front of its last look.
    #[inline]
    pub(crate) fn leave_crowd(&self, bit: AwakeBit, most: u32) -> bool {
        let without = |word: u32| (word & bit.0 != 0 && word.count_ones() > most).then_some(word & !bit.0);
        if without(self.0.load(Ordering::Relaxed)).is_none() {
            return false;
        }
        stores::store("awake", || self.0.fetch_update(Ordering::SeqCst, Ordering::Relaxed, without).is_ok())
    }

    /// How many are awake; asked by a hub after a request was announced. SeqCst: as `leave` says.
    #[inline]
    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst).count_ones()
    }

    /// Hub: nobody is counted on any more, since somebody who was may have died. Who lives enters again with its next claim.
    /// Relaxed: who still counts on the dead has a caller that rings before it parks.
    pub(crate) fn clear(&self) {
        stores::store("awake", || self.0.store(0, Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl HeldWord {
        /// A word of private memory that says who holds.
        pub(crate) fn with(value: u32) -> Self {
            Self(AtomicU32::new(value))
        }
    }

    impl QuietByte {
        /// A byte of private memory that says whether a ring is needed.
        pub(crate) fn with(value: u8) -> Self {
            Self(AtomicU8::new(value))
        }
    }

    #[test]
    fn whatever_but_one_asks_for_a_ring() {
        assert!((0..=u8::MAX).all(|value| QuietByte::with(value).needs_ring() == (value != 1)));
    }

    #[test]
    fn a_bump_head_never_passes_its_limit_even_when_the_sum_wraps() {
        let head = BumpHead(AtomicU32::new(0));
        assert_eq!(head.take(8, 16), Some(0));
        assert_eq!(head.take(16, 16), None);
        assert_eq!(head.take(8, 16), Some(8));
        let head = BumpHead(AtomicU32::new(u32::MAX - 3));
        assert_eq!(head.take(8, u32::MAX), None);
    }

    #[test]
    fn a_rewind_fails_when_something_was_taken_meanwhile() {
        let head = BumpHead(AtomicU32::new(0));
        head.take(8, 64);
        let seen = head.given_out();
        head.take(8, 64);
        assert!(!head.rewind(seen, 0));
        assert!(head.rewind(16, 0) && head.given_out() == 0);
    }

    #[test]
    fn of_a_crowd_so_many_leave_that_the_rest_is_as_many_as_may_stay() {
        let awake = AwakeWord(AtomicU32::new(0));
        let bits: Vec<_> = (1..=4).map(|token| AwakeBit::of(OwnerToken::from_raw(token).unwrap())).collect();
        bits.iter().for_each(|&bit| awake.enter(bit));
        assert_eq!(awake.count(), 4);
        let left: Vec<_> = bits.iter().map(|&bit| awake.leave_crowd(bit, 2)).collect();
        assert_eq!((left, awake.count()), (vec![true, true, false, false], 2));
        assert!(!awake.leave_crowd(bits[0], 1), "who has left does not leave again");
        awake.leave(bits[3]);
        assert_eq!(awake.count(), 1);
    }
}

#[cfg(all(test, loom))]
#[path = "words_loom_tests.rs"]
mod loom_tests;
