//! `slotbus::clean`: what a killed hub left behind goes, and nothing else does.
//!
//! Each test has a prefix of its own, so that it meets its own buses only.

mod support;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown, symlink};

use http::{Request, Response};
use published01::{SlotBus as Published01, SlotBusConfig as Config01};
use published02::{SlotBus as Published02, SlotBusConfig as Config02};
use slotbus::hub::{CallError, Hub, SlotState};
use slotbus::{Body, Cleaned, Reason, Version};
use support::process::{Process, role, wait_to_be_killed};
use support::{bytes, get_request, service};

/// A prefix nobody else uses; what stands under it at the end goes.
struct Prefix(String);

impl Prefix {
    fn new() -> Self {
        Self(format!("clean-{}", uuid::Uuid::new_v4().simple()))
    }

    fn clean(&self) -> Cleaned {
        slotbus::clean(&self.0).unwrap()
    }

    fn objects(&self) -> Vec<String> {
        let entries = fs::read_dir("/dev/shm").unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.contains(&self.0)).collect();
        names.sort();
        names
    }

    /// Makes a plain file of this user under `/dev/shm`; its path.
    fn put(&self, object: &str, bytes: &[u8]) -> String {
        let path = format!("/dev/shm/{object}");
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Prefix {
    fn drop(&mut self) {
        for object in self.objects() {
            let path = format!("/dev/shm/{object}");
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
        }
    }
}

/// The names of the buses that were taken away.
fn names(cleaned: &Cleaned) -> Vec<&str> {
    cleaned.buses.iter().map(|bus| bus.name()).collect()
}

fn long() -> Request<Body> {
    Request::post("/").body(Body::from(vec![7; 300_000])).unwrap()
}

/// Plays a hub with bodies in flight, a request that nobody takes and one that is being answered, until it is killed.
async fn hub_with_bodies_in_flight(prefix: &str, version: Version) -> ! {
    let hub = Hub::builder("killed").prefix(prefix).version(version).slots(4).create().unwrap();
    let echo = service(|request: Request<Body>| async move { Response::new(request.into_body()) });
    let worker = tokio::spawn(slotbus::serve(echo).name("killed").prefix(prefix).into_future());
    bytes(hub.call(long()).await.unwrap()).await;
    worker.abort();
    let _ = worker.await;
    for _ in 0..2 {
        tokio::spawn(hub.call(long()));
    }
    while hub.slots().iter().filter(|&&slot| slot == SlotState::Ready).count() != 2 {
        tokio::task::yield_now().await;
    }
    wait_to_be_killed()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_hub_left_behind_is_removed_and_reported() {
    if let Some(role) = role() {
        let (version, prefix) = role.split_once(' ').unwrap();
        hub_with_bodies_in_flight(prefix, if version == "1" { Version::V1 } else { Version::V2 }).await;
    }
    for version in ["1", "2"] {
        let prefix = Prefix::new();
        let role = format!("{version} {}", prefix.0);
        let hub = Process::start("what_a_killed_hub_left_behind_is_removed_and_reported", &role);
        let before = prefix.objects();
        assert_eq!(before.len(), 5, "a region, two semaphores, two bodies: {before:?}");
        let live = prefix.clean();
        assert!(matches!(live.left[..], [ref left] if matches!(left.reason, Reason::Live)), "{live}");
        assert_eq!((live.buses.len(), prefix.objects()), (0, before.clone()), "a live hub was touched");
        hub.kill();
        let cleaned = prefix.clean();
        let mut removed = cleaned.objects.clone();
        removed.sort();
        assert_eq!((names(&cleaned), removed), (vec!["killed"], before));
        assert!(cleaned.left.is_empty(), "{cleaned}");
        assert_eq!(cleaned.to_string(), "1 dead buses, 5 objects removed");
        assert_eq!(prefix.objects(), Vec::<String>::new());
        assert!(prefix.clean().buses.is_empty(), "there is nothing more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_hub_of_this_very_process_is_left_and_goes_on() {
    let prefix = Prefix::new();
    let hub = Hub::builder("live").prefix(&prefix.0).create().unwrap();
    let before = prefix.objects();
    let cleaned = prefix.clean();
    assert_eq!((cleaned.buses.len(), prefix.objects()), (0, before));
    assert_eq!(
        cleaned.to_string(),
        format!("0 dead buses, 0 objects removed\nleft bus {}-live: its hub is alive", prefix.0)
    );
    let hello = service(|_| async { Response::new(Body::from("hello")) });
    let worker = tokio::spawn(slotbus::serve(hello).name("live").prefix(&prefix.0).into_future());
    assert_eq!(bytes(hub.call(get_request("/")).await.unwrap()).await, "hello");
    worker.abort();
    let _ = worker.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_outlives_its_hub_loses_nothing_and_serves_the_next() {
    if let Some(prefix) = role() {
        let _hub = Hub::builder("next").prefix(prefix).create().unwrap();
        wait_to_be_killed();
    }
    let prefix = Prefix::new();
    let test = "a_worker_that_outlives_its_hub_loses_nothing_and_serves_the_next";
    let first = Process::start(test, &prefix.0);
    let hello = service(|_| async { Response::new(Body::from("hello")) });
    let worker = tokio::spawn(slotbus::serve(hello).name("next").prefix(&prefix.0).into_future());
    first.kill();
    assert_eq!(names(&prefix.clean()), ["next"]);
    let hub = Hub::builder("next").prefix(&prefix.0).create().unwrap();
    assert_eq!(bytes(hub.call(get_request("/")).await.unwrap()).await, "hello");
    worker.abort();
    let _ = worker.await;
}

#[test]
fn a_region_of_a_published_hub_is_left_as_unproven_with_all_that_belongs_to_it() {
    let prefix = Prefix::new();
    let first = Published01::create(Config01::builder().name("one").prefix(&prefix.0).build()).unwrap();
    let second = Published02::create(Config02::builder().name("two").prefix(&prefix.0).build()).unwrap();
    prefix.put(&format!("{}-one-req-0", prefix.0), &[0; 4096]);
    let before = prefix.objects();
    let cleaned = prefix.clean();
    assert!(cleaned.buses.is_empty() && cleaned.objects.is_empty(), "{cleaned}");
    assert_eq!(cleaned.left.iter().map(|left| left.bus.name()).collect::<Vec<_>>(), ["one", "two"]);
    assert!(cleaned.left.iter().all(|left| matches!(left.reason, Reason::Unproven)), "{cleaned}");
    assert_eq!(prefix.objects(), before);
    first.stop();
    second.stop();
}

#[test]
fn a_published_region_whose_name_is_that_of_anothers_body_is_left() {
    let prefix = Prefix::new();
    let hub = Published01::create(Config01::builder().name("one-req-1").prefix(&prefix.0).build()).unwrap();
    let before = prefix.objects();
    let cleaned = prefix.clean();
    assert!(cleaned.objects.is_empty(), "{cleaned}");
    drop(Hub::builder("one").prefix(&prefix.0).create().unwrap());
    assert_eq!(prefix.objects(), before);
    hub.stop();
}

#[tokio::test]
async fn a_hub_whose_region_was_removed_says_that_it_is_closed_and_leaves_its_semaphores() {
    let prefix = Prefix::new();
    let hub = Hub::builder("gone").prefix(&prefix.0).create().unwrap();
    assert!(!hub.is_closed());
    fs::remove_file(format!("/dev/shm/{}-gone", prefix.0)).unwrap();
    while !hub.is_closed() {
        tokio::task::yield_now().await;
    }
    assert!(matches!(hub.call(get_request("/")).await.unwrap_err(), CallError::Closed));
    drop(hub);
    // They may be another hub's by now.
    assert_eq!(prefix.clean().objects.len(), 2);
}

#[test]
fn semaphores_and_bodies_without_a_region_are_removed() {
    let prefix = Prefix::new();
    let bus = format!("{}-gone", prefix.0);
    prefix.put(&format!("sem.{bus}-req"), &[0; 32]);
    for body in ["req-0", "rsp-31", "rsp-3-g7"] {
        prefix.put(&format!("{bus}-{body}"), &[0; 4096]);
    }
    // A region that was about to take the place of the one which is gone.
    prefix.put(&format!("{}-other~next", prefix.0), &[0; 4096]);
    let cleaned = prefix.clean();
    assert_eq!((names(&cleaned), cleaned.objects.len(), cleaned.left.len()), (vec!["gone", "other"], 5, 0));
    assert_eq!(prefix.objects(), Vec::<String>::new(), "the name that was held meanwhile is free again");
}

#[test]
fn what_is_no_plain_file_or_anothers_is_left_with_its_reason() {
    let prefix = Prefix::new();
    let bus = format!("{}-odd", prefix.0);
    fs::create_dir(format!("/dev/shm/{bus}-req-0")).unwrap();
    symlink("/dev/null", format!("/dev/shm/sem.{bus}-rsp")).unwrap();
    fs::create_dir(format!("/dev/shm/{}-folder", prefix.0)).unwrap();
    prefix.put(&format!("{bus}-rsp-1"), &[0; 4096]);
    let cleaned = prefix.clean();
    let mut reasons: Vec<_> = cleaned.left.iter().map(ToString::to_string).collect();
    reasons.sort();
    assert_eq!(reasons.len(), 3, "{cleaned}");
    assert!(reasons[0].contains("-folder is a directory"), "{cleaned}");
    assert!(reasons[1].contains("-odd-req-0 is a directory"), "{cleaned}");
    assert!(reasons[2].contains("-odd-rsp is a symbolic link"), "{cleaned}");
    assert_eq!((names(&cleaned), &cleaned.objects), (vec!["odd"], &vec![format!("{bus}-rsp-1")]));
    assert_eq!(prefix.objects().len(), 3);
}

#[test]
fn objects_of_another_user_are_left_with_their_reason() {
    if !rustix::process::geteuid().is_root() {
        println!("not run: objects_of_another_user_are_left_with_their_reason: only root can give an object away");
        return;
    }
    let prefix = Prefix::new();
    let path = prefix.put(&format!("{}-a-req-0", prefix.0), &[0; 4096]);
    chown(&path, Some(12_345), None).unwrap();
    let cleaned = prefix.clean();
    assert!(cleaned.buses.is_empty(), "{cleaned}");
    assert!(cleaned.left[0].to_string().contains("belongs to user 12345"), "{cleaned}");
    assert_eq!(fs::metadata(path).unwrap().uid(), 12_345);
}

#[test]
fn names_that_are_of_no_bus_with_the_prefix_are_not_even_looked_at() {
    let prefix = Prefix::new();
    for other in [format!("{}x-a", prefix.0), format!("{}-", prefix.0), format!("sem.{}-a", prefix.0), prefix.0.clone()]
    {
        prefix.put(&other, b"somebody else's");
    }
    let before = prefix.objects();
    let cleaned = prefix.clean();
    assert_eq!((cleaned.buses.len(), cleaned.left.len(), prefix.objects()), (0, 0, before), "{cleaned}");
}
