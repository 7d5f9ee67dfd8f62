//! A hub dies behind each of its stores; its workers let go, and the next hub founds a region of its own.

use std::sync::Arc;
use std::task::Poll;

use http::StatusCode;

use super::at_every_store;
use crate::bus::{Bus, Standing};
use crate::hub::by_hand_tests::*;
use crate::hub::shared::Shared;
use crate::lock::{self, Role};
use crate::protocol::{BusName, Version};
use crate::slot::{Attachment, ClaimedSlot};
use crate::sync::stores;

/// A hub that is to die, with its caller and a worker, which has a request in hand if it has claimed one.
struct Scene {
    name: BusName,
    hub: Option<Arc<Shared>>,
    call: Option<Calling>,
    worker: Option<Arc<Attachment>>,
    lease: Option<ClaimedSlot>,
}

const OF: u32 = 7;

/// How far a request has come when the hub begins what it dies of.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Far {
    Unsent,
    Ready,
    Claimed,
    Answered,
    Orphaned,
}

fn scene(version: Version, len: usize, far: Far) -> Scene {
    let name = name();
    let hub = hub(&name, version);
    let worker = worker(&name, None);
    let mut call = calling(&hub, OF, len);
    let mut scene = Scene { name, hub: Some(hub), call: None, worker: None, lease: None };
    if far > Far::Unsent {
        assert!(poll(&mut call).is_pending());
    }
    scene.call = Some(call);
    if far > Far::Ready {
        scene.lease = claim(&worker);
        if let Some(lease) = &mut scene.lease {
            lease.read().unwrap();
        }
    }
    match far {
        Far::Answered => assert!(scene.lease.take().unwrap().answer(reply(OF, len))),
        // It dies with its request in hand.
        Far::Orphaned => {
            stores::listen(0);
            scene.lease = None;
            drop(worker);
            stores::heard();
            return scene;
        }
        _ => {}
    }
    scene.worker = Some(worker);
    scene
}

/// Everything of the hub's process goes, and nothing of it stores anything more.
fn die(scene: &mut Scene) {
    let hub = scene.hub.take().expect("it lives until now");
    // A slot whose reservation was lost is out of use for good, and with it the hub's bus: the kernel frees its lock.
    lock::release(hub.bus.bus().region().file(), Role::Hub);
    scene.call = None;
}

/// The worker finds its hub gone and lets go without a store; the next hub founds a region, where all goes on.
fn survive(scene: Scene, version: Version, place: &str) {
    let Scene { name, hub: _, call: _, worker: old, lease } = scene;
    if let Some(old) = &old {
        assert_eq!(old.bus().standing(), Standing::Gone, "{place}");
        stores::listen(usize::MAX);
        old.revoke(StatusCode::SERVICE_UNAVAILABLE);
        let answered = lease.is_some_and(|lease| lease.answer(reply(OF, LONG)));
        let written = stores::heard();
        assert!(!answered && written.is_empty(), "{place}: an answer for nobody: {written:?}");
    }
    let hub = hub(&name, version);
    let next = worker(&name, None);
    assert!(claim(&next).is_none(), "{place}: a request of a dead hub");
    check_goes_on(&hub, &next, place);
    drop((old, next));
    drop(hub);
    check_nothing_is_left(&name, place);
}

