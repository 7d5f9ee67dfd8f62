//! Which requests ring, and for whom.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::rings::TURN;
use super::tests::{attach, call, pair, reply};
use super::*;
use crate::protocol::{Status, Version};
use crate::sync::stores;

/// Sends a request that rings for nobody if a worker is awake; whether it rang.
fn dispatch(hub: &HubBus) -> bool {
    let slot = hub.slots().find(|&slot| hub.status(slot) == Status::Free).unwrap();
    let written = hub.reserve(slot).unwrap().write(&call(0), 0).unwrap();
    written.announce_unless(0, || hub.awake_workers() > 0).1
}

fn rings(hub: &HubBus) -> u32 {
    hub.bus().requests().rings()
}

fn free_all(hub: &HubBus) {
    hub.slots().for_each(|slot| hub.slot(slot).status.reset());
}

/// A hub and a worker that is awake.
fn awake_pair() -> (HubBus, Arc<Attachment>) {
    let (hub, worker) = pair(Version::V1);
    worker.stand_by();
    (hub, worker)
}

/// Another worker with a bit of its own: of 32 pairs one shares theirs.
fn attach_beside(hub: &HubBus, worker: &Attachment) -> Arc<Attachment> {
    let mut others = std::iter::repeat_with(|| attach(hub.bus().name()));
    others.find(|other| other.awake_bit != worker.awake_bit).unwrap()
}

#[test]
fn a_worker_looks_once_more_for_who_counted_on_it_and_is_rung_for_when_it_is_parked() {
    let (hub, worker) = awake_pair();
    assert!(!dispatch(&hub) && rings(&hub) == 0, "it is awake");
    let Parked::Claimed(lease) = worker.park(&mut ScanCursor::default(), Duration::from_secs(60)) else {
        panic!("it slept over a request");
    };
    lease.answer(reply(0));
    assert_eq!(hub.awake_workers(), 1);
    thread::scope(|scope| {
        let parked = scope.spawn(|| worker.park(&mut ScanCursor::default(), Duration::from_secs(60)));
        while hub.awake_workers() > 0 {
            thread::yield_now();
        }
        // Either it is counted as parked and rung for, or it has seen the request in its last look.
        assert!(dispatch(&hub));
        assert!(!matches!(parked.join().unwrap(), Parked::Late));
    });
}

#[test]
fn a_worker_that_stands_aside_hands_on_what_it_was_counted_on_for() {
    let (hub, worker) = awake_pair();
    worker.stand_aside();
    assert_eq!((hub.awake_workers(), rings(&hub)), (0, 0), "nobody waits");
    worker.stand_by();
    assert!(!dispatch(&hub));
    worker.stand_aside();
    assert_eq!((hub.awake_workers(), rings(&hub)), (0, 1));
}

#[test]
fn rings_that_a_worker_takes_for_requests_it_does_not_claim_are_rung_again() {
    /// Sends what the hub rings for, as nobody is awake: as many times as there are other workers parked.
    fn dispatch_rung(hub: &HubBus, count: u32) {
        hub.forget_awake_workers();
        assert!((0..count).all(|_| dispatch(hub)) && rings(hub) == count);
    }

    let (hub, worker) = awake_pair();
    let (hub, mut cursor) = (Arc::new(hub), ScanCursor::default());
    // Those that it owes since requests that nobody rang for.
    assert!((0..3).all(|_| !dispatch(&hub)));
    for _ in 0..3 {
        worker.claim(&mut cursor).unwrap().answer(reply(0));
    }
    free_all(&hub);
    dispatch_rung(&hub, 3);
    let taken = worker.take_rings_owed();
    let lease = worker.claim(&mut cursor).unwrap();
    worker.hand_on(taken);
    assert_eq!((taken, rings(&hub)), (3, 2), "two requests are for others");
    // Those that come while it takes what lies there, after a ring that was for nothing.
    drop(lease);
    hub.bus().requests().take_all();
    free_all(&hub);
    hub.bus().requests().ring();
    stores::interrupt(1, {
        let hub = Arc::clone(&hub);
        move || dispatch_rung(&hub, 3)
    });
    let lease = worker.claim_for_ring(&mut cursor);
    stores::heard();
    assert!(lease.is_some());
    assert_eq!(rings(&hub), 2, "two requests are for others");
}

#[test]
fn a_worker_that_has_answered_for_long_goes_on_where_no_other_takes_over() {
    let (hub, worker) = awake_pair();
    let end_turn = || worker.end_turn(Duration::ZERO, 0);
    assert!(!end_turn() && hub.awake_workers() == 1, "it has answered nothing");
    worker.counts.published.add(TURN);
    assert!(!end_turn() && hub.awake_workers() == 1, "there is no other");
    let other = attach_beside(&hub, &worker);
    worker.counts.published.add(TURN);
    assert!(!end_turn() && hub.awake_workers() == 1, "it goes on for longer then");
    // One that is awake already may be busy for long.
    other.stand_by();
    worker.counts.published.add(4 * TURN);
    assert!(!dispatch(&hub));
    assert!(!end_turn() && hub.awake_workers() == 1);
    assert_eq!(rings(&hub), 1, "what waits is rung for");
    assert!(worker.claim(&mut ScanCursor::default()).unwrap().answer(reply(0)));
}

