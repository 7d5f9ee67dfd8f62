//! A bus that belongs to a group: workers of other users may use it, and nobody else.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use slotbus::hub::{Hub, SlotState};
use tokio::time::timeout;

use super::squatter::STRANGER;
use super::support::process::{play, role};
use super::support::{bytes, name};
use super::{GIVE_UP, echo, long, objects_in_use, post, refused, refused_in, whole};

/// A group that no user database knows.
const GROUP: u32 = 54_321;

/// Whether this process may give objects to any group and start others as any user.
fn is_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("not run: {test}: only root can start a process of another user");
    }
    root
}

/// Plays `role` of `test` as a user who is a member of [`GROUP`] and of nothing else that this process is in.
fn play_as_stranger(test: &str, role: &str) -> String {
    let (user, group) = (format!("--reuid={STRANGER}"), format!("--regid={STRANGER}"));
    let groups = format!("--groups={GROUP}");
    play(&["setpriv", &user, &group, &groups, "--"], test, role)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_object_of_a_group_has_mode_0660_and_that_group() {
    // Every process is a member of its own group.
    let group = rustix::process::getegid().as_raw();
    let found = objects_in_use(&name(), Some(group)).await;
    assert!(found.iter().all(|&(_, mode, gid)| mode == 0o660 && gid == group), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_of_another_user_serves_a_bus_of_its_group_and_no_other() {
    const TEST: &str = "group::a_worker_of_another_user_serves_a_bus_of_its_group_and_no_other";
    if let Some(name) = role() {
        assert_eq!(rustix::process::geteuid().as_raw(), STRANGER);
        let error = refused(&name).await;
        assert!(error.contains("belongs to user 0, this process runs as user 12345"), "{error}");
        let error = refused_in(Some(STRANGER), &name).await;
        assert!(error.contains("belongs to user 0"), "{error}");
        // It ends when its hub has had its answers, which is when the bus goes.
        let serve = slotbus::serve(echo()).name(&name).group(GROUP);
        let region = format!("/dev/shm/slotbus-{name}");
        let gone = async move {
            while fs::exists(&region).unwrap() {
                tokio::task::yield_now().await;
            }
        };
        timeout(GIVE_UP, serve.with_graceful_shutdown(gone).into_future()).await.unwrap().unwrap();
        return;
    }
    if !is_root(TEST) {
        return;
    }
    let name = name();
    let hub = Hub::builder(&name).slots(1).group(GROUP).create().unwrap();
    let first = tokio::spawn(hub.call(post(long())));
    while hub.slots() != [SlotState::Ready] {
        tokio::task::yield_now().await;
    }
    let request = fs::metadata(format!("/dev/shm/slotbus-{name}-req-0")).unwrap();
    assert_eq!((request.uid(), request.gid(), request.mode() & 0o7777), (0, GROUP, 0o660));
    let worker = tokio::task::spawn_blocking({
        let name = name.clone();
        move || play_as_stranger(TEST, &name)
    });
    for body in [b"short".to_vec(), long(), vec![9; 3 << 20]] {
        assert_eq!(bytes(hub.call(post(body.clone())).await.unwrap()).await, body);
    }
    assert_eq!(bytes(first.await.unwrap().unwrap()).await, long());
    drop(hub);
    worker.await.unwrap();
    assert_eq!(super::objects(&name), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_this_process_is_not_in_is_refused_by_name() {
    const TEST: &str = "group::a_group_that_this_process_is_not_in_is_refused_by_name";
    if let Some(name) = role() {
        let error = whole(&Hub::builder(&name).group(GROUP + 1).create().unwrap_err());
        assert!(error.contains("could not be given to group 54322: run as a member of it"), "{error}");
        return;
    }
    if is_root(TEST) {
        play_as_stranger(TEST, &name());
    }
}

#[tokio::test]
async fn a_region_of_the_group_that_everybody_may_write_to_is_refused() {
    let name = name();
    let group = rustix::process::getegid().as_raw();
    let _hub = Hub::builder(&name).group(group).create().unwrap();
    let region = format!("/dev/shm/slotbus-{name}");
    for mode in [0o662, 0o666] {
        fs::set_permissions(&region, Permissions::from_mode(mode)).unwrap();
        let error = refused_in(Some(group), &name).await;
        assert!(error.contains(&format!("has mode {mode:04o}")), "{error}");
    }
}

#[tokio::test]
async fn a_bus_of_a_group_that_was_not_named_is_refused_to_its_own_user() {
    let name = name();
    let _hub = Hub::builder(&name).group(rustix::process::getegid().as_raw()).create().unwrap();
    let error = refused(&name).await;
    assert!(error.contains("has mode 0660"), "{error}");
}
