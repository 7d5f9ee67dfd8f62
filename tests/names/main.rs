//! What stands under a bus's names and is no object of that bus: one clear error each, and nothing that is somebody else's
//! is opened, written to or removed.

#[path = "../support/mod.rs"]
mod support;

mod bells;
mod group;
mod overflow;
mod regions;
mod squatter;

use std::error::Error;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use http::Request;
use slotbus::Body;
use slotbus::error::NameError;
use slotbus::hub::{CreateError, Hub};
use support::process::{play, role};
use support::{Worker, bytes, name, service};
use tokio::time::timeout;

/// When a test gives up; nothing is proven by it.
const GIVE_UP: Duration = Duration::from_secs(20);

/// An error with its causes, in one line.
fn whole(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The names in `/dev/shm` that hold `part`, in order.
fn objects(part: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/dev/shm").unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.contains(part)).collect();
    names.sort();
    names
}

/// A body that has no room in a slot.
fn long() -> Vec<u8> {
    vec![7; 200_000]
}

fn post(body: Vec<u8>) -> Request<Body> {
    Request::post("/").body(Body::from(body)).unwrap()
}

/// Answers with the request's body.
fn echo()
-> impl tower::Service<Request<Body>, Response = http::Response<Body>, Error = std::convert::Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    service(|request: Request<Body>| async move { http::Response::new(request.into_body()) })
}

/// Tries to serve the bus; the error with its causes.
async fn refused(name: &str) -> String {
    refused_in(None, name).await
}

/// As `refused`, as a member of `group`.
async fn refused_in(group: Option<u32>, name: &str) -> String {
    let serve = slotbus::serve(echo()).name(name).connect_timeout(Duration::from_millis(20));
    let serve = match group {
        Some(group) => serve.group(group),
        None => serve,
    };
    let served = timeout(GIVE_UP, serve.into_future()).await.expect("what should be refused is served");
    whole(&served.expect_err("there is nothing to serve"))
}

#[tokio::test]
async fn a_name_that_leads_out_of_its_folder_is_refused_on_every_way_in() {
    for name in ["../etc/passwd", "a/b", "/dev/shm/a", "..", "a\0b", ""] {
        let error = Hub::builder(name).create().unwrap_err();
        assert!(matches!(error, CreateError::Name(NameError::Malformed { .. })), "{name:?}: {error}");
        let error = Hub::builder("a").prefix(name).create().unwrap_err();
        assert!(matches!(error, CreateError::Name(NameError::Malformed { .. })), "{name:?}: {error}");
        assert!(refused(name).await.contains("is no name"), "{name:?}");
        assert!(slotbus::clean(name).unwrap_err().to_string().contains("is no name"), "{name:?}");
    }
}

#[tokio::test]
async fn a_name_that_is_an_object_of_another_bus_is_refused_on_both_sides() {
    for (prefix, name) in [("slotbus", "a-req-1"), ("slotbus", "a-rsp-0-g3"), ("sem.slotbus", "a")] {
        let error = Hub::builder(name).prefix(prefix).create().unwrap_err();
        assert!(matches!(error, CreateError::Name(_)), "{error}");
        let serve = slotbus::serve(echo()).name(name).prefix(prefix);
        assert!(matches!(serve.await.unwrap_err(), slotbus::Error::Name(_)), "{prefix}-{name}");
    }
}

/// Every object of a bus in use, a region, two semaphores and two bodies, with its mode and its group.
async fn objects_in_use(name: &str, group: Option<u32>) -> Vec<(String, u32, u32)> {
    let mut builder = Hub::builder(name);
    if let Some(group) = group {
        builder = builder.group(group);
    }
    let hub = builder.create().unwrap();
    let worker = Worker::with(name, echo(), |serve| match group {
        Some(group) => serve.group(group),
        None => serve,
    });
    let stat = |object: String| {
        let stat = std::fs::metadata(format!("/dev/shm/{object}")).ok()?;
        Some((object, stat.mode() & 0o7777, stat.gid()))
    };
    let found = loop {
        assert_eq!(bytes(hub.call(post(long())).await.unwrap()).await, long());
        let found: Vec<_> = objects(name).into_iter().filter_map(stat).collect();
        // Both bodies' objects are kept, but not for ever: a machine that stalls here may find them gone.
        if found.len() == 5 {
            break found;
        }
    };
    worker.stop().await;
    found
}

async fn has_mode_0600_under_umask(umask: u32, test: &str) {
    if let Some(name) = role() {
        rustix::process::umask(rustix::fs::Mode::from_bits_retain(umask));
        let found = objects_in_use(&name, None).await;
        assert!(found.iter().all(|&(_, mode, _)| mode == 0o600), "{found:?}");
        return;
    }
    let name = name();
    tokio::task::spawn_blocking({
        let (name, test) = (name.clone(), test.to_owned());
        move || play(&[], &test, &name)
    })
    .await
    .unwrap();
    assert_eq!(objects(&name), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_object_has_mode_0600_under_a_umask_that_takes_everything() {
    has_mode_0600_under_umask(0o777, "every_object_has_mode_0600_under_a_umask_that_takes_everything").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_object_has_mode_0600_under_a_umask_that_takes_nothing() {
    has_mode_0600_under_umask(0, "every_object_has_mode_0600_under_a_umask_that_takes_nothing").await;
}
