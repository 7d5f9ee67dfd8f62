//! A hub and a worker on one mapping, for race detectors: these tell memory by its addresses, so they see no race between two
//! mappings of one object. `tests/sanitizers.sh` runs this under them.
//!
//! Nobody waits on a bell here. A semaphore orders what comes before its ring, and would hide what the status word alone must
//! order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use uuid::Uuid;

use super::*;
use crate::bus::{Access, Bus, Founding};
use crate::protocol::{BusName, Length, OutgoingCall, OutgoingReply, RequestId, Route, Version};

/// Requests in all.
const REQUESTS: usize = 10_000;
/// Threads of the hub, and of the worker.
const THREADS: usize = 2;
/// Requests that one thread of the hub has in flight.
const IN_FLIGHT: usize = 3;
/// Bytes that fit into a slot, meta and body together.
const HALF: usize = 4096;
/// Makes the worker touch an answer that it has published already, which a race detector must report.
const PLANTED_RACE: &str = "SLOTBUS_PLANTED_RACE";

/// The body of a request: mostly inline, now and then too long for its slot.
fn body(number: usize) -> Bytes {
    let len = if number.is_multiple_of(97) { HALF + number % 20_000 } else { number * 31 % 3500 };
    (0..len).map(|i| (number * 131 + i * 7) as u8).collect()
}

/// What the worker makes of a body.
fn turned(body: &Bytes) -> Bytes {
    body.iter().rev().map(|byte| byte ^ 0x5A).collect()
}

/// Answered requests; more than there can be, once a thread has failed, so that no other waits for it.
#[derive(Default)]
struct Answered(AtomicUsize);

impl Answered {
    /// Relaxed: what is counted orders nothing that a race detector is to look at.
    fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

struct FailTogether<'a>(&'a Answered);

impl Drop for FailTogether<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.0.store(2 * REQUESTS, Ordering::Relaxed);
        }
    }
}

fn send(hub: &HubBus, number: usize) -> Option<DispatchedSlot> {
    let reserved = hub.slots().find_map(|slot| hub.reserve(slot))?;
    let id = RequestId::from(Uuid::from_u128(number as u128 + 1));
    let target = format!("/{number}").parse().unwrap();
    let call = OutgoingCall::new(id, &Method::POST, &target, &Route::default(), &HeaderMap::new(), 0);
    let mut call = call.unwrap();
    call.put_body(body(number).into());
    Some(reserved.write(&call, 0).unwrap().announce(0))
}

fn reply(body: Bytes) -> OutgoingReply {
    OutgoingReply::new(StatusCode::CREATED, &HeaderMap::new(), Length::Kept, body.into(), 0).unwrap()
}

/// Takes the answer if it is there and compares it.
fn take(hub: &HubBus, sent: &DispatchedSlot, number: usize) -> bool {
    if sent.progress(hub) != Progress::Finished {
        return false;
    }
    let reply = sent.finished(hub).read(None).unwrap();
    assert_eq!((reply.status, reply.body), (201, turned(&body(number))), "request {number}");
    assert!(sent.finished(hub).free());
    true
}

/// One thread of the hub: every `THREADS`th request.
fn call_all(hub: &HubBus, first: usize, answered: &Answered) {
    let _fails = FailTogether(answered);
    let mut numbers = (first..REQUESTS).step_by(THREADS).peekable();
    let mut sent: Vec<(DispatchedSlot, usize)> = Vec::new();
    while numbers.peek().is_some() || !sent.is_empty() {
        assert!(answered.get() <= REQUESTS, "another thread has failed");
        if sent.len() < IN_FLIGHT
            && let Some(&number) = numbers.peek()
            && let Some(slot) = send(hub, number)
        {
            sent.push((slot, number));
            numbers.next();
        }
        sent.retain(|(slot, number)| !take(hub, slot, *number));
        thread::yield_now();
    }
}

/// One thread of the worker: answers until all requests are.
fn serve(worker: &Arc<Attachment>, answered: &Answered, plants_race: bool) {
    let _fails = FailTogether(answered);
    let mut cursor = ScanCursor::default();
    while answered.get() < REQUESTS {
        let Some(mut claimed) = worker.claim(&mut cursor) else {
            thread::yield_now();
            continue;
        };
        let call = claimed.read().unwrap();
        let index = claimed.index();
        let reply = reply(turned(&call.body));
        assert!(claimed.answer(reply));
        answered.add();
        if plants_race {
            touch(worker, index);
        }
    }
}

