//! What a hot call does without.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use super::{Hub, by_hand_tests as by_hand};
use crate::slot::Attachment;

/// Where this machine stands still in an attempt the caller parks, and then it needs locks.
const ATTEMPTS: usize = 50;

/// A worker on a thread, which is never parked and has its answers ready.
fn work(worker: &Arc<Attachment>, ends: &AtomicBool) {
    while !ends.load(Ordering::Relaxed) {
        let reply = by_hand::reply(1, by_hand::SHORT);
        let claimed = std::iter::repeat_with(|| by_hand::claim(worker)).take(1000).find_map(|claimed| claimed);
        claimed.map(|claimed| claimed.answer(reply));
    }
}

#[test]
fn a_hot_call_takes_no_lock_of_its_hub() {
    if std::thread::available_parallelism().is_ok_and(|cores| cores.get() == 1) {
        println!("not run: a_hot_call_takes_no_lock_of_its_hub (with one core every caller parks, by intention)");
        return;
    }
    let name = by_hand::name();
    let hub = Hub::builder(name.name()).prefix("slotbus-test").spin(Duration::from_micros(50)).create().unwrap();
    let worker = by_hand::worker(&name, None);
    let (ends, call) = (AtomicBool::new(false), |hub: &Hub| {
        let request = Request::get("/").body(Full::<Bytes>::default()).unwrap();
        assert_eq!(hub.call_blocking(request).unwrap().status(), 201);
    });
    let goes_through_while_all_are_held = || {
        // Both sides are awake after these, and know each other for hot.
        (0..100).for_each(|_| call(&hub));
        let (shared, own) = (hub.current(), hub.clone());
        let (tell, told) = mpsc::channel();
        let locks = (
            hub.handle.0.hold(),
            shared.watch.lock(),
            shared.pool.lock(),
            shared.bus.slots().map(|slot| shared.board.entry(slot)).collect::<Vec<_>>(),
        );
        let caller = std::thread::spawn(move || {
            call(&own);
            let _ = tell.send(());
        });
        let passed = told.recv_timeout(Duration::from_secs(1)).is_ok();
        drop(locks);
        caller.join().unwrap();
        passed
    };
    std::thread::scope(|scope| {
        scope.spawn(|| work(&worker, &ends));
        let passed = (0..ATTEMPTS).any(|_| goes_through_while_all_are_held());
        ends.store(true, Ordering::Relaxed);
        assert!(passed, "it waits for a lock");
    });
}
