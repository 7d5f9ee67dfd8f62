//! `slotbus::inspect`: what is seen of a bus from beside, and that nothing of it changes by being seen.
#![cfg(feature = "inspect")]

mod support;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt, symlink};
use std::sync::Arc;

use futures::FutureExt;
use http::Response;
use published01::{SlotBus as Published01, SlotBusConfig as Config01};
use published02::{SlotBus as Published02, SlotBusConfig as Config02};
use slotbus::hub::Hub;
use slotbus::inspect::{self, Bus, Listed, SlotState};
use slotbus::{Body, RequestId, Version};
use support::process::{Process, role, wait_to_be_killed};
use support::{Worker, get_request, name, service};
use tokio::sync::Semaphore;

/// The bus called `name` among those of the usual prefix.
fn listed(name: &str) -> Option<Listed> {
    inspect::buses("slotbus").unwrap().into_iter().find(|listed| listed.bus.name() == name)
}

fn path(name: &str) -> String {
    format!("/dev/shm/slotbus-{name}")
}

/// Removes what stands under its name.
struct Removed(String);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0).or_else(|_| fs::remove_dir(&self.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_is_not_shown_with_the_answer_to_another_request() {
    let name = name();
    let hub = Hub::builder(&name).slots(1).create().unwrap();
    let worker = Worker::start(&name, service(|_| async { Response::new(Body::from("hello")) }));
    assert_eq!(hub.call(get_request("/")).await.unwrap().status(), 200);
    worker.stop().await;
    let bus = Bus::open("slotbus", &name).unwrap();
    let first = bus.look().unwrap().slots.remove(0);
    assert_eq!((first.state, first.status, first.response_body), (SlotState::Free, Some(200), 5));
    let mut given_up = Box::pin(hub.call(get_request("/")));
    while bus.look().unwrap().count(SlotState::Ready) == 0 {
        assert!((&mut given_up).now_or_never().is_none());
    }
    drop(given_up);
    let second = loop {
        let slot = bus.look().unwrap().slots.remove(0);
        if slot.state == SlotState::Free {
            break slot;
        }
    };
    assert!(second.ticket > first.ticket && second.request_id != first.request_id);
    assert_eq!((second.status, second.response_body), (None, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_tells_of_the_hub_its_workers_and_what_each_slot_does() {
    for version in [Version::V1, Version::V2] {
        let name = name();
        let hub = Hub::builder(&name).version(version).create().unwrap();
        let gate = Arc::new(Semaphore::new(0));
        let held = Arc::clone(&gate);
        let slow = service(move |_| {
            let gate = Arc::clone(&held);
            async move {
                gate.acquire().await.unwrap().forget();
                Response::new(Body::from("done"))
            }
        });
        let worker = Worker::with(&name, slow, |serve| serve.concurrency_limit(1));
        let calls: Vec<_> = (0..3).map(|_| tokio::spawn(hub.call(get_request("/slow")))).collect();
        let bus = Bus::open("slotbus", &name).unwrap();
        let look = loop {
            let look = bus.look().unwrap();
            if look.count(SlotState::Claimed) == 1 && look.count(SlotState::Ready) == 2 {
                break look;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(
            (look.version, look.hub, look.hub_pid),
            (version, inspect::HubLife::Alive, Some(std::process::id()))
        );
        assert_eq!((look.workers, look.dispatches, look.busy()), (Some(1), Some(3), 3));
        assert!(look.oldest_waiting().is_some() && look.started_at.is_some() && look.retirement.is_none());
        let claimed = look.slots.iter().find(|slot| slot.state == SlotState::Claimed).unwrap();
        assert!(claimed.owner.is_some() && claimed.age.is_some() && claimed.left.is_some() && !claimed.torn);
        assert_eq!(
            (claimed.method.as_ref(), claimed.request_body, claimed.abandoned),
            (Some(&http::Method::GET), 0, false)
        );
        assert_eq!(claimed.request_id.map(|id| id.to_string().len()), Some(36));
        gate.add_permits(3);
        for call in calls {
            assert_eq!(call.await.unwrap().unwrap().status(), 200);
        }
        let look = bus.look().unwrap();
        assert_eq!((look.busy(), look.dispatches, look.oldest_waiting()), (0, Some(3), None));
        let answered = look.slots.iter().filter(|slot| slot.status == Some(200) && slot.response_body == 4);
        assert_eq!(answered.count(), 3, "what a free slot did last is still told");
        worker.stop().await;
        assert_eq!(bus.look().unwrap().workers, Some(0));
    }
}

#[test]
fn a_look_changes_no_byte_of_the_bus() {
    // Both are at rest: nobody else writes either.
    let [own, published] = [name(), name()];
    let _hub = Hub::builder(&own).create().unwrap();
    let _published = Published01::create(Config01::builder().name(&published).build()).unwrap();
    for name in [own, published] {
        let bytes = || {
            let bells = ["req", "rsp"].map(|bell| fs::read(format!("/dev/shm/sem.slotbus-{name}-{bell}")).unwrap());
            (fs::read(path(&name)).unwrap(), bells)
        };
        let (bus, before) = (Bus::open("slotbus", &name).unwrap(), bytes());
        for _ in 0..100 {
            bus.look().unwrap();
            assert!(listed(&name).is_some());
        }
        assert!(before == bytes());
    }
}

#[test]
fn a_killed_hub_is_seen_dead_and_what_it_left_is_orphaned() {
    const TEST: &str = "a_killed_hub_is_seen_dead_and_what_it_left_is_orphaned";
    if let Some(name) = role() {
        let _hub = Hub::builder(&name).create().unwrap();
        wait_to_be_killed();
    }
    let name = name();
    let hub = Process::start(TEST, &name);
    let alive = listed(&name).unwrap();
    assert!(!alive.is_orphan() && alive.objects.len() == 2, "{alive:?}");
    hub.kill();
    let dead = listed(&name).unwrap();
    assert!(dead.is_orphan() && dead.look.unwrap().hub == inspect::HubLife::Dead);
    fs::remove_file(path(&name)).unwrap();
    let gone = listed(&name).unwrap();
    assert!(gone.is_orphan() && gone.look.unwrap_err().is_missing());
    for bell in gone.objects {
        fs::remove_file(format!("/dev/shm/{bell}")).unwrap();
    }
    assert!(listed(&name).is_none());
}

#[test]
fn regions_of_the_published_crates_tell_what_they_can() {
    let [first, second] = [name(), name()];
    let v1 = Published01::create(Config01::builder().name(&first).num_slots(8).build()).unwrap();
    let v2 = Published02::create(Config02::builder().name(&second).num_slots(8).build()).unwrap();
    for (name, version) in [(&first, Version::V1), (&second, Version::V2)] {
        let listed = listed(name).unwrap();
        assert!(!listed.is_orphan(), "nothing proves it");
        let look = listed.look.unwrap();
        assert_eq!((look.version, look.hub, look.workers), (version, inspect::HubLife::Unknown, None));
        assert_eq!((look.slots.len(), look.busy(), look.dispatches), (8, 0, None));
        let slot = File::options().write(true).open(path(name)).unwrap();
        slot.write_all_at(b"an-id", 64 + 4).unwrap();
        slot.write_all_at(&slotbus::types::SLOT_READY.to_le_bytes(), 64).unwrap();
        let look = Bus::open("slotbus", name).unwrap().look().unwrap();
        let slot = &look.slots[0];
        assert_eq!((slot.state, slot.request_id), (SlotState::Ready, RequestId::new("an-id").ok()));
        assert_eq!((slot.ticket, slot.age, slot.left, slot.owner), (None, None, None, None));
    }
    drop((v1, v2));
}

#[test]
fn what_is_no_region_is_refused_by_what_it_is_and_not_waited_for() {
    type Made = (&'static str, fn(&str), &'static str);
    let make: [Made; 6] = [
        (
            "fifo",
            |path| assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success()),
            "is a fifo",
        ),
        ("link", |path| symlink("/etc/hostname", path).unwrap(), "is a symbolic link"),
        ("folder", |path| fs::create_dir(path).unwrap(), "is a directory"),
        ("empty", |path| fs::write(path, "").unwrap(), "holds no region"),
        ("short", |path| fs::write(path, [7; 63]).unwrap(), "holds no region"),
        ("other", |path| fs::write(path, [7; 5000]).unwrap(), "holds no region"),
    ];
    for (kind, make, said) in make {
        let name = name();
        let path = Removed(path(&name));
        make(&path.0);
        let error = listed(&name).unwrap().look.unwrap_err();
        assert!(error.to_string().contains(said) && error.to_string().contains(&name), "{kind}: {error}");
    }
    let name = name();
    assert!(Bus::open("slotbus", &name).unwrap_err().is_missing());
    assert!(Bus::open("slotbus", "../x").is_err() && inspect::buses("a/b").is_err());
}

#[test]
fn no_bytes_of_a_region_make_a_look_panic() {
    let name = name();
    let path = Removed(path(&name));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path.0).unwrap();
    let slots = 64_usize;
    let len = 64 + slots * 128 + 4096;
    file.write_all(&vec![0; len]).unwrap();
    let mut seed = 88_172_645_463_325_252_u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let (mut looked, mut refused, mut extended, mut shown) = (0, 0, 0, [0; 5]);
    for round in 0..4000_u64 {
        let mut bytes: Vec<u8> = (0..len.div_ceil(8)).flat_map(|_| next().to_le_bytes()).take(len).collect();
        let put = |bytes: &mut [u8], at: usize, word: u32| bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        // A header that describes a region, but in one of eight rounds only as far as chance has it; and half of them with
        // the extension, all features offered.
        let heap = (64 + slots * 128) as u32;
        let header = [slotbus::types::SHM_MAGIC, 1 + (round % 2) as u32, slots as u32, heap, 4096];
        let kept = if round % 8 == 7 { 1 + (next() % 4) as usize } else { header.len() };
        header[..kept].iter().enumerate().for_each(|(at, word)| put(&mut bytes, 4 * at, *word));
        if round % 4 < 2 {
            put(&mut bytes, 24, u32::from_le_bytes(*b"SBX1"));
            put(&mut bytes, 28, 0x3F);
            put(&mut bytes, 56, (next() % 4) as u32);
            put(&mut bytes, 60, 64);
        }
        for slot in 0..slots {
            let word = [0, 1, 2 | (next() as u32) << 8, 3, 4, next() as u32][(next() % 6) as usize];
            put(&mut bytes, 64 + 128 * slot, word);
            if next() % 8 == 0 {
                bytes[64 + 128 * slot + 88..][..8].fill(0xFF);
            }
        }
        file.write_all_at(&bytes, 0).unwrap();
        match Bus::open("slotbus", &name).unwrap().look() {
            Ok(look) => {
                assert_eq!(look.slots.len(), slots);
                let states =
                    [SlotState::Free, SlotState::Writing, SlotState::Ready, SlotState::Claimed, SlotState::Done];
                states.into_iter().zip(&mut shown).for_each(|(state, shown)| *shown += look.count(state));
                let _ = (look.busy(), look.oldest_waiting());
                looked += 1;
                extended += usize::from(look.epoch.is_some());
            }
            Err(_) => refused += 1,
        }
    }
    println!("{looked} were looked at, {extended} of them with the extension, {refused} refused; states {shown:?}");
    assert!(looked > 3000 && extended > 1000 && refused > 100 && shown.into_iter().all(|shown| shown > 1000));
}

#[test]
fn a_region_is_found_under_any_prefix_and_other_programs_objects_are_not() {
    let prefix = format!("p{}", uuid::Uuid::new_v4().simple());
    let other = Removed(format!("/dev/shm/q{prefix}-thing"));
    fs::write(&other.0, [1; 5000]).unwrap();
    let _hub = Hub::builder("w").prefix(&prefix).create().unwrap();
    let prefixes = inspect::prefixes().unwrap();
    assert!(prefixes.contains(&prefix) && prefixes.contains("slotbus"));
    assert!(!prefixes.contains(&format!("q{prefix}")));
}

#[test]
fn a_bus_that_another_hub_made_anew_is_known_by_its_file() {
    let name = name();
    let first = Hub::builder(&name).create().unwrap();
    let bus = Bus::open("slotbus", &name).unwrap();
    let epoch = bus.look().unwrap().epoch;
    assert!(bus.is_current());
    drop(first);
    assert!(!bus.is_current());
    let look = bus.look().unwrap();
    assert_eq!((look.hub, look.retirement), (inspect::HubLife::Dead, Some(inspect::Retirement::Detached)));
    let _second = Hub::builder(&name).create().unwrap();
    assert!(!bus.is_current());
    assert_ne!(Bus::open("slotbus", &name).unwrap().look().unwrap().epoch, epoch);
}
