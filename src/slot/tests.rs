//! Leases of both ends on one bus inside this process.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use uuid::Uuid;

use super::*;
use crate::bus::{Access, Bus, Founding};
use crate::protocol::{
    BusName, Length, OutgoingCall, OutgoingReply, Reply, RequestId, ResponseMeta, Route, Segments, Status, Version,
};

pub(super) const LIMIT: usize = 1 << 24;

pub(super) fn name() -> BusName {
    BusName::new("slotbus-test", &Uuid::new_v4().to_string()).unwrap()
}

pub(super) fn founding(version: Version) -> Founding {
    Founding { version, slots: 4, half: 4096, ahead: true, force: false, access: Access::default() }
}

pub(super) fn pair(version: Version) -> (HubBus, Arc<Attachment>) {
    pair_of(&founding(version))
}

pub(super) fn pair_of(founding: &Founding) -> (HubBus, Arc<Attachment>) {
    let name = name();
    let hub = HubBus::new(Bus::found(&name, founding).unwrap(), LIMIT);
    (hub, attach(&name))
}

pub(super) fn attach(name: &BusName) -> Arc<Attachment> {
    Arc::new(Attachment::new(Bus::attach(name, Access::default()).unwrap(), LIMIT, None))
}

pub(super) fn call(body: usize) -> OutgoingCall {
    call_with(vec![7; body].into())
}

pub(super) fn call_with(body: Bytes) -> OutgoingCall {
    let (id, target) = (RequestId::from(Uuid::new_v4()), "/p?q=1".parse().unwrap());
    let mut call = OutgoingCall::new(id, &Method::POST, &target, &Route::default(), &HeaderMap::new(), 0).unwrap();
    call.put_body(body.into());
    call
}

pub(super) fn reply(body: usize) -> OutgoingReply {
    reply_with(vec![9; body].into())
}

pub(super) fn reply_with(body: Bytes) -> OutgoingReply {
    let headers = HeaderMap::from_iter([(http::header::ETAG, "x".parse().unwrap())]);
    OutgoingReply::new(StatusCode::CREATED, &headers, Length::Kept, body.into(), 1).unwrap()
}

pub(super) fn dispatch(hub: &HubBus, body: usize) -> DispatchedSlot {
    let slot = hub.slots().find(|&slot| hub.status(slot) == Status::Free).unwrap();
    hub.reserve(slot).unwrap().write(&call(body), 0).unwrap().announce(0)
}

pub(super) fn finished(hub: &HubBus, slot: &DispatchedSlot) -> Reply {
    assert_eq!(slot.progress(hub), Progress::Finished);
    let reply = slot.finished(hub).read(None).unwrap();
    assert!(slot.finished(hub).free());
    reply
}

#[test]
fn a_request_and_its_answer_cross_whole_inline_and_by_overflow() {
    for version in [Version::V1, Version::V2] {
        let (hub, worker) = pair(version);
        for size in [0, 1, 4000, 4096, 100_000, 5000] {
            let sent = dispatch(&hub, size);
            let mut claimed = worker.claim(&mut ScanCursor::default()).unwrap();
            let call = claimed.read().unwrap();
            assert_eq!((call.body, call.method), (Bytes::from(vec![7; size]), Method::POST));
            assert!(claimed.answer(reply(size)));
            let reply = finished(&hub, &sent);
            assert_eq!((reply.status, reply.body.clone()), (201, Bytes::from(vec![9; size])));
            let meta: ResponseMeta = postcard::from_bytes(&reply.meta).unwrap();
            assert_eq!(meta.headers, [("etag".to_owned(), "x".to_owned())]);
        }
        assert!(hub.slots().all(|slot| hub.status(slot) == Status::Free));
    }
}

#[test]
fn a_dropped_claim_is_answered_500() {
    let (hub, worker) = pair(Version::V1);
    let sent = dispatch(&hub, 0);
    drop(worker.claim(&mut ScanCursor::default()).unwrap());
    assert_eq!(finished(&hub, &sent).status, 500);
}

#[test]
fn a_dropped_reservation_leaves_the_slot_free() {
    let (hub, worker) = pair(Version::V1);
    let slot = hub.slots().next().unwrap();
    drop(hub.reserve(slot).unwrap());
    assert_eq!(hub.status(slot), Status::Free);
    assert!(worker.claim(&mut ScanCursor::default()).is_none());
}

#[test]
fn a_slot_that_is_not_free_is_not_reserved_and_left_as_it_is() {
    let (hub, worker) = pair(Version::V1);
    let sent = dispatch(&hub, 0);
    assert!(hub.reserve(sent.index()).is_none());
    assert_eq!(hub.status(sent.index()), Status::Ready);
    drop(worker.claim(&mut ScanCursor::default()).unwrap());
    assert!(hub.reserve(sent.index()).is_none());
    assert_eq!(finished(&hub, &sent).status, 500);
}

