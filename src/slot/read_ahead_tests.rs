//! Long bodies that are copied while they are written, and what of them is believed.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::read_ahead::PIECE;
use super::tests::{call_with, finished, founding, name, pair_of, reply_with};
use super::*;
use crate::bus::{Access, Bus, Founding};
use crate::protocol::{SlotIndex, Status, Version};

const LONG: usize = 100_000;

/// A long body of one byte.
fn body(byte: u8) -> Bytes {
    vec![byte; LONG].into()
}

/// A hub and a worker whose cursor has claimed in the first slot. Long bodies are in objects of their own.
fn used_pair(version: Version) -> (HubBus, Arc<Attachment>, ScanCursor, SlotIndex) {
    used_pair_of(&founding(version))
}

fn used_pair_of(founding: &Founding) -> (HubBus, Arc<Attachment>, ScanCursor, SlotIndex) {
    let (hub, worker) = pair_of(founding);
    let (slot, mut cursor) = (hub.slots().next().unwrap(), ScanCursor::default());
    let sent = hub.reserve(slot).unwrap().write(&call_with(Bytes::new()), 0).unwrap().announce(0);
    assert!(worker.claim(&mut cursor).unwrap().answer(reply_with(Bytes::new())));
    finished(&hub, &sent);
    (hub, worker, cursor, slot)
}

#[test]
fn a_long_request_is_copied_before_it_is_announced() {
    for version in [Version::V1, Version::V2] {
        let (hub, worker, mut cursor, slot) = used_pair(version);
        let written = hub.reserve(slot).unwrap().write(&call_with(body(1)), 0).unwrap();
        assert!(worker.glance(&mut cursor).is_none(), "it is not announced");
        let sent = written.announce(0);
        // What is written there now is seen only by who has not copied it before.
        let view = worker.views.view(slot, Default::default(), LONG, &hub.stamp(hub.slot(slot).ticket.get()).unwrap());
        assert_eq!(view.unwrap().copy_out(LONG), body(1));
        hub.overflow.share(slot, LONG).unwrap().write(0, b"other");
        let mut lease = worker.glance(&mut cursor).unwrap();
        assert_eq!(lease.read().unwrap().body, body(1));
        assert!(lease.answer(reply_with(Bytes::new())));
        finished(&hub, &sent);
    }
}

#[test]
fn what_was_copied_of_a_request_that_was_not_sent_is_not_taken_for_the_next() {
    let (hub, worker, mut cursor, slot) = used_pair(Version::V1);
    let written = hub.reserve(slot).unwrap().write(&call_with(body(1)), 0).unwrap();
    assert!(worker.glance(&mut cursor).is_none());
    drop(written);
    assert_eq!(hub.status(slot), Status::Free);
    let _sent = hub.reserve(slot).unwrap().write(&call_with(body(2)), 0).unwrap().announce(0);
    let mut lease = worker.glance(&mut cursor).unwrap();
    assert_eq!(lease.read().unwrap().body, body(2));
}

#[test]
fn a_request_that_is_claimed_in_another_slot_is_read_from_there() {
    let (hub, worker, mut cursor, slot) = used_pair(Version::V1);
    let written = hub.reserve(slot).unwrap().write(&call_with(body(1)), 0).unwrap();
    assert!(worker.glance(&mut cursor).is_none());
    let other = hub.slots().nth(1).unwrap();
    let _sent = hub.reserve(other).unwrap().write(&call_with(body(2)), 0).unwrap().announce(0);
    assert_eq!(worker.glance(&mut cursor).unwrap().read().unwrap().body, body(2));
    let _sent = written.announce(0);
    assert_eq!(worker.glance(&mut cursor).unwrap().read().unwrap().body, body(1));
}

