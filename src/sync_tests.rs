//! The atomics of one process, each with what it promises.

use super::*;

impl AnswerRight {
    /// A right as it stands in `word`, for models.
    pub(crate) fn with(word: u32) -> Self {
        Self(AtomicU32::new(word))
    }

    /// The word and the number of its last grant.
    pub(crate) fn word(&self) -> (u32, Grant) {
        let word = self.0.load(Ordering::Relaxed);
        (word, Grant(word & !STATE))
    }
}

#[test]
fn a_set_gives_each_number_out_once_and_the_lowest_first() {
    let set = IndexSet::below(130);
    assert_eq!((0..130).map(|_| set.take().unwrap()).collect::<Vec<_>>(), (0..130).collect::<Vec<_>>());
    assert_eq!(set.take(), None);
    set.put(129);
    set.put(64);
    assert_eq!((set.len(), set.take(), set.take(), set.take()), (2, Some(64), Some(129), None));
}

#[test]
fn a_counter_with_a_limit_reaches_it_and_never_passes_it() {
    let counter = Counter::default();
    std::thread::scope(|scope| {
        let take = || (0..1000).filter(|_| counter.add_within(3, 1000)).count();
        let threads = [(); 4].map(|()| scope.spawn(take));
        assert_eq!(threads.map(|thread| thread.join().unwrap()).iter().sum::<usize>(), 333);
    });
    assert_eq!(counter.get(), 999);
    assert!(counter.add_within(1, 1000) && !counter.add_within(u64::MAX, u64::MAX));
}

#[test]
fn an_answer_right_is_taken_once_per_grant() {
    let right = AnswerRight::default();
    let grant = right.grant();
    right.end_reading(grant);
    assert_eq!(right.held(), Some(grant));
    assert!(right.take(grant));
    assert!(!right.take(grant), "it is being written");
    assert!(right.is_out() && right.held().is_none());
    right.settle(grant);
    assert!(!right.take(grant) && !right.is_out());
}

#[test]
fn a_lease_that_reads_has_its_right_for_itself() {
    let right = AnswerRight::default();
    let grant = right.grant();
    assert!(right.is_out() && right.is_with(grant) && right.held().is_none());
    assert!(right.take(grant), "its own answer needs no reading before");
}

#[test]
fn a_lease_that_has_read_leaves_the_grant_of_a_slot_that_was_claimed_anew_alone() {
    let right = AnswerRight::default();
    let (old, new) = (right.grant(), right.grant());
    right.end_reading(old);
    assert!(!right.take(old) && right.is_with(new) && right.held().is_none());
    right.end_reading(new);
    assert_eq!(right.held(), Some(new));
}

#[test]
fn settling_an_answer_leaves_the_next_grant_of_the_slot_alone() {
    let right = AnswerRight::default();
    let answered = right.grant();
    assert!(right.take(answered));
    let next = right.grant();
    right.settle(answered);
    assert!(right.take(next), "published, reused and claimed again before it was settled");
}

#[test]
fn an_old_lease_cannot_take_the_right_of_a_new_one() {
    let right = AnswerRight::default();
    let old = right.grant();
    assert!(right.take(old));
    right.settle(old);
    let new = right.grant();
    assert!(!right.take(old));
    assert!(right.take(new));
}
