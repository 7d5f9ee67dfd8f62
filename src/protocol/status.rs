//! The status word of a slot: its values, and each change of it as a named method.
//!
//! ```text
//!              reserve            announce            claim              publish
//!   FREE ───────────────► WRITING ───────► READY ───────────► CLAIMED ───────────► DONE
//!    ▲   hub                 │ hub           │ hub    worker      │      worker      │
//!    ├───────────────────────┘ abandon       │                    │                  │
//!    ├───────────────────────────────────────┘ withdraw           │                  │
//!    ├────────────────────────────────────────────────────────────┘ reap (hub)       │
//!    └───────────────────────────────────────────────────────────────────────────────┘ release (hub)
//! ```
//!
//! And `put_back` (worker) leads from CLAIMED to READY, before the request was looked at.
//!
//! Only the owner of a state leaves it: the hub owns FREE, WRITING and DONE, READY belongs to whoever wins the
//! compare-exchange, CLAIMED to the worker whose exact word stands there. Every transition out of a state that
//! somebody else may leave is a compare-exchange. This file, `words` and `sync` are the only places that choose an
//! `Ordering`, beside the relaxed field accessors of `layout`.

use std::fmt;
use std::num::NonZeroU32;

use super::slot_state::SlotState;
use crate::atomic::{AtomicU32, Ordering};
use crate::sync::stores;

/// Slot status: available for a new request.
pub const SLOT_FREE: u32 = 0;
/// Slot status: holds a request nobody has claimed yet.
pub const SLOT_READY: u32 = 1;
/// Slot status: a worker has claimed the request; on a region with LOCKS its owner stands in the upper 24 bits.
pub const SLOT_CLAIMED: u32 = 2;
/// Slot status: holds a response the hub has not read yet.
pub const SLOT_DONE: u32 = 3;
/// Slot status: the hub is writing a request.
pub const SLOT_WRITING: u32 = 4;

/// A random number of 24 bits, never 0, that names one attachment of a worker.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct OwnerToken(NonZeroU32);

impl OwnerToken {
    /// The token made of the low 24 bits of `raw`, unless these are 0.
    pub(crate) fn from_raw(raw: u32) -> Option<Self> {
        NonZeroU32::new(raw & 0x00FF_FFFF).map(Self)
    }

    /// The token's number.
    pub(crate) fn get(self) -> u32 {
        self.0.get()
    }
}

/// The exact word that a claim stores: CLAIMED, with the owner where the hub announces LOCKS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Claim(u32);

impl Claim {
    /// The word of a claim by `owner`; `None` writes the plain CLAIMED of a region without LOCKS.
    pub(crate) fn by(owner: Option<OwnerToken>) -> Self {
        Self(SLOT_CLAIMED | owner.map_or(0, |owner| owner.get() << 8))
    }

    /// Who claimed, if the word says so.
    pub(crate) fn owner(self) -> Option<OwnerToken> {
        OwnerToken::from_raw(self.0 >> 8)
    }
}

/// What a status word says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    /// No request.
    Free,
    /// A request being written.
    Writing,
    /// A request waiting for a worker.
    Ready,
    /// A request some worker runs.
    Claimed(Claim),
    /// A response waiting for the hub.
    Done,
    /// No value of the protocol.
    Unknown(u32),
}

impl Status {
    /// What `word` says.
    #[inline]
    pub(super) fn of(word: u32) -> Self {
        match word {
            SLOT_FREE => Self::Free,
            SLOT_WRITING => Self::Writing,
            SLOT_READY => Self::Ready,
            SLOT_DONE => Self::Done,
            word if word & 0xFF == SLOT_CLAIMED => Self::Claimed(Claim(word)),
            word => Self::Unknown(word),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SlotState::from(*self).fmt(f)
    }
}

/// The status word of one slot, in shared memory.
#[repr(transparent)]
#[derive(Debug)]
pub struct StatusWord(AtomicU32);

impl StatusWord {
    /// The word of a free slot, for models of other rooms.
    #[cfg(all(test, loom))]
    pub(crate) fn free() -> Self {
        Self(AtomicU32::new(SLOT_FREE))
    }

