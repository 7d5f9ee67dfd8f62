//! What this room promises to threads, in every order that they can come in.

use std::sync::Arc;

use loom::thread;

use super::*;
use crate::atomic::{Plain, model, with_both_fences};

#[test]
fn a_number_is_taken_by_one_and_carries_what_was_done_before_it_was_put_back() {
    with_both_fences(|| {
        model(3, || {
            let set = Arc::new((IndexSet::below(1), Plain::new(0)));
            let take = |set: &(IndexSet, Plain)| {
                let (numbers, guarded) = set;
                let taken = numbers.take();
                if let Some(number) = taken {
                    guarded.write(guarded.read() + 1);
                    numbers.put(number);
                }
                taken.is_some()
            };
            let other = thread::spawn({
                let set = Arc::clone(&set);
                move || take(&set)
            });
            let taken = u32::from(take(&set)) + u32::from(other.join().unwrap());
            assert!(taken >= 1 && set.1.read() == taken);
            assert_eq!((set.0.len(), set.0.take()), (1, Some(0)));
        });
    });
}

#[test]
fn two_numbers_are_given_to_two_takers() {
    model(3, || {
        let set = Arc::new(IndexSet::below(2));
        let other = thread::spawn({
            let set = Arc::clone(&set);
            move || set.take()
        });
        let mut taken = [set.take(), other.join().unwrap()];
        taken.sort_unstable();
        assert_eq!(taken, [Some(0), Some(1)]);
    });
}

#[test]
fn a_taker_that_finds_nothing_is_seen_by_whoever_puts_something_in() {
    with_both_fences(|| {
        model(3, || {
            let pool = Arc::new((IndexSet::below(1), OrderedCounter::default()));
            assert_eq!(pool.0.take(), Some(0));
            let owner = thread::spawn({
                let pool = Arc::clone(&pool);
                move || {
                    pool.0.put(0);
                    pool.1.peek() > 0
                }
            });
            pool.1.enter();
            let taken = pool.0.take().is_some();
            let seen = owner.join().unwrap();
            assert!(taken || seen, "the slot lies there and nobody calls the one that waits for it");
        });
    });
}

#[test]
fn one_has_the_turn_and_sees_what_the_last_one_did() {
    model(3, || {
        let turn = Arc::new((Turn::default(), Plain::new(0)));
        let play = |turn: &(Turn, Plain)| {
            let taken = turn.0.try_take();
            if taken {
                turn.1.write(turn.1.read() + 1);
                turn.0.end();
            }
            u32::from(taken)
        };
        let others = [(), ()].map(|()| {
            let turn = Arc::clone(&turn);
            thread::spawn(move || play(&turn))
        });
        let turns = play(&turn) + others.into_iter().map(|other| other.join().unwrap()).sum::<u32>();
        assert_eq!((turn.0.look(), turn.1.read()), ((false, turns.into()), turns));
    });
}

#[test]
fn a_taker_that_finds_the_turn_taken_is_seen_by_whoever_ends_it() {
    with_both_fences(|| {
        model(3, || {
            let room = Arc::new((Turn::default(), OrderedCounter::default()));
            assert!(room.0.try_take());
            let owner = thread::spawn({
                let room = Arc::clone(&room);
                move || {
                    room.0.end();
                    room.1.peek() > 0
                }
            });
            room.1.enter();
            let taken = room.0.try_take();
            assert!(owner.join().unwrap() || taken);
        });
    });
}

#[test]
fn a_raised_flag_is_seen_or_its_looker_is() {
    with_both_fences(|| {
        model(3, || {
            let both = Arc::new((Flag::default(), OrderedCounter::default(), Plain::new(0)));
            let raiser = thread::spawn({
                let both = Arc::clone(&both);
                move || {
                    both.2.write(1);
                    both.0.raise();
                    both.1.peek() > 0
                }
            });
            both.1.enter();
            let raised = both.0.is_raised();
            assert!(!raised || both.2.read() == 1);
            assert!(raiser.join().unwrap() || raised);
        });
    });
}

#[test]
fn who_counted_itself_and_who_changed_a_word_of_another_kind_do_not_both_miss() {
    with_both_fences(|| {
        model(3, || {
            // The word is read and written without sequential consistency, as a status word is.
            let both = Arc::new((OrderedCounter::default(), AtomicU32::new(0)));
            let changer = thread::spawn({
                let both = Arc::clone(&both);
                move || {
                    both.1.store(1, Ordering::Release);
                    both.0.get() > 0
                }
            });
            both.0.add(1);
            let changed = both.1.load(Ordering::Acquire) == 1;
            assert!(changer.join().unwrap() || changed);
        });
    });
}
