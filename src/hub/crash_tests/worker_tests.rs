//! A worker dies behind each of its stores; its hub goes on with the next worker.

use std::sync::Arc;
use std::task::Poll;

use http::{HeaderMap, StatusCode};

use super::at_every_store;
use crate::hub::by_hand_tests::*;
use crate::hub::shared::Shared;
use crate::protocol::{BusName, Length, OutgoingReply, Segments, Version};
use crate::slot::{Attachment, ClaimedSlot, Fate};

/// A hub with one request out, and the worker that is to die.
struct Scene {
    name: BusName,
    hub: Arc<Shared>,
    call: Calling,
    worker: Option<Arc<Attachment>>,
}

const OF: u32 = 7;

fn scene(version: Version, sent: usize, lends: bool) -> Scene {
    let name = name();
    let hub = hub(&name, version);
    let worker = worker(&name, lends.then(trust));
    let mut call = calling(&hub, OF, sent);
    assert!(poll(&mut call).is_pending());
    Scene { name, hub, call, worker: Some(worker) }
}

/// What a worker does with the request it has claimed.
type Serving = fn(ClaimedSlot);

fn serve(scene: &mut Scene, serving: Serving) {
    let worker = scene.worker.take().expect("it lives until now");
    if let Some(lease) = claim(&worker) {
        serving(lease);
    }
    // Dead: what its leases and objects would still store is lost with the rest, and the kernel frees its lock.
    drop(worker);
}

/// The hub buries the worker; the caller has an answer of its own or an error, and everything is free again.
fn survive(scene: Scene, answered: usize, place: &str) {
    let Scene { name, hub, mut call, worker: _ } = scene;
    look_after_life(&hub);
    let next = worker(&name, None);
    let result = match poll(&mut call) {
        Poll::Ready(result) => result,
        Poll::Pending => {
            // Nobody had claimed it: it is another worker's.
            let lease = claim(&next).unwrap_or_else(|| panic!("{place}: the caller waits for nobody"));
            assert!(lease.answer(reply(OF, answered)), "{place}");
            let Poll::Ready(result) = poll(&mut call) else { panic!("{place}: the answer is not seen") };
            assert!(result.is_ok(), "{place}: {result:?}");
            result
        }
    };
    check_own(result, OF, answered, place);
    drop(call);
    hub.bus.bus().sweep_answers(false);
    check_goes_on(&hub, &next, place);
    drop(next);
    drop(hub);
    check_nothing_is_left(&name, place);
}

fn read_and_answer(mut lease: ClaimedSlot, len: usize) {
    if lease.read().is_ok() {
        lease.answer(reply(OF, len));
    }
}

fn answer_with_a_meta_too_long(lease: ClaimedSlot) {
    let headers = HeaderMap::from_iter([(http::header::ETAG, "x".repeat(50_000).parse().unwrap())]);
    let reply = OutgoingReply::new(StatusCode::CREATED, &headers, Length::Kept, Segments::default(), 256).unwrap();
    lease.answer(reply);
}

fn hold_and_answer(mut lease: ClaimedSlot) {
    let call = lease.read();
    lease.answer(reply(OF, LONG));
    // Read to the last after the answer, as a handler that gave its body away does.
    drop(call);
}

#[test]
fn a_worker_may_die_behind_each_of_its_stores() {
    // What is sent, what is answered, whether bodies are lent, and what the worker does.
    let paths: [(&str, usize, usize, bool, Serving); 8] = [
        ("claim and answer inline", SHORT, SHORT, false, |lease| read_and_answer(lease, SHORT)),
        ("claim and answer by overflow", LONG, LONG, false, |lease| read_and_answer(lease, LONG)),
        ("answer with an error", SHORT, SHORT, false, |lease| lease.problem(StatusCode::INTERNAL_SERVER_ERROR, "no")),
        ("answer too large", SHORT, SHORT, false, answer_with_a_meta_too_long),
        ("drop the lease", SHORT, SHORT, false, drop),
        ("end what is overdue", SHORT, SHORT, false, |lease| lease.end(Fate::Overdue)),
        ("hold a request's bytes past its answer", LONG, LONG, true, hold_and_answer),
        ("refuse garbage", SHORT, SHORT, false, |lease| lease.refuse(&crate::protocol::CallError::Method(99))),
    ];
    let mut points = 0;
    for version in VERSIONS {
        for (name, sent, answered, lends, serving) in paths {
            points += at_every_store(
                &format!("worker, version {}, {name}", version.number()),
                0,
                || scene(version, sent, lends),
                |scene, begin| {
                    begin();
                    serve(scene, serving);
                },
                |scene, place| survive(scene, answered, place),
            );
        }
    }
    println!("{points} crash points of workers");
}
