//! What stands in shared memory, byte by byte, as another process sees it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use uuid::Uuid;

use super::*;
use crate::bus::{Access, Bus, Founding};
use crate::protocol::{BusName, Length, OutgoingCall, OutgoingReply, RequestId, Route, Version};

fn read(name: &BusName, offset: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    File::open(format!("/dev/shm/{name}")).unwrap().read_exact_at(&mut bytes, offset).unwrap();
    bytes
}

fn le(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn found(version: Version) -> (BusName, HubBus) {
    let name = BusName::new("slotbus-test", &Uuid::new_v4().to_string()).unwrap();
    let founding = Founding { version, slots: 2, half: 1024, ahead: true, force: false, access: Access::default() };
    let hub = HubBus::new(Bus::found(&name, &founding).unwrap(), 1 << 20);
    (name, hub)
}

#[test]
fn a_version_1_header_has_its_golden_bytes() {
    let (name, _hub) = found(Version::V1);
    let heap_offset = 64 + 2 * 128;
    let region = std::fs::metadata(format!("/dev/shm/{name}")).unwrap().len() as u32;
    let arenas = 2 * 2 * 1024;
    assert_eq!(read(&name, 0, 24), le(&[0x534C_4231, 1, 2, heap_offset, region - heap_offset, arenas]));
    // SBX1; TICKET, CANCEL, DEADLINE, ARENAS, LOCKS, SENT, AWAKE, QUIET and AHEAD.
    assert_eq!(read(&name, 24, 8), le(&[0x3158_4253, 0b1_1111_1111]));
    assert_ne!(read(&name, 32, 8), [0; 8], "the epoch is never 0");
    assert_eq!(read(&name, 48, 16), le(&[std::process::id(), 0, 0, 2048]));
    assert!(region - heap_offset - arenas >= 3 * 66 * 1024, "published workers have room for an answer in each slot");
}

#[test]
fn a_version_2_header_has_its_golden_bytes() {
    let (name, _hub) = found(Version::V2);
    let region = std::fs::metadata(format!("/dev/shm/{name}")).unwrap().len() as u32;
    assert_eq!(read(&name, 0, 24), le(&[0x534C_4231, 2, 2, 320, region - 320, 0]));
    assert_eq!(read(&name, 24, 8), le(&[0x3158_4253, 0b1_1111_0111]));
}

#[test]
fn a_slot_has_its_golden_bytes_through_a_whole_request() {
    let (name, hub) = found(Version::V1);
    let worker = Arc::new(Attachment::new(Bus::attach(&name, Access::default()).unwrap(), 1 << 20, None));
    let id = RequestId::new("0123456789-0123456789-0123456789-abc").unwrap();
    let target = "/a?b".parse().unwrap();
    let body = Bytes::from_static(b"body!").into();
    let mut call = OutgoingCall::new(id, &Method::PUT, &target, &Route::default(), &HeaderMap::new(), 0).unwrap();
    call.put_body(body);
    let slot = hub.slots().nth(1).unwrap();
    let sent = hub.reserve(slot).unwrap().write(&call, 0).unwrap().announce(0x0123_4567_89ab_cdef);

    let (slot_at, arena, heap) = (64 + 128, 2048, 320);
    let meta = b"\x02/a\0\0\x01\x01b\0";
    let mut golden = le(&[1]);
    golden.extend(b"0123456789-0123456789-0123456789-abc");
    golden.extend(le(&[2, arena, meta.len() as u32, arena + 16, 5, 0]));
    golden.extend(le(&[0; 6]));
    golden.extend(le(&[1, 0, 0, 0, 0, 0, 0, 0, 0x89ab_cdef, 0x0123_4567]));
    assert_eq!(read(&name, slot_at, 128), golden);
    assert_eq!(read(&name, heap + u64::from(arena), 21), [&meta[..], &[0; 7], b"body!"].concat());

    hub.slot(slot).quiet.start();
    assert_eq!(read(&name, slot_at + 40, 4), [2, 1, 0, 0], "PUT, and nobody waits for a ring");
    sent.expect_ring(&hub);
    assert_eq!(read(&name, slot_at + 40, 4), [2, 0, 0, 0]);

    let claimed = worker.claim(&mut ScanCursor::default()).unwrap();
    let owner = worker.bus().owner().unwrap().get();
    assert_eq!(read(&name, slot_at, 4), le(&[2 | owner << 8]));
    let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, "a/b".parse().unwrap())]);
    let body = Bytes::from_static(b"ok").into();
    claimed.answer(OutgoingReply::new(StatusCode::CREATED, &headers, Length::Kept, body, 1).unwrap());
    assert_eq!(read(&name, slot_at, 4), le(&[3]));
    assert_eq!(read(&name, slot_at + 64, 24), le(&[201, arena + 1024, 5, arena + 1032, 2, 0]));
    assert_eq!(read(&name, slot_at + 88, 16), le(&[1, 0, 1, 0]), "ticket and its copy");
    assert_eq!(read(&name, heap + u64::from(arena) + 1024, 10), b"\x03a/b\0\0\0\0ok");
    sent.finished(&hub).read(None).unwrap();
    assert!(sent.finished(&hub).free());
    assert_eq!(read(&name, slot_at, 4), le(&[0]));
}
