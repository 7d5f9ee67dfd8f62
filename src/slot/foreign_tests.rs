//! What others wrote into a bus, or took over, is left alone and not believed.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::tests::{LIMIT, attach, dispatch, finished, founding, pair, reply};
use super::*;
use crate::bus::{Access, Bus};
use crate::protocol::{ReplyError, ShmHeader, Stamp, Status, Version};

#[test]
fn a_body_that_a_worker_of_another_life_wrote_under_the_name_is_not_read() {
    let (hub, worker) = pair(Version::V1);
    let sent = dispatch(&hub, 0);
    assert!(worker.claim(&mut ScanCursor::default()).unwrap().answer(reply(100_000)));
    let name = format!("{}-rsp-0", hub.bus().name());
    let path = format!("/dev/shm/{name}");
    let mut object = std::fs::read(&path).unwrap();
    // Another object under its name, complete but for the ticket in its stamp.
    let at = object.len() - Stamp::LEN + 16;
    object[at] ^= 1;
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, &object).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let error = sent.finished(&hub).read(None).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("of dispatch"), "{error}");
}

#[test]
fn a_worker_of_ours_takes_no_name_away_that_another_uses() {
    let (hub, first) = pair(Version::V1);
    let second = Arc::new(Attachment::new(Bus::attach(hub.bus().name(), Access::own()).unwrap(), LIMIT, None));
    for worker in [&first, &second, &first, &second] {
        let sent = dispatch(&hub, 0);
        assert!(worker.claim(&mut ScanCursor::default()).unwrap().answer(reply(100_000)));
        assert_eq!(finished(&hub, &sent).body.len(), 100_000);
    }
    let of_slot_0 = std::fs::read_dir("/dev/shm").unwrap().flatten().filter(|entry| {
        entry.file_name().to_str().is_some_and(|object| object.starts_with(&format!("{}-rsp-0", hub.bus().name())))
    });
    assert_eq!(of_slot_0.count(), 2, "each keeps its own");
}

#[test]
fn nothing_of_a_retired_region_is_claimed_as_its_callers_take_it_to_the_next() {
    let (hub, worker) = pair(Version::V1);
    let sent = dispatch(&hub, 100_000);
    let next = Bus::succeed(hub.bus(), &founding(Version::V1)).unwrap();
    let next = HubBus::new(next, LIMIT);
    // Under the name that the first one's had.
    let moved = dispatch(&next, 100_000);
    assert!(worker.claim(&mut ScanCursor::default()).is_none());
    assert!(sent.withdraw(&hub), "it was left where its caller finds it");
    let mut lease = attach(next.bus().name()).claim(&mut ScanCursor::default()).unwrap();
    assert_eq!(lease.read().unwrap().body.len(), 100_000);
    assert!(lease.answer(reply(0)));
    finished(&next, &moved);
}

#[test]
fn a_region_that_another_hub_took_over_is_left_alone() {
    let (hub, worker) = pair(Version::V1);
    let (sent, other) = (dispatch(&hub, 0), dispatch(&hub, 0));
    drop(worker.claim(&mut ScanCursor::default()).unwrap());
    assert_eq!(sent.progress(&hub), Progress::Finished);
    // What a published hub writes when it starts over a live region: zeroes.
    hub.slot(sent.index()).ticket.set(0);
    hub.slot(other.index()).ticket.set(0);
    assert_eq!(sent.progress(&hub), Progress::Abandoned);
    assert!(matches!(sent.finished(&hub).read(None), Err(ReplyError::Ticket { .. })));
    assert!(!other.withdraw(&hub), "READY may be another hub's by now");
    assert!(sent.end(&hub));
    assert_eq!(hub.status(sent.index()), Status::Done, "nothing was written");
}

#[test]
fn a_request_of_a_hub_that_took_the_region_over_is_left_to_who_reads_its_header() {
    for (version, wipe) in [
        (Version::V1, (|header| header.epoch.set(0)) as fn(&ShmHeader)),
        (Version::V2, |header| header.version.set(1)),
        (Version::V2, |header| header.num_slots.set(6)),
        (Version::V2, |header| header.heap_size.set(1 << 20)),
    ] {
        let (hub, worker) = pair(version);
        let sent = dispatch(&hub, 0);
        let header = hub.bus().region().header();
        let before = (header.version.get(), header.num_slots.get(), header.heap_size.get(), header.epoch.get());
        wipe(header);
        assert!(worker.claim(&mut ScanCursor::default()).is_none());
        assert!(!worker.claim_slot(sent.index()), "taken over between the worker's look and its claim");
        assert_eq!(hub.status(sent.index()), Status::Ready);
        // Else the hub would leave the region to the one that took it over.
        let (version, slots, heap, epoch) = before;
        header.version.set(version);
        header.num_slots.set(slots);
        header.heap_size.set(heap);
        header.epoch.set(epoch);
    }
}

#[test]
fn a_ring_count_that_somebody_made_up_holds_up_neither_a_worker_that_attaches_nor_its_answers() {
    const MADE_UP: u32 = 1 << 30;
    let (hub, _) = pair(Version::V1);
    // Without the extension, so that rings are counted.
    hub.bus().region().header().hub_features.set(0);
    let ring_up = || {
        let bell = format!("/dev/shm/{}", hub.bus().requests().file_name());
        File::options().write(true).open(bell).unwrap().write_all_at(&MADE_UP.to_le_bytes(), 0).unwrap();
    };
    ring_up();
    let worker = Arc::new(Attachment::new(Bus::attach(hub.bus().name(), Access::own()).unwrap(), LIMIT, None));
    assert!(worker.is_published_hub());
    dispatch(&hub, 0);
    // Nobody rang for it as far as this worker knows, so its answer looks for rings first.
    assert!(worker.claim(&mut ScanCursor::default()).unwrap().answer(reply(0)));
    assert!(hub.bus().requests().rings() > MADE_UP / 2, "they are not counted one by one");
}
