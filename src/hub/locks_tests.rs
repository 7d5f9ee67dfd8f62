//! What a hot call does without.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use futures::executor::block_on;
use http::Request;
use http_body_util::Full;

use super::{Hub, by_hand_tests as by_hand};
use crate::slot::Attachment;

/// Where this machine stands still in an attempt the caller parks, and then it needs locks.
const ATTEMPTS: usize = 50;

/// Calls under one hold of the locks.
const CALLS: usize = 20;

/// A worker on a thread, which is never parked and has its answers ready.
fn work(worker: &Arc<Attachment>, ends: &AtomicBool) {
    while !ends.load(Ordering::Relaxed) {
        let reply = by_hand::reply(1, by_hand::SHORT);
        if let Some(claimed) = std::iter::repeat_with(|| by_hand::claim(worker)).take(1000).flatten().next() {
            claimed.answer(reply);
        }
    }
}

/// Ends the worker, also when a test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn call(hub: &Hub, by_task: bool) {
    let request = Request::get("/").body(Full::<Bytes>::default()).unwrap();
    let answer = if by_task { block_on(hub.call(request)) } else { hub.call_blocking(request) };
    assert_eq!(answer.unwrap().status(), 201);
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
    let goes_through_while_all_are_held = |by_task| {
        // Both sides are awake after these, and know each other for hot.
        (0..100).for_each(|_| call(&hub, by_task));
        let (shared, own) = (hub.current(), hub.clone());
        let (tell, told) = mpsc::channel();
        let locks = (
            hub.hold(),
            shared.watch.lock(),
            shared.pool.hold(),
            shared.bus.slots().map(|slot| shared.board.entry(slot)).collect::<Vec<_>>(),
        );
        let caller = std::thread::spawn(move || {
            (0..CALLS).for_each(|_| call(&own, by_task));
            let _ = tell.send(());
        });
        let passed = told.recv_timeout(Duration::from_secs(1)).is_ok();
        drop(locks);
        caller.join().unwrap();
        passed
    };
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _ends = Ends(&ends);
        scope.spawn(|| work(&worker, &ends));
        for by_task in [false, true] {
            let passed = (0..ATTEMPTS).any(|_| goes_through_while_all_are_held(by_task));
            assert!(passed, "it waits for a lock, by a task: {by_task}");
        }
    });
}
