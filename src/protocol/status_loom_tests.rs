//! A slot's transitions in every order that their threads can come in, with the bytes they guard as plain memory.

use std::sync::Arc;

use loom::thread;

use super::super::HeldWord;
use super::*;
use crate::atomic::{Plain, model, with_stores_in_order};
use crate::sync::{AnswerRight, Grant};

/// A slot: its word, the right to answer it, and the bytes of its request and its response.
struct Slot {
    status: StatusWord,
    right: AnswerRight,
    request: Plain,
    response: Plain,
}

impl Slot {
    fn free() -> Arc<Self> {
        let status = StatusWord(AtomicU32::new(SLOT_FREE));
        Arc::new(Self { status, right: AnswerRight::default(), request: Plain::new(0), response: Plain::new(0) })
    }

    /// A slot whose request of this number waits for a worker.
    fn ready(number: u32) -> Arc<Self> {
        let slot = Self::free();
        assert!(slot.send(number));
        slot
    }

    /// Hub: sends request `number` if the slot is free.
    fn send(&self, number: u32) -> bool {
        let reserved = self.status.reserve();
        if reserved {
            self.request.write(number);
            self.status.announce();
        }
        reserved
    }

    /// Worker: claims, answers ten times the request's number, publishes; the number if all of that was to be.
    fn work(&self, claim: Claim) -> Option<u32> {
        if !self.status.claim(claim) {
            return None;
        }
        let number = self.request.read();
        self.response.write(10 * number);
        self.status.publish(claim).then_some(number)
    }

    /// Hub: takes the answer if it is there.
    fn take(&self) -> Option<u32> {
        if self.status.observe() != Status::Done {
            return None;
        }
        let answer = self.response.read();
        assert!(self.status.release());
        Some(answer)
    }
}

fn claim(owner: u32) -> Claim {
    Claim::by(OwnerToken::from_raw(owner))
}

/// Tries until it succeeds, while others run.
fn until<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    loop {
        if let Some(result) = attempt() {
            return result;
        }
        thread::yield_now();
    }
}

#[test]
fn of_two_workers_one_claims_and_sees_the_request() {
    model(3, || {
        let slot = Slot::free();
        let workers = [7, 8].map(|owner| {
            let slot = Arc::clone(&slot);
            thread::spawn(move || slot.work(claim(owner)))
        });
        assert!(slot.send(1));
        let mut numbers: Vec<_> = workers.into_iter().filter_map(|worker| worker.join().unwrap()).collect();
        // Both may have looked before the request was there.
        numbers.extend(slot.work(claim(9)));
        assert_eq!(numbers, [1]);
    });
}

#[test]
fn a_slot_goes_from_request_to_request_and_no_byte_is_used_by_two() {
    model(3, || {
        let slot = Slot::free();
        let worker = thread::spawn({
            let slot = Arc::clone(&slot);
            move || [7, 7].map(|owner| until(|| slot.work(claim(owner))))
        });
        for number in [1, 2] {
            assert!(slot.send(number));
            assert_eq!(until(|| slot.take()), 10 * number);
        }
        assert_eq!(worker.join().unwrap(), [1, 2]);
    });
}

#[test]
fn a_slot_that_one_thread_of_the_hub_frees_is_filled_by_another_and_claimed_by_another_worker() {
    model(3, || {
        let slot = Slot::ready(1);
        assert_eq!(slot.work(claim(7)), Some(1));
        let taker = thread::spawn({
            let slot = Arc::clone(&slot);
            move || slot.take()
        });
        let sender = thread::spawn({
            let slot = Arc::clone(&slot);
            move || slot.send(2)
        });
        let worked = slot.work(claim(8));
        assert_eq!(taker.join().unwrap(), Some(10));
        // Sender and worker may both have come too early.
        assert!(sender.join().unwrap() || slot.send(2));
        assert_eq!(worked.or_else(|| slot.work(claim(9))), Some(2));
        assert_eq!(slot.take(), Some(20));
    });
}

