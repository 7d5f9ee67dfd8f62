//! The baton and its waiting room in every order that pumps can come in.

use std::sync::Arc;

use loom::thread;

use super::*;
use crate::atomic::{Plain, model, with_both_fences, with_time_outs};

/// A pump that has the baton once; whether it got it.
fn turn(baton: &(Baton, Plain), handover: Handover) -> bool {
    let Some(held) = baton.0.take() else { return false };
    baton.1.write(baton.1.read() + 1);
    held.give_up(handover);
    true
}

fn two_pumps(handover: Handover) {
    with_both_fences(|| {
        model(2, move || {
            let baton = Arc::new((Baton::default(), Plain::new(0)));
            let other = thread::spawn({
                let baton = Arc::clone(&baton);
                move || turn(&baton, handover)
            });
            // A pump that nobody wakes makes loom find all threads asleep.
            assert!(turn(&baton, handover) && other.join().unwrap());
            assert_eq!(baton.1.read(), 2);
        });
    });
}

#[test]
fn a_baton_that_is_given_up_at_once_reaches_whoever_waits() {
    two_pumps(Handover::Now);
}

#[test]
fn a_baton_that_is_given_up_for_later_reaches_a_deputy_whose_watch_just_ends() {
    with_time_outs(|| two_pumps(Handover::Later));
}

#[test]
fn three_pumps_hand_the_baton_on() {
    model(2, || {
        let baton = Arc::new((Baton::default(), Plain::new(0)));
        let others = [(), ()].map(|()| {
            let baton = Arc::clone(&baton);
            thread::spawn(move || turn(&baton, Handover::Now))
        });
        assert!(turn(&baton, Handover::Now));
        others.into_iter().for_each(|other| assert!(other.join().unwrap()));
        assert_eq!(baton.1.read(), 3);
    });
}

#[test]
fn closing_reaches_a_pump_that_is_about_to_sleep() {
    with_both_fences(|| {
        model(3, || {
            let baton = Arc::new((Baton::default(), Plain::new(0)));
            let held = baton.0.take().unwrap();
            let waiting = thread::spawn({
                let baton = Arc::clone(&baton);
                move || turn(&baton, Handover::Now)
            });
            baton.0.close();
            assert!(!waiting.join().unwrap());
            held.give_up(Handover::Now);
        });
    });
}