    /// The state now. Acquire: pairs with `announce` (a READY seen here carries its request) and with `publish`
    /// (a DONE seen here carries its response).
    #[inline]
    pub(crate) fn observe(&self) -> Status {
        Status::of(self.0.load(Ordering::Acquire))
    }

    /// The raw word, for tables and logs.
    pub fn raw(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Hub: FREE → WRITING. Acquire: pairs with `release`, so the former request's reads are over before the slot's
    /// fields are written again.
    #[must_use]
    #[inline]
    pub(crate) fn reserve(&self) -> bool {
        self.exchange(SLOT_FREE, SLOT_WRITING, Ordering::Acquire)
    }

    /// Hub: WRITING → FREE, nothing was sent. Release: pairs with the next `reserve`. By exchange, although the word is the
    /// hub's: another hub may have taken the region over, and then it is not any more.
    pub(crate) fn abandon(&self) {
        self.exchange(SLOT_WRITING, SLOT_FREE, Ordering::Release);
    }

    /// Hub: WRITING → READY. Release: the whole request is visible to whoever claims. SeqCst: it is announced before workers
    /// that look by themselves are counted, see `AwakeWord::leave`. By exchange, as `abandon`; a request that is not announced
    /// so is found to be so by whoever waits for it. False when it is not.
    #[inline]
    pub(crate) fn announce(&self) -> bool {
        self.exchange(SLOT_WRITING, SLOT_READY, Ordering::SeqCst)
    }

    /// Worker: READY → CLAIMED. Acquire: pairs with `announce`; nothing of the response can be written before it.
    #[must_use]
    #[inline]
    pub(crate) fn claim(&self, claim: Claim) -> bool {
        // A look before the exchange keeps the line shared while there is nothing to claim.
        self.0.load(Ordering::Relaxed) == SLOT_READY && self.exchange(SLOT_READY, claim.0, Ordering::Acquire)
    }

    /// Worker: CLAIMED → DONE, only from the exact word it claimed with. Release: the whole response is visible to
    /// the hub that sees DONE. SeqCst: it is published before the worker asks whether to ring, see `QuietByte::end`.
    #[must_use]
    #[inline]
    pub(crate) fn publish(&self, claim: Claim) -> bool {
        self.exchange(claim.0, SLOT_DONE, Ordering::SeqCst)
    }

    /// Worker: CLAIMED → READY, from the exact word it claimed with, when the request turns out to be another life's, before
    /// anything of it was read. Release: goes on with what `announce` released.
    pub(crate) fn put_back(&self, claim: Claim) {
        self.exchange(claim.0, SLOT_READY, Ordering::Release);
    }

    /// Hub: READY → FREE, the caller gave up before any worker claimed. AcqRel: it decides against `claim`, and the
    /// next `reserve` follows it.
    #[must_use]
    pub(crate) fn withdraw(&self) -> bool {
        self.exchange(SLOT_READY, SLOT_FREE, Ordering::AcqRel)
    }

    /// Hub: CLAIMED → FREE, from the exact word of a worker that is proven dead.
    #[must_use]
    pub(crate) fn reap(&self, claim: Claim) -> bool {
        self.exchange(claim.0, SLOT_FREE, Ordering::AcqRel)
    }

    /// Hub: any word → FREE, in a slot whose entry found FREE or a word that no transition leads to. Release: as
    /// `abandon`. A store: nobody else may leave such a word.
    pub(crate) fn reset(&self) {
        self.put(SLOT_FREE);
    }

    /// Hub: DONE → FREE, after the response was copied out. Release: the copying is over before the slot is reused.
    #[must_use]
    #[inline]
    pub(crate) fn release(&self) -> bool {
        self.exchange(SLOT_DONE, SLOT_FREE, Ordering::Release)
    }

    #[inline]
    fn exchange(&self, from: u32, to: u32, success: Ordering) -> bool {
        stores::store("status", || self.0.compare_exchange(from, to, success, Ordering::Relaxed).is_ok())
    }

    fn put(&self, to: u32) {
        stores::store("status", || self.0.store(to, Ordering::Release));
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
#[cfg(all(test, loom))]
#[path = "status_loom_tests.rs"]
mod loom_tests;