#[test]
fn a_long_answer_is_copied_before_it_is_published() {
    for version in [Version::V1, Version::V2] {
        let (hub, worker, mut cursor, slot) = used_pair(version);
        let sent = hub.reserve(slot).unwrap().write(&call_with(Bytes::new()), 0).unwrap().announce(0);
        let lease = worker.claim(&mut cursor).unwrap();
        let mut ahead = None;
        sent.read_ahead(&hub, &mut ahead);
        assert!(ahead.is_none(), "nothing is told of");
        lease.try_write(&reply_with(body(1))).unwrap();
        sent.read_ahead(&hub, &mut ahead);
        // The same answer, of which only what was not told of is read from its object.
        assert!(lease.answer(reply_with(body(2))));
        let reply = sent.finished(&hub).read(ahead).unwrap();
        let told = LONG / PIECE * PIECE;
        assert!(reply.body[..told] == body(1)[..told] && reply.body[told..] == body(2)[told..]);
        assert!(sent.finished(&hub).free());
    }
}

#[test]
fn what_was_copied_of_an_answer_that_came_out_otherwise_is_not_taken_for_it() {
    let (hub, worker, mut cursor, slot) = used_pair(Version::V1);
    let sent = hub.reserve(slot).unwrap().write(&call_with(Bytes::new()), 0).unwrap().announce(0);
    let lease = worker.claim(&mut cursor).unwrap();
    let mut ahead = None;
    lease.try_write(&reply_with(body(1))).unwrap();
    sent.read_ahead(&hub, &mut ahead);
    drop(lease);
    let reply = sent.finished(&hub).read(ahead).unwrap();
    assert!(reply.status == 500 && reply.body.starts_with(b"{"), "it is the problem's");
}

#[test]
fn a_body_that_cannot_be_read_ahead_is_an_error_of_the_message_alone() {
    let (hub, worker, mut cursor, slot) = used_pair(Version::V1);
    let written = hub.reserve(slot).unwrap().write(&call_with(body(1)), 0).unwrap();
    hub.give_back(slot);
    assert!(worker.glance(&mut cursor).is_none() && worker.glance(&mut cursor).is_none());
    let _sent = written.announce(0);
    let error = worker.glance(&mut cursor).unwrap().read().unwrap_err();
    assert!(error.to_string().starts_with("overflow object"), "{error}");
}

#[test]
fn a_body_is_copied_as_far_as_it_is_told_of_and_never_beyond_its_end() {
    let inline = Founding { half: 128 * 1024, ..founding(Version::V1) };
    for founding in [founding(Version::V1), founding(Version::V2), inline] {
        for len in [2 * PIECE, 2 * PIECE + 1, 3 * PIECE + 5] {
            let (hub, worker, mut cursor, slot) = used_pair_of(&founding);
            let body: Bytes = (0..len).map(|i| (i * 7 + i / 251) as u8).collect();
            let written = hub.reserve(slot).unwrap().write(&call_with(body.clone()), 0).unwrap();
            // All of it is there; what is told is what a hub tells on its way, and what only a damaged one does.
            for pieces in [1, 1, 2, 0, 1, 255] {
                hub.slot(slot).request_pieces.tell(pieces);
                assert!(worker.glance(&mut cursor).is_none());
                let copied = cursor.ahead.as_ref().map(|ahead| ahead.copied());
                match pieces {
                    2 | 0 => assert_eq!(copied, Some(2 * PIECE)),
                    255 => assert_eq!(copied, Some(len)),
                    _ => assert!(copied >= Some(PIECE)),
                }
            }
            let _sent = written.announce(0);
            assert_eq!(worker.glance(&mut cursor).unwrap().read().unwrap().body, body);
        }
    }
}

#[test]
fn a_short_body_is_not_read_ahead() {
    let (hub, worker, mut cursor, slot) = used_pair(Version::V1);
    let written = hub.reserve(slot).unwrap().write(&call_with(vec![1; 2 * PIECE - 1].into()), 0).unwrap();
    assert_eq!(hub.slot(slot).request_pieces.told(), 0);
    hub.slot(slot).request_pieces.tell(255);
    assert!(worker.glance(&mut cursor).is_none() && cursor.ahead.as_ref().unwrap().copied() == 0);
    let _sent = written.announce(0);
    assert_eq!(worker.glance(&mut cursor).unwrap().read().unwrap().body, vec![1; 2 * PIECE - 1]);
}