#[test]
fn a_worker_that_has_answered_for_long_leaves_what_comes_to_one_that_is_woken_for_it() {
    let (hub, worker) = awake_pair();
    let other = attach_beside(&hub, &worker);
    worker.counts.published.add(TURN);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut cursor = ScanCursor::default();
            let lease = match other.park(&mut cursor, Duration::from_secs(60)) {
                Parked::Claimed(lease) => lease,
                Parked::Rung => other.claim_for_ring(&mut cursor).expect("it was rung for"),
                Parked::Late => panic!("it slept over its turn"),
            };
            other.take_rings_owed();
            assert!(lease.answer(reply(0)));
        });
        scope.spawn(|| {
            while hub.awake_workers() > 0 {
                thread::yield_now();
            }
            assert!(dispatch(&hub), "nobody is counted on");
        });
        assert!(worker.end_turn(Duration::from_secs(60), 0));
    });
    assert_eq!(hub.awake_workers(), 1);
    // It has looked, and looks no more before it parks: what comes is the other's, and is not rung for.
    assert!(!dispatch(&hub));
    assert!(matches!(worker.wait_for_ring(&mut ScanCursor::default(), Duration::ZERO), Parked::Late));
    assert!(other.claim(&mut ScanCursor::default()).unwrap().answer(reply(0)));
}

#[test]
fn a_worker_that_leaves_its_turn_rings_again_for_what_the_other_does_not_claim() {
    let (hub, worker) = awake_pair();
    let other = attach_beside(&hub, &worker);
    worker.counts.published.add(TURN);
    for _ in 0..2 {
        assert!(!dispatch(&hub));
        assert!(worker.claim(&mut ScanCursor::default()).unwrap().answer(reply(0)));
    }
    free_all(&hub);
    hub.forget_awake_workers();
    assert!(dispatch(&hub) && dispatch(&hub), "nobody is awake");
    worker.stand_by();
    let taken = worker.take_rings_owed();
    assert_eq!((taken, rings(&hub)), (2, 0));
    thread::scope(|scope| {
        let lease = scope.spawn(|| {
            while hub.awake_workers() > 0 {
                thread::yield_now();
            }
            let lease = other.claim(&mut ScanCursor::default()).unwrap();
            // The one that it was rung for comes at once or a moment later.
            while other.take_rings_owed() == 0 {
                other.rings_owed.set(1);
            }
            lease
        });
        assert!(worker.end_turn(Duration::from_secs(60), taken));
        lease.join().unwrap().answer(reply(0));
    });
    assert_eq!(rings(&hub), 1, "the second request is for a third worker, or for this one");
}

#[test]
fn a_worker_that_its_hub_has_forgotten_says_again_that_it_is_awake_with_its_next_claim() {
    let (hub, worker) = awake_pair();
    hub.forget_awake_workers();
    assert!(dispatch(&hub));
    let lease = worker.claim(&mut ScanCursor::default()).unwrap();
    assert_eq!(hub.awake_workers(), 1);
    assert_eq!((worker.take_rings_owed(), rings(&hub)), (1, 0));
    lease.answer(reply(0));
}

#[test]
fn an_answer_rings_only_for_a_caller_that_does_not_look_by_itself_any_more() {
    for (asks, rung) in [(false, 0), (true, 1)] {
        let (hub, worker) = awake_pair();
        let slot = hub.slots().next().unwrap();
        let written = hub.reserve(slot).unwrap().write(&call(0), 0).unwrap();
        let (sent, _) = written.announce_unless(0, || true);
        let lease = worker.claim(&mut ScanCursor::default()).unwrap();
        if asks {
            sent.expect_ring(&hub);
        }
        lease.answer(reply(0));
        assert_eq!((sent.progress(&hub), hub.bus().responses().rings()), (Progress::Finished, rung));
    }
}

#[test]
fn a_worker_that_another_hub_has_taken_the_region_from_writes_nothing_there() {
    let (hub, worker) = awake_pair();
    let header = hub.bus().region().header();
    let epoch = header.epoch.get();
    header.epoch.set(epoch ^ 1);
    worker.stand_aside();
    assert!(!worker.leave_crowd() && worker.claim(&mut ScanCursor::default()).is_none());
    assert_eq!((hub.awake_workers(), rings(&hub)), (1, 0));
    // A region that is another's is not the hub's to remove.
    header.epoch.set(epoch);
}
