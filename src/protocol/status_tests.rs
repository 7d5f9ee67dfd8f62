//! Each transition of a status word.

use super::*;

impl StatusWord {
    /// A word of private memory, for models.
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
