//! Squatters in an overflow object's place: a hub of version 1 replaces plain files of its own user and else says that there is
//! no room, every other writer walks past anything; a reader reads none of them; a hub sweeps none of them away.

use std::fs;

use slotbus::Version;
use slotbus::hub::{CallError, Hub, SlotState};

use super::squatter::{Placed, Squatter};
use super::support::{Worker, bytes, name};
use super::{echo, long, post, whole};

async fn is_never_used(squatter: Squatter) {
    meets_a_writing_hub(squatter).await;
    meets_a_writing_worker(squatter).await;
    meets_a_writer_of_version_2(squatter).await;
    meets_a_reader(squatter).await;
}

async fn meets_a_writing_hub(squatter: Squatter) {
    let name = name();
    let path = format!("/dev/shm/slotbus-{name}-req-0");
    let hub = Hub::builder(&name).slots(1).create().unwrap();
    let worker = Worker::start(&name, echo());
    let Some(placed) = Placed::put(squatter, &path, &[0; 4096]) else { return worker.stop().await };
    let called = hub.call(post(long())).await;
    if squatter.is_ours() {
        assert_eq!(bytes(called.unwrap()).await, long());
        assert!(placed.is_replaced());
    } else {
        let error = called.unwrap_err();
        assert!(matches!(error, CallError::NoRoom(_)) && error.status() == 507, "{error:?}");
        assert!(whole(&error).contains(&path) && whole(&error).contains(squatter.fact()), "{}", whole(&error));
        placed.is_untouched();
    }
    assert_eq!(bytes(hub.call(post(b"short".to_vec())).await.unwrap()).await, "short");
    worker.stop().await;
    drop(hub);
    if !squatter.is_ours() {
        placed.is_untouched();
    }
}

async fn meets_a_writing_worker(squatter: Squatter) {
    let name = name();
    let path = format!("/dev/shm/slotbus-{name}-rsp-0");
    let hub = Hub::builder(&name).slots(1).create().unwrap();
    let worker = Worker::start(&name, echo());
    let Some(placed) = Placed::put(squatter, &path, &[0; 4096]) else { return worker.stop().await };
    // It walks to the next name.
    assert_eq!(bytes(hub.call(post(long())).await.unwrap()).await, long());
    placed.is_untouched();
    worker.stop().await;
}

async fn meets_a_writer_of_version_2(squatter: Squatter) {
    let name = name();
    let hub = Hub::builder(&name).slots(1).version(Version::V2).create().unwrap();
    let worker = Worker::start(&name, echo());
    let put = |which| Placed::put(squatter, &format!("/dev/shm/slotbus-{name}-{which}-0"), &[0; 4096]);
    let (Some(request), Some(response)) = (put("req"), put("rsp")) else { return worker.stop().await };
    assert_eq!(bytes(hub.call(post(long())).await.unwrap()).await, long());
    request.is_untouched();
    response.is_untouched();
    worker.stop().await;
}

async fn meets_a_reader(squatter: Squatter) {
    let name = name();
    let path = format!("/dev/shm/slotbus-{name}-req-0");
    let hub = Hub::builder(&name).slots(1).create().unwrap();
    let waiting = tokio::spawn(hub.call(post(long())));
    while hub.slots() != [SlotState::Ready] {
        tokio::task::yield_now().await;
    }
    let good = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let Some(placed) = Placed::put(squatter, &path, &good) else { return };
    let worker = Worker::start(&name, echo());
    let response = waiting.await.unwrap().unwrap();
    assert_eq!(response.status(), 500);
    let body = String::from_utf8(bytes(response).await.to_vec()).unwrap();
    assert!(body.contains(&format!("overflow object slotbus-{name}-req-0 could not be read")), "{body}");
    placed.is_untouched();
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_in_a_bodys_place_is_never_used() {
    is_never_used(Squatter::Directory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_symbolic_link_in_a_bodys_place_is_never_used() {
    is_never_used(Squatter::Symlink).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fifo_in_a_bodys_place_is_never_used() {
    is_never_used(Squatter::Fifo).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_in_a_bodys_place_is_never_used() {
    is_never_used(Squatter::Socket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_file_in_a_bodys_place_is_never_used() {
    is_never_used(Squatter::Stranger).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_open_to_all_in_a_bodys_place_is_never_used() {
    is_never_used(Squatter::Open).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_file_in_a_bodys_place_is_never_used() {
    is_never_used(Squatter::Short).await;
}