#[test]
fn a_request_is_withdrawn_or_claimed_and_never_both() {
    model(3, || {
        let slot = Slot::ready(1);
        let worker = thread::spawn({
            let slot = Arc::clone(&slot);
            move || slot.work(claim(7))
        });
        let withdrawn = slot.status.withdraw();
        if withdrawn {
            // The slot is the hub's again, to the last byte; the worker may still claim what comes now.
            assert!(slot.send(2));
        }
        let worked = worker.join().unwrap();
        match (withdrawn, worked) {
            (true, None) => assert_eq!(slot.status.observe(), Status::Ready),
            (true, Some(2)) | (false, Some(1)) => assert!(slot.take().is_some()),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_claim_is_reaped_or_published_and_a_reaped_one_answers_no_later_request() {
    model(3, || {
        let slot = Slot::ready(1);
        assert!(slot.status.claim(claim(7)));
        // As far as the hub knows this worker is dead, and here it is wrong: it publishes late.
        let late = thread::spawn({
            let slot = Arc::clone(&slot);
            move || slot.status.publish(claim(7))
        });
        let next = thread::spawn({
            let slot = Arc::clone(&slot);
            move || slot.work(claim(8))
        });
        let reaped = slot.status.reap(claim(7));
        if reaped {
            assert!(slot.send(2));
        }
        let (published, worked) = (late.join().unwrap(), next.join().unwrap());
        assert_ne!(reaped, published);
        match worked {
            Some(number) => assert_eq!((reaped, number, slot.take()), (true, 2, Some(20))),
            None => assert_eq!(slot.status.observe(), if reaped { Status::Ready } else { Status::Done }),
        }
    });
}

/// Answers if the right is still there; whether it was.
fn answer(slot: &Slot, claim: Claim, grant: Grant, answer: u32) -> bool {
    let taken = slot.right.take(grant);
    if taken {
        slot.response.write(answer);
        assert!(slot.status.publish(claim));
        slot.right.settle(grant);
    }
    taken
}

#[test]
fn a_lease_answers_or_the_shutdown_that_revokes_it_and_nothing_is_written_afterwards() {
    model(3, || {
        let slot = Slot::ready(1);
        assert!(slot.status.claim(claim(7)));
        let grant = slot.right.grant();
        let lease = thread::spawn({
            let slot = Arc::clone(&slot);
            move || {
                // Else the next request could be written meanwhile.
                assert_eq!(slot.request.read(), 1);
                slot.right.end_reading(grant);
                answer(&slot, claim(7), grant, 10)
            }
        });
        // As `Attachment::revoke` does it.
        let mut revoked = false;
        while slot.right.is_out() {
            match slot.right.held() {
                Some(grant) => revoked |= answer(&slot, claim(7), grant, 503),
                None => thread::yield_now(),
            }
        }
        // Nobody reads or writes any more, so this needs nobody's word.
        let answered = slot.response.read();
        slot.response.write(0);
        slot.request.write(2);
        assert_eq!((lease.join().unwrap(), answered), (!revoked, if revoked { 503 } else { 10 }));
    });
}

#[test]
fn an_answer_that_is_settled_late_leaves_the_next_lease_its_right() {
    // Loom alone would let `grant` store what `settle` then overwrites, though `settle` is an exchange of what stood there
    // before; an exchange puts its value right behind the one it read.
    with_stores_in_order(|| model(3, late_settling));
}

fn late_settling() {
    let slot = Slot::ready(1);
    assert!(slot.status.claim(claim(7)));
    let first = slot.right.grant();
    let lease = thread::spawn({
        let slot = Arc::clone(&slot);
        move || answer(&slot, claim(7), first, 10)
    });
    assert_eq!(until(|| slot.take()), 10);
    assert!(slot.send(2) && slot.status.claim(claim(7)));
    let second = slot.right.grant();
    assert!(answer(&slot, claim(7), second, 20), "the right is this lease's");
    assert!(lease.join().unwrap() && !slot.right.is_out());
}

#[test]
fn bytes_that_a_worker_holds_are_not_written_before_it_let_go() {
    model(3, || {
        let slot = Slot::ready(1);
        let held = Arc::new(HeldWord::with(0));
        let worker = thread::spawn({
            let (slot, held) = (Arc::clone(&slot), Arc::clone(&held));
            move || {
                assert!(slot.status.claim(claim(7)));
                held.hold(OwnerToken::from_raw(7).unwrap());
                slot.response.write(10);
                assert!(slot.status.publish(claim(7)));
                assert_eq!(slot.request.read(), 1, "lent, and read after the answer");
                held.let_go();
            }
        });
        until(|| (slot.status.observe() == Status::Done).then_some(()));
        until(|| held.holder().is_none().then_some(()));
        assert_eq!(slot.take(), Some(10));
        assert!(slot.send(2));
        worker.join().unwrap();
    });
}