#[test]
fn a_revoked_lease_writes_nothing_and_its_slot_is_answered() {
    let (hub, worker) = pair(Version::V1);
    let sent = dispatch(&hub, 0);
    let mut claimed = worker.claim(&mut ScanCursor::default()).unwrap();
    claimed.read().unwrap();
    worker.revoke(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(worker.leases(), 0);
    assert!(!claimed.answer(reply(1)));
    assert_eq!(finished(&hub, &sent).status, 503);
}

#[test]
fn a_lease_that_has_not_read_its_request_is_waited_for_before_it_is_revoked() {
    let (hub, worker) = pair(Version::V1);
    let sent = dispatch(&hub, 0);
    let mut claimed = worker.claim(&mut ScanCursor::default()).unwrap();
    std::thread::scope(|scope| {
        let revoking = scope.spawn(|| worker.revoke(StatusCode::SERVICE_UNAVAILABLE));
        // Were it answered for meanwhile, the next request could take its slot.
        std::thread::yield_now();
        assert_eq!((sent.progress(&hub), revoking.is_finished()), (Progress::Claimed(worker.claim), false));
        claimed.read().unwrap();
        revoking.join().unwrap();
    });
    assert!(!claimed.answer(reply(1)));
    assert_eq!(finished(&hub, &sent).status, 503);
}

#[test]
fn long_overflow_objects_go_when_they_were_read_and_short_ones_stay_for_the_next_body() {
    let (hub, worker) = pair(Version::V1);
    let objects = || crate::shm::names(&format!("{}-r", hub.bus().name())).unwrap().len();
    for (size, kept) in [(5000, 2), (1 << 20, 2), ((1 << 20) + 5000, 0), (2 << 20, 0)] {
        let sent = dispatch(&hub, size);
        worker.claim(&mut ScanCursor::default()).unwrap().answer(reply(size));
        finished(&hub, &sent);
        let next = dispatch(&hub, 0);
        drop(worker.claim(&mut ScanCursor::default()));
        finished(&hub, &next);
        assert_eq!(objects(), kept, "{size} bytes");
    }
}

#[test]
fn an_answer_after_the_slot_moved_on_is_dropped() {
    let (hub, worker) = pair(Version::V1);
    let first = dispatch(&hub, 0);
    let late = worker.claim(&mut ScanCursor::default()).unwrap();
    let Progress::Claimed(claim) = first.progress(&hub) else { panic!("it is claimed") };
    assert!(first.reap(&hub, claim), "as if its worker had died");
    let second = dispatch(&hub, 0);
    assert_eq!(first.index(), second.index());
    assert!(!late.answer(reply(1)));
    assert_eq!(second.progress(&hub), Progress::Waiting);
    assert_eq!(worker.counts().dropped.get(), 1);
}

#[test]
fn a_withdrawn_request_is_never_claimed_and_a_claimed_one_not_withdrawn() {
    let (hub, worker) = pair(Version::V1);
    let sent = dispatch(&hub, 0);
    assert!(sent.withdraw(&hub));
    assert!(worker.claim(&mut ScanCursor::default()).is_none());
    let sent = dispatch(&hub, 0);
    let _claimed = worker.claim(&mut ScanCursor::default()).unwrap();
    assert!(!sent.withdraw(&hub));
}

#[test]
fn a_meta_too_long_for_its_slot_is_replaced_by_an_error_that_says_so() {
    let (hub, worker) = pair(Version::V1);
    let sent = dispatch(&hub, 0);
    let headers = HeaderMap::from_iter([(http::header::ETAG, "x".repeat(5000).parse().unwrap())]);
    let reply = OutgoingReply::new(StatusCode::OK, &headers, Length::Kept, Segments::default(), 1).unwrap();
    assert!(worker.claim(&mut ScanCursor::default()).unwrap().answer(reply));
    assert_eq!(finished(&hub, &sent).status, 500);
}

#[test]
fn a_slot_that_is_always_ready_does_not_starve_its_neighbour() {
    let (hub, worker) = pair(Version::V1);
    let mut cursor = ScanCursor::default();
    let mut busy = dispatch(&hub, 0);
    let neighbour = dispatch(&hub, 0);
    let claims = (1..).find(|_| {
        let claimed = worker.claim(&mut cursor).unwrap().index();
        if claimed == busy.index() {
            finished(&hub, &busy);
            busy = dispatch(&hub, 0);
        }
        claimed == neighbour.index()
    });
    assert!(claims.unwrap() <= 9, "{claims:?}");
}

#[test]
fn a_second_hub_is_refused_while_the_first_lives_and_welcome_after() {
    let name = name();
    let first = Bus::found(&name, &founding(Version::V1)).unwrap();
    let refused = Bus::found(&name, &founding(Version::V1)).unwrap_err();
    assert_eq!(refused.to_string(), format!("bus {name} already has a live hub: stop it first or choose another name"));
    assert!(Bus::attach(&name, Access::default()).unwrap().is_alive(), "the refused one changed nothing");
    drop(first);
    assert!(Bus::attach(&name, Access::default()).unwrap_err().is_not_yet());
    drop(Bus::found(&name, &founding(Version::V2)).unwrap());
}

#[test]
fn a_worker_sees_that_its_hub_has_gone() {
    let name = name();
    let hub = Bus::found(&name, &founding(Version::V1)).unwrap();
    let worker = Bus::attach(&name, Access::default()).unwrap();
    assert!(worker.is_alive());
    drop(hub);
    assert!(!worker.is_alive());
}

#[test]
fn a_hub_sees_whether_an_owner_lives() {
    let (hub, worker) = pair(Version::V1);
    let owner = worker.bus().owner().unwrap();
    assert!(hub.bus().owner_is_alive(owner));
    drop(worker);
    assert!(!hub.bus().owner_is_alive(owner));
}

type Spoil = fn(&crate::protocol::SlotMeta);

#[test]
fn garbage_in_a_slot_is_answered_and_the_worker_goes_on() {
    for version in [Version::V1, Version::V2] {
        let (hub, worker) = pair(version);
        let spoil: [(u16, Spoil); 6] = [
            (400, |slot| slot.req_id.set(&[0; 36])),
            (400, |slot| slot.req_id.set(&[0xFF; 36])),
            (501, |slot| slot.method.set(7)),
            (400, |slot| slot.request.meta_offset.set(u32::MAX)),
            (400, |slot| {
                slot.request.body_offset.set(u32::MAX - 3);
                slot.request.body_len.set(8);
            }),
            (413, |slot| {
                slot.request.body_overflow.set(1);
                slot.request.body_len.set(u32::MAX);
            }),
        ];
        for (status, spoil) in spoil {
            let sent = dispatch(&hub, 0);
            spoil(hub.bus().region().slot(sent.index()));
            let mut claimed = worker.claim(&mut ScanCursor::default()).unwrap();
            let error = claimed.read().unwrap_err();
            claimed.refuse(&error);
            assert_eq!(finished(&hub, &sent).status, status, "{error}");
        }
        assert_eq!(worker.counts().malformed.get(), 6);
    }
}

#[test]
fn an_overflow_object_that_is_gone_is_an_error_with_its_name() {
    let (hub, worker) = pair(Version::V1);
    let _sent = dispatch(&hub, 5000);
    let object = format!("{}-req-0", hub.bus().name());
    crate::shm::remove(&object).unwrap();
    let error = worker.claim(&mut ScanCursor::default()).unwrap().read().unwrap_err();
    assert_eq!(error.to_string(), format!("overflow object {object} could not be read"));
    assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[test]
fn the_bump_area_is_given_back_only_when_every_slot_is_free() {
    let (hub, worker) = pair(Version::V1);
    let head = &hub.bus().region().header().alloc_head;
    let start = head.given_out();
    let end = worker.bus().region().geometry().bump_end();
    assert!(hub.has_room_for_answers(4), "nobody has taken anything");
    let sent = dispatch(&hub, 0);
    head.take((end - start) / 2, end).unwrap();
    assert!(hub.has_room_for_answers(2) && !hub.has_room_for_answers(4));
    hub.rewind_bump_area();
    assert_ne!(head.given_out(), start);
    drop(worker.claim(&mut ScanCursor::default()));
    finished(&hub, &sent);
    hub.rewind_bump_area();
    assert!(head.given_out() == start && hub.has_room_for_answers(4));
}

#[test]
fn a_request_past_its_deadline_is_answered_504_and_one_given_up_499() {
    let (hub, worker) = pair(Version::V1);
    let waker = std::task::Waker::noop();
    let claim = || worker.claim(&mut ScanCursor::default()).unwrap();
    let slot = hub.slots().next().unwrap();

    let overdue = hub.reserve(slot).unwrap().write(&call(0), 1).unwrap().announce(0);
    let claimed = claim();
    assert_eq!(claimed.fate(waker), Some(Fate::Overdue));
    claimed.end(Fate::Overdue);
    assert_eq!(finished(&hub, &overdue).status, 504);

    let abandoned = hub.reserve(slot).unwrap().write(&call(0), u64::MAX).unwrap().announce(0);
    let claimed = claim();
    assert_eq!(claimed.fate(waker), None);
    abandoned.give_up(&hub);
    assert_eq!(claimed.fate(waker), Some(Fate::GivenUp));
    claimed.end(Fate::GivenUp);
    assert_eq!(finished(&hub, &abandoned).status, 499);

    let next = hub.reserve(slot).unwrap().write(&call(0), 0).unwrap().announce(0);
    assert_eq!(claim().fate(waker), None, "giving up was for the former dispatch");
    assert_eq!(finished(&hub, &next).status, 500);
}