#[test]
fn a_descriptor_that_changes_after_reading_began_is_the_one_that_counts() {
    let (hub, worker, mut cursor, slot) = used_pair(Version::V1);
    let written = hub.reserve(slot).unwrap().write(&call_with(body(1)), 0).unwrap();
    assert!(worker.glance(&mut cursor).is_none());
    hub.slot(slot).request.body_len.set(LONG as u32 - 1);
    let _sent = written.announce(0);
    assert_eq!(worker.glance(&mut cursor).unwrap().read().unwrap().body, body(1)[1..]);
}

#[test]
fn a_slot_that_was_just_reserved_is_not_read_as_the_request_before() {
    let (hub, worker, mut cursor, slot) = used_pair(Version::V1);
    let sent = hub.reserve(slot).unwrap().write(&call_with(body(1)), 0).unwrap().announce(0);
    assert!(worker.claim(&mut cursor).unwrap().answer(reply_with(Bytes::new())));
    finished(&hub, &sent);
    let _reserved = hub.reserve(slot).unwrap();
    assert!(hub.slot(slot).request_pieces.told() > 0 && worker.glance(&mut cursor).is_none());
    assert!(cursor.ahead.is_none());
}

#[test]
fn who_parks_keeps_nothing_that_was_read_ahead() {
    let (hub, worker, mut cursor, slot) = used_pair(Version::V1);
    let written = hub.reserve(slot).unwrap().write(&call_with(body(1)), 0).unwrap();
    assert!(worker.glance(&mut cursor).is_none() && cursor.ahead.is_some());
    assert!(matches!(worker.park(&mut cursor, Duration::ZERO), Parked::Late | Parked::Rung));
    assert!(cursor.ahead.is_none());
    drop(written);
}

#[test]
fn a_hub_that_does_not_offer_it_neither_tells_nor_listens_nor_do_its_workers() {
    let (hub, worker, mut cursor, slot) = used_pair_of(&Founding { ahead: false, ..founding(Version::V1) });
    let written = hub.reserve(slot).unwrap().write(&call_with(body(1)), 0).unwrap();
    assert_eq!(hub.slot(slot).request_pieces.told(), 0);
    hub.slot(slot).request_pieces.tell(1);
    assert!(worker.glance(&mut cursor).is_none() && cursor.ahead.is_none(), "the worker listens");
    let sent = written.announce(0);
    let lease = worker.claim(&mut cursor).unwrap();
    lease.try_write(&reply_with(body(2))).unwrap();
    assert_eq!(hub.slot(slot).response_pieces.told(), 0);
    hub.slot(slot).response_pieces.tell(1);
    let mut ahead = None;
    sent.read_ahead(&hub, &mut ahead);
    assert!(ahead.is_none(), "the hub listens");
    assert!(lease.answer(reply_with(body(2))) && finished(&hub, &sent).body == body(2));
}

#[test]
#[allow(unsafe_code)]
fn a_worker_that_lends_requests_copies_none_ahead_and_tells_of_its_answers() {
    // SAFETY: this process is hub and worker, and writes to no body.
    let trust = unsafe { TrustedPeers::promise() };
    let name = name();
    let hub = HubBus::new(Bus::found(&name, &founding(Version::V1)).unwrap(), LONG);
    let worker = Arc::new(Attachment::new(Bus::attach(&name, Access::default()).unwrap(), LONG, Some(trust)));
    let (slot, mut cursor) = (hub.slots().next().unwrap(), ScanCursor::default());
    for _ in 0..2 {
        let written = hub.reserve(slot).unwrap().write(&call_with(body(1)), 0).unwrap();
        assert!(worker.glance(&mut cursor).is_none() && cursor.ahead.is_none());
        let sent = written.announce(0);
        assert!(worker.claim(&mut cursor).unwrap().answer(reply_with(body(2))));
        assert!(hub.slot(slot).response_pieces.told() > 0);
        assert!(finished(&hub, &sent).body == body(2));
    }
}