/// Writes to a slot that is not this worker's any more: its answer's meta, as it is, so that the hub reads what it should.
fn touch(worker: &Attachment, index: crate::protocol::SlotIndex) {
    let region = worker.bus().region();
    let Ok(payload) = region.slot(index).response.read(region.geometry()) else { return };
    let mut meta = Vec::with_capacity(payload.meta.len());
    region.copy_out(payload.meta, &mut meta);
    assert!(region.writer(payload.meta).write(&meta));
}

/// A hub and a worker that use one mapping.
fn shared(slots: usize, half: usize) -> (Arc<HubBus>, Arc<Attachment>) {
    let name = BusName::new("slotbus-test", &Uuid::new_v4().to_string()).unwrap();
    let founding = Founding { version: Version::V1, slots, half, ahead: true, force: false, access: Access::own() };
    let hub = Arc::new(HubBus::new(Bus::found(&name, &founding).unwrap(), 1 << 24));
    let mut bus = Bus::attach(&name, Access::own()).unwrap();
    bus.share_mapping(hub.bus());
    (hub, Arc::new(Attachment::new(bus, 1 << 24, None)))
}

#[test]
fn hub_and_worker_on_one_mapping_exchange_ten_thousand_requests() {
    let plants_race = std::env::var_os(PLANTED_RACE).is_some();
    let (hub, worker) = shared(4, HALF);
    let answered = Arc::new(Answered::default());
    // Joined one by one, which a race detector sees; how a scope waits for its threads it does not.
    let threads: Vec<_> = (0..THREADS)
        .flat_map(|first| {
            let (hub, worker) = (Arc::clone(&hub), Arc::clone(&worker));
            let (calling, serving) = (Arc::clone(&answered), Arc::clone(&answered));
            [
                thread::spawn(move || call_all(&hub, first, &calling)),
                thread::spawn(move || serve(&worker, &serving, plants_race)),
            ]
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(hub.slots().all(|slot| hub.status(slot) == crate::protocol::Status::Free));
}

/// Long bodies, inline, until both sides have read some of them while they were written.
#[test]
fn hub_and_worker_on_one_mapping_read_ahead_of_each_other() {
    const ENOUGH: usize = 10;
    let long =
        |number: usize| -> Bytes { (0..100_000_usize).map(|i| (number * 131 + i * 7 + i / 255) as u8).collect() };
    let (hub, worker) = shared(1, 128 * 1024);
    let (ahead_of_claims, done) = (Arc::new(Answered::default()), Arc::new(Answered::default()));
    let serving = thread::spawn({
        let (ahead_of_claims, done) = (Arc::clone(&ahead_of_claims), Arc::clone(&done));
        move || {
            let mut cursor = ScanCursor::default();
            while done.get() == 0 {
                if cursor.ahead.is_some() {
                    ahead_of_claims.add();
                }
                let Some(mut claimed) = worker.glance(&mut cursor) else { continue };
                let body = turned(&claimed.read().unwrap().body);
                let reply = reply(body);
                assert!(claimed.answer(reply));
            }
        }
    });
    let slot = hub.slots().next().unwrap();
    let (mut number, mut ahead_of_answers) = (0, 0);
    while (ahead_of_claims.get() < ENOUGH || ahead_of_answers < ENOUGH) && !serving.is_finished() {
        number += 1;
        let written = hub.reserve(slot).unwrap().write(&super::tests::call_with(long(number)), 0).unwrap();
        // Nobody is rung for: see above.
        let (sent, _) = written.announce_unless(0, || true);
        let mut ahead = None;
        while sent.progress(&hub) != Progress::Finished && !serving.is_finished() {
            sent.read_ahead(&hub, &mut ahead);
        }
        ahead_of_answers += usize::from(ahead.is_some());
        let reply = sent.finished(&hub).read(ahead).unwrap();
        assert_eq!(reply.body, turned(&long(number)));
        assert!(sent.finished(&hub).free());
    }
    done.add();
    serving.join().unwrap();
}
