//! Squatters in the region's place: they stop a hub and a worker, and stay as they are.

use slotbus::hub::Hub;

use super::squatter::{Placed, Squatter};
use super::support::name;
use super::{objects, refused, whole};

async fn stops_both(squatter: Squatter) {
    let name = name();
    let object = format!("/dev/shm/slotbus-{name}");
    let Some(placed) = Placed::put(squatter, &object, &[0; 8192]) else { return };
    let error = whole(&Hub::builder(&name).create().unwrap_err());
    // Ten bytes are a plain file of this user, which proves nothing.
    let fact = if squatter == Squatter::Short { "does not prove that its hub is gone" } else { squatter.fact() };
    assert!(error.contains(&object) && error.contains(fact), "{error}");
    let error = refused(&name).await;
    assert!(error.contains(&object) && error.contains(squatter.fact()), "{error}");
    if !squatter.is_ours() {
        let error = whole(&Hub::builder(&name).replace_by_force().create().unwrap_err());
        assert!(error.contains(squatter.fact()), "force is for this user's own files: {error}");
    }
    placed.is_untouched();
    let others = objects(&name).into_iter().filter(|other| !other.starts_with(&format!("slotbus-{name}")));
    assert_eq!(others.collect::<Vec<_>>(), Vec::<String>::new(), "a refused hub leaves nothing behind");
}

#[tokio::test]
async fn a_directory_in_the_regions_place_stops_hub_and_worker() {
    stops_both(Squatter::Directory).await;
}

#[tokio::test]
async fn a_symbolic_link_in_the_regions_place_stops_hub_and_worker() {
    stops_both(Squatter::Symlink).await;
}

#[tokio::test]
async fn a_fifo_in_the_regions_place_stops_hub_and_worker() {
    stops_both(Squatter::Fifo).await;
}

#[tokio::test]
async fn a_socket_in_the_regions_place_stops_hub_and_worker() {
    stops_both(Squatter::Socket).await;
}

#[tokio::test]
async fn a_strangers_file_in_the_regions_place_stops_hub_and_worker() {
    stops_both(Squatter::Stranger).await;
}

#[tokio::test]
async fn a_file_open_to_all_in_the_regions_place_stops_hub_and_worker() {
    stops_both(Squatter::Open).await;
}

#[tokio::test]
async fn a_short_file_in_the_regions_place_stops_hub_and_worker() {
    stops_both(Squatter::Short).await;
}

#[tokio::test]
async fn force_replaces_a_plain_file_of_this_user_and_nothing_else() {
    let name = name();
    let object = format!("/dev/shm/slotbus-{name}");
    let placed = Placed::put(Squatter::Short, &object, &[]).unwrap();
    let hub = Hub::builder(&name).replace_by_force().create().unwrap();
    assert!(placed.is_replaced());
    drop(hub);
    assert_eq!(objects(&name), Vec::<String>::new());
}
