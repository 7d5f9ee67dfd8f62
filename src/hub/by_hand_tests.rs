//! A hub and its workers, each step of theirs made by hand.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;

use crate::body::Body;
use crate::bus::{Access, Alarm, Bus, Founding};
use crate::hub::call::call;
use crate::hub::error::CallError;
use crate::hub::lives::Options;
use crate::hub::manner::Manner;
use crate::hub::shared::Shared;
use crate::hub::watcher;
use crate::protocol::{BusName, Length, OutgoingReply, Segments, Status, Version};
use crate::region::TrustedPeers;
use crate::slot::{Attachment, ClaimedSlot, HubBus, ScanCursor};

/// Bodies as long as this go into overflow objects, and are told of piece by piece.
pub(super) const LONG: usize = 50_000;
/// Bodies as long as this go inline.
pub(super) const SHORT: usize = 24;
/// Both versions of the region.
pub(super) const VERSIONS: [Version; 2] = [Version::V1, Version::V2];

const SLOTS: usize = 2;
const LIMIT: usize = 1 << 20;

/// A call, polled by hand.
pub(super) type Calling = Pin<Box<dyn Future<Output = Result<Response<Body>, CallError>>>>;

/// Whether bodies are lent.
#[allow(unsafe_code)]
pub(super) fn trust() -> TrustedPeers {
    // SAFETY: both ends are this test's, and neither writes to a body that is lent.
    unsafe { TrustedPeers::promise() }
}

pub(super) fn options(name: &BusName, version: Version) -> Options {
    Options {
        name: name.clone(),
        founding: Founding { version, slots: SLOTS, half: 4096, ahead: true, force: false, access: Access::own() },
        limits: LIMIT.into(),
        timeout: Duration::from_secs(600),
        spin: Duration::ZERO,
        trust: None,
    }
}

pub(super) fn name() -> BusName {
    BusName::new("slotbus-test", &format!("by-hand-{}", uuid::Uuid::new_v4())).unwrap()
}

/// A hub whose threads are the test's.
pub(super) fn hub(name: &BusName, version: Version) -> Arc<Shared> {
    hub_of(name, options(name, version))
}

/// As `hub`, whose callers spin.
pub(super) fn hub_that_spins(name: &BusName, spin: Duration) -> Arc<Shared> {
    hub_of(name, Options { spin, ..options(name, Version::V1) })
}

fn hub_of(name: &BusName, options: Options) -> Arc<Shared> {
    let bus = HubBus::new(Bus::found(name, &options.founding).unwrap(), options.limits);
    Arc::new(Shared::new(bus, Alarm::new().unwrap(), &options, Weak::new()))
}

pub(super) fn worker(name: &BusName, trust: Option<TrustedPeers>) -> Arc<Attachment> {
    Arc::new(Attachment::new(Bus::attach(name, Access::own()).unwrap(), LIMIT, trust))
}

/// The body of a request, or of its answer, that no other has.
pub(super) fn body(of: u32, len: usize) -> Bytes {
    of.to_le_bytes().into_iter().cycle().take(len).collect()
}

/// Calls with request `of`; nothing happens before the first poll.
pub(super) fn calling(hub: &Arc<Shared>, of: u32, len: usize) -> Calling {
    calling_in(Manner::Park, hub, of, len)
}

/// As `calling`, of somebody who waits in this manner.
pub(super) fn calling_in(manner: Manner, hub: &Arc<Shared>, of: u32, len: usize) -> Calling {
    let request = Request::post(format!("/{of}")).body(Body::new(http_body_util::Full::from(body(of, len)))).unwrap();
    Box::pin(call(Arc::clone(hub), request, None, manner, None))
}

pub(super) fn poll(calling: &mut Calling) -> Poll<Result<Response<Body>, CallError>> {
    calling.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

pub(super) fn claim(worker: &Arc<Attachment>) -> Option<ClaimedSlot> {
    worker.claim(&mut ScanCursor::default())
}

/// A handler's answer to request `of`: as long as it is told, and no other request's.
pub(super) fn reply(of: u32, len: usize) -> OutgoingReply {
    let body = Segments::from(body(!of, len));
    OutgoingReply::new(StatusCode::CREATED, &HeaderMap::new(), Length::Kept, body, 0).unwrap()
}

/// Checks that what came is the whole answer of request `of`, as long as `len`; an error it may also be.
pub(super) fn check_own(result: Result<Response<Body>, CallError>, of: u32, len: usize, place: &str) {
    let Ok(response) = result else { return };
    let status = response.status();
    let bytes = futures::executor::block_on(response.into_body().collect()).unwrap().to_bytes();
    match status {
        StatusCode::CREATED => assert_eq!(bytes, body(!of, len), "{place}: another's answer, or half of one"),
        // What the worker of this crate says by itself is told from a handler's answer.
        StatusCode::INTERNAL_SERVER_ERROR | StatusCode::NOT_IMPLEMENTED | StatusCode::GATEWAY_TIMEOUT => {}
        other => panic!("{place}: an answer {other} that nobody gave"),
    }
}

/// Checks that nothing of the hub is in use, and that it goes on: a hundred requests, short and long, over all its slots.
pub(super) fn check_goes_on(hub: &Arc<Shared>, worker: &Arc<Attachment>, place: &str) {
    assert!(hub.bus.slots().all(|slot| hub.bus.status(slot) == Status::Free), "{place}: a slot is lost");
    assert_eq!(hub.pool.taken(), 0, "{place}: a permit is lost");
    for round in 0..100 / SLOTS as u32 {
        let len = if round % 8 == 7 { LONG } else { SHORT };
        let ids = [1000 + round, 2000 + round];
        let mut calls = ids.map(|of| calling(hub, of, len));
        assert!(calls.iter_mut().all(|call| poll(call).is_pending()), "{place}: both have a slot");
        while let Some(mut lease) = claim(worker) {
            let call = lease.read().unwrap_or_else(|error| panic!("{place}: {error}"));
            let of = u32::from_le_bytes(call.body[..4].try_into().unwrap());
            assert_eq!(call.body, body(of, len), "{place}");
            assert!(lease.answer(reply(of, len)), "{place}");
        }
        for (mut call, of) in calls.into_iter().zip(ids) {
            let Poll::Ready(Ok(response)) = poll(&mut call) else { panic!("{place}: request {of} is not answered") };
            assert_eq!(response.status(), StatusCode::CREATED, "{place}");
            check_own(Ok(response), of, len, place);
        }
    }
}

/// What the hub's guard does when a worker has died.
pub(super) fn look_after_life(hub: &Arc<Shared>) {
    watcher::look_after_life(hub);
}

/// Checks that nothing is left under the bus's name when both ends are gone.
pub(super) fn check_nothing_is_left(name: &BusName, place: &str) {
    let left = crate::shm::names(name.region()).unwrap();
    assert!(left.is_empty(), "{place}: {left:?} is left behind");
}
