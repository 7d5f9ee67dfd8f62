//! A hub that counts on a worker against that worker's way to its bed, and a worker that leaves a caller to itself against that
//! caller's, in every order.

use std::sync::Arc;

use loom::thread;

use super::*;
use crate::atomic::{model, with_both_fences};
use crate::protocol::{Claim, Status, StatusWord};
use crate::sync::AnswerRight;

fn bit() -> AwakeBit {
    AwakeBit::of(OwnerToken::from_raw(7).unwrap())
}

fn counted_on_or_seen() {
    let words = Arc::new((StatusWord::free(), AwakeWord(AtomicU32::new(0))));
    let (status, awake) = &*words;
    awake.enter(bit());
    let worker = thread::spawn({
        let words = Arc::clone(&words);
        move || {
            let (status, awake) = &*words;
            awake.leave(bit());
            status.claim(Claim::by(None))
        }
    });
    assert!(status.reserve() && status.announce());
    let is_counted_on = awake.count() > 0;
    assert!(worker.join().unwrap() || !is_counted_on);
}

#[test]
fn a_worker_that_parks_is_not_counted_on_or_sees_the_request() {
    with_both_fences(|| model(3, counted_on_or_seen));
}

fn rung_for_or_seen() {
    let words = Arc::new((StatusWord::free(), QuietByte::with(0)));
    let (status, quiet) = &*words;
    assert!(status.reserve());
    quiet.start();
    assert!(status.announce() && status.claim(Claim::by(None)));
    let worker = thread::spawn({
        let words = Arc::clone(&words);
        move || {
            let (status, quiet) = &*words;
            assert!(status.publish(Claim::by(None)));
            quiet.needs_ring()
        }
    });
    quiet.end();
    let is_seen = status.observe() == Status::Done;
    assert!(worker.join().unwrap() || is_seen);
}

#[test]
fn a_caller_that_parks_is_rung_for_or_sees_the_answer() {
    with_both_fences(|| model(3, rung_for_or_seen));
}

/// An answer that is settled while its caller buries it, since bytes of its request are held, and while these are let go of.
fn buried_is_rung_for_or_seen() {
    let words = Arc::new((AnswerRight::default(), HeldWord::with(7), QuietByte::with(1)));
    let (right, held, quiet) = &*words;
    let grant = right.grant();
    assert!(right.take(grant));
    let answering = thread::spawn({
        let words = Arc::clone(&words);
        move || {
            let (right, _, quiet) = &*words;
            right.settle(grant);
            quiet.needs_ring()
        }
    });
    let holding = thread::spawn({
        let words = Arc::clone(&words);
        move || {
            let (right, held, _) = &*words;
            held.let_go();
            !right.is_out()
        }
    });
    quiet.end();
    let is_over = held.holder().is_none();
    let rings = [answering, holding].map(|thread| thread.join().unwrap());
    assert!(is_over || rings != [false; 2]);
}

#[test]
fn bytes_that_are_let_go_of_before_the_answer_is_settled_leave_the_ring_to_it() {
    with_both_fences(|| model(3, buried_is_rung_for_or_seen));
}