#[test]
fn a_hub_may_die_behind_each_of_its_stores() {
    type Path = fn(&mut Scene);
    let send: Path = |scene| drop(poll(scene.call.as_mut().unwrap()));
    let leave: Path = |scene| scene.call = None;
    let look: Path = |scene| look_after_life(scene.hub.as_ref().unwrap());
    let take: Path = |scene| {
        let result = poll(scene.call.as_mut().unwrap());
        // A hub that dies meanwhile does not hear of it; what it sees is right all the same.
        if let Poll::Ready(result) = result {
            check_own(result, OF, LONG, "a dying hub");
        }
    };
    let paths: [(&str, usize, Far, Path); 7] = [
        ("dispatch inline", SHORT, Far::Unsent, send),
        ("dispatch by overflow", LONG, Far::Unsent, send),
        ("withdraw", SHORT, Far::Ready, leave),
        ("give up what is claimed", SHORT, Far::Claimed, leave),
        ("read by overflow and free", LONG, Far::Answered, take),
        ("free an answer nobody reads", LONG, Far::Answered, leave),
        ("reap", SHORT, Far::Orphaned, look),
    ];
    let mut points = 0;
    for version in VERSIONS {
        for (name, len, far, path) in paths {
            points += at_every_store(
                &format!("hub, version {}, {name}", version.number()),
                // A hub tries again for ever to reserve what it cannot, so that store is not lost; before it there is none.
                usize::from(far == Far::Unsent),
                || scene(version, len, far),
                |scene, begin| {
                    begin();
                    path(scene);
                    die(scene);
                },
                |scene, place| survive(scene, version, place),
            );
        }
    }
    println!("{points} crash points of hubs");
}

#[test]
fn a_hub_may_die_behind_each_store_of_its_founding_and_of_its_end() {
    let mut points = 0;
    for version in VERSIONS {
        points += at_every_store(
            &format!("hub, version {}, found and close", version.number()),
            0,
            name,
            |name, begin| {
                begin();
                drop(Bus::found(name, &options(name, version).founding));
            },
            |name, place| survive_founding(&name, version, place),
        );
        points += at_every_store(
            &format!("hub, version {}, retire a region for another", version.number()),
            0,
            || {
                let name = name();
                let old = Bus::found(&name, &options(&name, version).founding).unwrap();
                (name, Some(old))
            },
            |(name, old), begin| {
                let old = old.take().unwrap();
                begin();
                let new = Bus::succeed(&old, &options(name, version).founding);
                drop((new, old));
            },
            |(name, _), place| survive_founding(&name, version, place),
        );
    }
    println!("{points} crash points of foundings");
}

#[test]
fn the_name_of_a_hub_that_lives_is_never_free_while_it_retires_its_region() {
    for nth in 1.. {
        // A prefix of its own: the cleaning is of nobody else's.
        let name = BusName::new(&format!("retires{}", std::process::id()), "a").unwrap();
        let founding = options(&name, Version::V1).founding;
        let old = Bus::found(&name, &founding).unwrap();
        stores::interrupt(nth, {
            let (name, founding) = (name.clone(), founding.clone());
            move || {
                let cleaned = crate::bus::clean(name.prefix()).unwrap();
                assert!(cleaned.objects.iter().all(|object| !object.contains(name.region())), "{nth}: {cleaned}");
                let other = Bus::found(&name, &founding).map(drop).unwrap_err();
                assert!(matches!(other, crate::bus::BusError::Live(_)), "{nth}: {other}");
            }
        });
        let new = Bus::succeed(&old, &founding).unwrap();
        // The last store is the magic number's, and the ring behind it.
        let stores = std::panic::catch_unwind(stores::heard);
        drop((new, old));
        check_nothing_is_left(&name, "a retirement");
        if stores.is_err() {
            assert!(nth > 5, "it was interrupted behind every store");
            return;
        }
    }
}

#[test]
fn a_region_whose_successor_cannot_be_prepared_is_not_retired() {
    let name = name();
    let founding = options(&name, Version::V1).founding;
    let old = Bus::found(&name, &founding).unwrap();
    let next = format!("/dev/shm/{}~next", name.region());
    std::fs::create_dir(&next).unwrap();
    let refused = Bus::succeed(&old, &founding).map(drop).unwrap_err();
    std::fs::remove_dir(&next).unwrap();
    assert!(refused.to_string().contains("~next"), "{refused}");
    assert!(old.is_current() && !old.is_retired());
    drop(Bus::succeed(&old, &founding).unwrap());
    drop(old);
    check_nothing_is_left(&name, "a retirement");
}

fn survive_founding(name: &BusName, version: Version, place: &str) {
    let hub = hub(name, version);
    let next = worker(name, None);
    check_goes_on(&hub, &next, place);
    drop(next);
    drop(hub);
    check_nothing_is_left(name, place);
}
