//! By which rules the model moves: the crate's own transitions, or one of them, or one order of steps, replaced by a wrong
//! one.

use super::state::Slot;
use crate::protocol::{Claim, HeldWord, OwnerToken, QuietByte, Status, StatusWord};
use crate::sync::AnswerRight;

/// An order or a condition that is not a transition of the status word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wrong {
    /// The worker claims by a load and a store.
    ClaimInTwo,
    /// The hub withdraws by a load and a store.
    WithdrawInTwo,
    /// The guard believes every claimer dead.
    ReapTheLiving,
    /// A request that is claimed is freed when its caller gives up.
    FreeTheStuck,
    /// A caller looks, registers and parks.
    ParkUnlooked,
    /// A caller that rang for nobody parks though its request is unclaimed.
    ParkUnrung,
    /// The worker rings, then publishes.
    RingEarly,
    /// A caller parks that never said that it waits for a ring.
    ParkQuietly,
    /// A zombie is left in a slot whose answer has no ring.
    BuryQuietly,
    /// The worker asks whether to ring, then publishes.
    AskEarly,
    /// The worker asks whether to ring before the right to answer is settled.
    AskUnsettled,
    /// A DONE is believed whatever the ticket says.
    TrustAnyTicket,
    /// A new hub zeroes its predecessor's region and goes on in it.
    WipeInPlace,
    /// `resp_ticket` keeps what the last answer left there.
    KeepRespTicket,
    /// The slot is freed before the response is copied.
    FreeBeforeCopy,
    /// A zombie's slot goes back into the pool at once.
    PoolTheZombie,
    /// What a worker has claimed is sent again when the region is retired.
    SendTwice,
    /// A handler answers though a shutdown has answered for it.
    AnswerUnasked,
    /// A shutdown answers for a lease that has not read its request yet.
    AnswerForTheReader,
    /// The hub frees a slot whose request's bytes are held.
    IgnoreHeld,
    /// Who lets go of a request's bytes rings for nobody.
    LetGoSilently,
    /// What a dead worker was told of is told to nobody else.
    NeverRingAgain,
}

/// The transitions that the model makes.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    pub(super) reserve: fn(&StatusWord) -> bool,
    pub(super) announce: fn(&StatusWord) -> bool,
    pub(super) claim: fn(&StatusWord, Claim) -> bool,
    pub(super) publish: fn(&StatusWord, Claim) -> bool,
    pub(super) withdraw: fn(&StatusWord) -> bool,
    pub(super) reap: fn(&StatusWord, Claim) -> bool,
    pub(super) release: fn(&StatusWord) -> bool,
    pub(super) reset: fn(&StatusWord),
    pub(super) take: fn(&AnswerRight, crate::sync::Grant) -> bool,
    pub(super) let_go: fn(&HeldWord),
    pub(super) wrong: Option<Wrong>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            reserve: StatusWord::reserve,
            announce: StatusWord::announce,
            claim: StatusWord::claim,
            publish: StatusWord::publish,
            withdraw: StatusWord::withdraw,
            reap: StatusWord::reap,
            release: StatusWord::release,
            reset: StatusWord::reset,
            take: AnswerRight::take,
            let_go: HeldWord::let_go,
            wrong: None,
        }
    }
}

impl Rules {
    pub(super) fn with(wrong: Wrong) -> Self {
        Self { wrong: Some(wrong), ..Self::default() }
    }

    /// Publishes by a plain store.
    pub(super) fn publish_by_store() -> Self {
        let publish = |word: &StatusWord, claim| {
            word.reset();
            word.reserve() && {
                word.announce();
                word.claim(claim) && word.publish(claim)
            }
        };
        Self { publish, ..Self::default() }
    }

    /// Publishes from any CLAIMED word.
    pub(super) fn publish_for_anybody() -> Self {
        let publish = |word: &StatusWord, _| match word.observe() {
            Status::Claimed(anybody) => word.publish(anybody),
            _ => false,
        };
        Self { publish, ..Self::default() }
    }

    /// Whether the worker has asked already whether to ring when it comes to ringing.
    pub(super) fn asks_early(&self) -> bool {
        self.is(Wrong::AskEarly) || self.is(Wrong::AskUnsettled)
    }

    pub(super) fn is(&self, wrong: Wrong) -> bool {
        self.wrong == Some(wrong)
    }
}

impl Slot {
    /// Makes a transition of the crate's on this slot's status word.
    pub(super) fn turn<R>(&mut self, transition: impl FnOnce(&StatusWord) -> R) -> R {
        let word = StatusWord::with(self.status);
        let result = transition(&word);
        self.status = word.raw();
        result
    }

    pub(super) fn observe(&self) -> Status {
        StatusWord::with(self.status).observe()
    }

    /// Makes a transition of the crate's on this slot's `held`.
    pub(super) fn turn_held(&mut self, transition: impl FnOnce(&HeldWord)) {
        let word = HeldWord::with(self.held.into());
        transition(&word);
        self.held = word.holder().map_or(0, OwnerToken::get) as u8;
    }

    /// Makes a transition of the crate's on this slot's `quiet`.
    pub(super) fn turn_quiet(&mut self, transition: impl FnOnce(&QuietByte)) {
        let byte = QuietByte::with(self.is_quiet.into());
        transition(&byte);
        self.is_quiet = !byte.needs_ring();
    }

    pub(super) fn needs_ring(&self) -> bool {
        QuietByte::with(self.is_quiet.into()).needs_ring()
    }

    pub(super) fn holder(&self) -> Option<OwnerToken> {
        HeldWord::with(self.held.into()).holder()
    }
}

/// The claim of the owner with this token; 0 for a worker of the published kind.
pub(super) fn claim_by(owner: u32) -> Claim {
    Claim::by(OwnerToken::from_raw(owner))
}
