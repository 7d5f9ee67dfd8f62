//! Each transition of a status word, and the other words that two processes share.

use super::*;

impl StatusWord {
    /// A word of private memory, for models.
    pub(crate) fn with(value: u32) -> Self {
        Self(AtomicU32::new(value))
    }
}

impl HeldWord {
    /// A word of private memory that says who holds.
    pub(crate) fn with(value: u32) -> Self {
        Self(AtomicU32::new(value))
    }
}

#[test]
fn a_request_walks_through_every_state_once() {
    let slot = StatusWord::with(SLOT_FREE);
    let claim = Claim::by(OwnerToken::from_raw(7));
    assert!(slot.reserve() && !slot.reserve());
    slot.announce();
    assert!(slot.claim(claim) && !slot.claim(claim));
    assert_eq!(slot.raw(), 2 | 7 << 8);
    assert!(slot.publish(claim) && !slot.publish(claim));
    assert!(slot.release() && !slot.release());
    assert_eq!(slot.observe(), Status::Free);
}

#[test]
fn only_the_exact_claim_publishes() {
    let slot = StatusWord::with(SLOT_READY);
    let mine = Claim::by(OwnerToken::from_raw(7));
    assert!(slot.claim(mine));
    assert!(!slot.publish(Claim::by(OwnerToken::from_raw(8))), "another worker's word");
    assert!(!slot.publish(Claim::by(None)), "the plain word");
    assert!(slot.publish(mine));
}

#[test]
fn a_claimed_request_cannot_be_withdrawn_and_a_withdrawn_one_not_claimed() {
    let slot = StatusWord::with(SLOT_READY);
    assert!(slot.claim(Claim::by(None)) && !slot.withdraw());
    let slot = StatusWord::with(SLOT_READY);
    assert!(slot.withdraw() && !slot.claim(Claim::by(None)));
}

#[test]
fn a_claim_word_says_its_owner() {
    let owner = OwnerToken::from_raw(0x00AB_CDEF);
    assert_eq!(Claim::by(owner).owner(), owner);
    assert_eq!(Claim::by(None).owner(), None);
    assert_eq!(OwnerToken::from_raw(0xFF00_0000), None, "the low 24 bits are 0");
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
