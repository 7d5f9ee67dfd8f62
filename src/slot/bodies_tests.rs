//! Where bodies are written, how often, and which of them may be lent.

use std::sync::Arc;

use super::lend::LEND_FROM;
use super::overflow::KEEP;
use super::tests::{LIMIT, call_with, dispatch, finished, founding, pair, pair_of, reply, reply_with};
use super::*;
use crate::bus::{Access, Bus, Founding};
use crate::protocol::{Direction, Features, Version};
use crate::region::TrustedPeers;
use crate::sync::stores;

#[allow(unsafe_code)]
fn trust() -> TrustedPeers {
    // SAFETY: both ends are this test's; that none of them writes to what is lent is what it proves.
    unsafe { TrustedPeers::promise() }
}

#[test]
fn a_request_over_which_its_answer_may_be_written_is_copied_and_not_lent() {
    for has_arenas in [true, false] {
        let founding = Founding { half: 2 * LEND_FROM, ..founding(Version::V1) };
        let (hub, _) = pair_of(&founding);
        let features = &hub.bus().region().header().hub_features;
        if !has_arenas {
            features.set(features.get() & !Features::ARENAS.bits());
        }
        let bus = Bus::attach(hub.bus().name(), Access::default()).unwrap();
        let worker = Arc::new(Attachment::new(bus, LIMIT, Some(trust())));
        let slot = hub.slots().next().unwrap();
        let sent = hub.reserve(slot).unwrap().write(&call_with(vec![7; LEND_FROM].into()), 0).unwrap().announce(0);
        let mut claimed = worker.claim(&mut ScanCursor::default()).unwrap();
        let call = claimed.read().unwrap();
        assert_eq!(hub.slot(slot).held.holder().is_some(), has_arenas, "who holds the request's bytes");
        assert!(claimed.answer(reply_with(vec![9; LEND_FROM].into())));
        let [request, response] = [&hub.slot(slot).request, &hub.slot(slot).response]
            .map(|payload| payload.read(worker.bus.region().geometry()).unwrap().body.inline().unwrap());
        assert_eq!(
            request.offset() as usize + request.len() <= response.offset() as usize,
            has_arenas,
            "{request:?}, {response:?}"
        );
        assert!(call.body.iter().all(|&byte| byte == 7), "its handler has the request still");
        drop(call);
        assert_eq!(finished(&hub, &sent).body.len(), LEND_FROM);
    }
}

#[test]
fn an_answer_that_is_copied_where_it_might_have_been_lent_has_its_slot_until_it_is_read() {
    /// Gives the slot to another request as soon as it is not needed any more.
    struct Impatient(Arc<HubBus>, DispatchedSlot);

    impl Keeper for Impatient {
        fn bus(&self) -> &Bus {
            self.0.bus()
        }
    }

    impl Drop for Impatient {
        fn drop(&mut self) {
            let Self(hub, sent) = self;
            assert!(sent.finished(hub).free());
            assert_eq!(dispatch(hub, 0).index(), sent.index());
        }
    }

    let (hub, worker) = pair(Version::V1);
    let hub = Arc::new(hub);
    let sent = dispatch(&hub, 0);
    assert!(worker.claim(&mut ScanCursor::default()).unwrap().answer(reply(LEND_FROM)));
    // As a published worker leaves it.
    hub.slot(sent.index()).resp_ticket.set(0);
    let keeper = Impatient(Arc::clone(&hub), DispatchedSlot::in_slot(&hub, sent.index()));
    let reply = sent.finished(&hub).lend(trust(), keeper).expect("the slot was kept");
    assert_eq!(reply.body, vec![9; LEND_FROM]);
    assert_ne!(DispatchedSlot::in_slot(&hub, sent.index()), sent, "nobody keeps it now");
}

#[test]
fn bodies_that_grow_little_by_little_take_few_objects() {
    let (hub, worker) = pair(Version::V1);
    let mut objects = std::collections::BTreeSet::new();
    for len in (10_000..500_000).step_by(5_000) {
        let sent = dispatch(&hub, len);
        assert!(worker.claim(&mut ScanCursor::default()).unwrap().answer(reply(len)));
        assert_eq!(finished(&hub, &sent).body.len(), len);
        let name = format!("/dev/shm/{}-rsp-0", hub.bus().name());
        objects.insert(std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(name).unwrap()));
    }
    assert!(objects.len() <= 12, "{} objects for 98 bodies", objects.len());
}

#[test]
fn the_body_of_a_request_is_written_once_into_the_region_or_into_its_object() {
    let (hub, _worker) = pair_of(&Founding { ahead: false, ..founding(Version::V1) });
    for (len, what) in [(1000, "heap"), (100_000, "object")] {
        stores::listen(usize::MAX);
        let sent = dispatch(&hub, len);
        let heard = stores::heard();
        let copies = heard.iter().filter(|&&store| store == what).count();
        // A copy is heard twice. The meta goes into the region too, and a stamp into an object.
        assert_eq!(copies, 4, "{what}: {heard:?}");
        assert!(sent.withdraw(&hub));
    }
}

#[test]
fn after_bodies_too_long_to_be_kept_others_do_not_grow_in_place_until_some_have_been_shorter() {
    let (hub, worker) = pair(Version::V1);
    let suits = [KEEP, KEEP + 1, 5000, 5000, KEEP + 1, KEEP + 1, KEEP + 1, 5000, 5000, 5000, 5000].map(|len| {
        let sent = dispatch(&hub, 0);
        assert!(worker.claim(&mut ScanCursor::default()).unwrap().answer(reply(len)));
        assert_eq!(finished(&hub, &sent).body.len(), len);
        worker.overflow.suits_growing()
    });
    assert_eq!(suits, [true, false, false, true, false, false, false, false, false, false, true]);
}

#[test]
fn an_object_counts_until_who_writes_in_it_lets_it_go() {
    const LEN: usize = 100_000;
    let (hub, _) = pair(Version::V1);
    let slot = hub.slots().next().unwrap();
    // Room for two of these and not for a third.
    let store = super::overflow::OverflowStore::new(hub.bus(), Direction::Response, 250_000);
    let first = store.share(slot, LEN).unwrap();
    let second = store.share(slot, LEN).unwrap();
    let refused = store.share(slot, LEN).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::QuotaExceeded, "{refused}");
    drop(first);
    drop(second);
    assert!(store.share(slot, LEN).is_ok());
}
