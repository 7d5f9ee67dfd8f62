//! Squatters in a semaphore's place. A hub that has the region's name replaces plain files of its own user and stops at
//! anything else; a worker opens none of them.

use std::fs;
use std::os::unix::fs::MetadataExt;

use slotbus::hub::Hub;

use super::squatter::{Placed, Squatter};
use super::support::name;
use super::{objects, refused, whole};

async fn is_never_used(squatter: Squatter) {
    for which in ["req", "rsp"] {
        meets_a_new_hub(squatter, which);
        meets_a_worker(squatter, which).await;
    }
}

fn meets_a_new_hub(squatter: Squatter, which: &str) {
    let name = name();
    let object = format!("sem.slotbus-{name}-{which}");
    let path = format!("/dev/shm/{object}");
    let Some(placed) = Placed::put(squatter, &path, &[0; 32]) else { return };
    let created = Hub::builder(&name).create();
    if squatter.is_ours() {
        let hub = created.unwrap();
        let stat = fs::metadata(&path).unwrap();
        assert!(placed.is_replaced() && (stat.mode() & 0o7777, stat.size()) == (0o600, 32), "{stat:?}");
        drop(hub);
        assert_eq!(objects(&name), Vec::<String>::new());
    } else {
        let error = whole(&created.unwrap_err());
        assert!(error.contains(&path) && error.contains(squatter.fact()), "{error}");
        placed.is_untouched();
        drop(placed);
        assert_eq!(objects(&name), Vec::<String>::new(), "a hub that was not made leaves nothing behind");
    }
}

async fn meets_a_worker(squatter: Squatter, which: &str) {
    let name = name();
    let path = format!("/dev/shm/sem.slotbus-{name}-{which}");
    let hub = Hub::builder(&name).create().unwrap();
    let good = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let Some(placed) = Placed::put(squatter, &path, &good) else { return };
    let error = refused(&name).await;
    assert!(error.contains(&path) && error.contains(squatter.fact()), "{error}");
    drop(hub);
    placed.is_untouched();
}

#[tokio::test]
async fn a_directory_in_a_semaphores_place_is_never_used() {
    is_never_used(Squatter::Directory).await;
}

#[tokio::test]
async fn a_symbolic_link_in_a_semaphores_place_is_never_used() {
    is_never_used(Squatter::Symlink).await;
}

#[tokio::test]
async fn a_fifo_in_a_semaphores_place_is_never_used() {
    is_never_used(Squatter::Fifo).await;
}

#[tokio::test]
async fn a_socket_in_a_semaphores_place_is_never_used() {
    is_never_used(Squatter::Socket).await;
}

#[tokio::test]
async fn a_strangers_file_in_a_semaphores_place_is_never_used() {
    is_never_used(Squatter::Stranger).await;
}

#[tokio::test]
async fn a_file_open_to_all_in_a_semaphores_place_is_never_used() {
    is_never_used(Squatter::Open).await;
}

#[tokio::test]
async fn a_short_file_in_a_semaphores_place_is_never_used() {
    is_never_used(Squatter::Short).await;
}
