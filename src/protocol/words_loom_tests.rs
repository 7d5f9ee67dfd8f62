//! A hub that counts on a worker against that worker's way to its bed, a worker that leaves a caller to itself against that
//! caller's, and a worker that reads ahead of its claim against a hub that gives a request up and writes another, in every order.

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

/// A slot, and one byte that stands for a body.
struct Written {
    status: StatusWord,
    ticket: TicketWord,
    pieces: PieceCount,
    body: AtomicU64,
}

impl Written {
    fn write(&self, ticket: u64) {
        assert!(self.status.reserve());
        self.pieces.clear();
        self.ticket.set(ticket);
        self.body.store(ticket, Ordering::Relaxed);
        self.pieces.tell(1);
    }
}

fn read_ahead_of_the_claimed() {
    let (ticket, pieces) = (TicketWord(AtomicU64::new(0)), PieceCount(AtomicU8::new(0)));
    let slot = Arc::new(Written { status: StatusWord::free(), ticket, pieces, body: AtomicU64::new(0) });
    let worker = thread::spawn({
        let slot = Arc::clone(&slot);
        move || {
            let Written { status, ticket, pieces, body } = &*slot;
            let of = ticket.before_pieces();
            let copied = (pieces.told() > 0).then(|| body.load(Ordering::Relaxed));
            if status.claim(Claim::by(None)) && ticket.get() == of {
                assert!(copied.is_none_or(|copied| copied == of), "{copied:?} of {of}");
            }
        }
    });
    slot.write(1);
    slot.status.abandon();
    slot.write(2);
    assert!(slot.status.announce());
    worker.join().unwrap();
}

#[test]
fn pieces_that_were_told_of_behind_the_ticket_that_is_claimed_are_of_its_request() {
    model(3, read_ahead_of_the_claimed);
}
