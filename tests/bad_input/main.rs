//! What a worker and a hub do about objects and slots that are not what they should be: one clear error or answer each,
//! and not a byte written to what is not theirs.

mod bus;
mod slots;

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown, symlink};

use http::Request;
use http_body_util::BodyExt;
use published01::types as wire;
use published01::{SlotBus, SlotBusConfig};
use slotbus::Body;
use slotbus::error::BusError;
use slotbus::hub::{CreateError, Hub};

use self::bus::{Bus, Worker, region};
use self::slots::meta;

#[tokio::test]
async fn a_wrong_magic_number_is_refused() {
    let bus = Bus::new("magic");
    bus.put(&region(|header| header[0] = 0xdead_beef)).is_refused("magic number is 0xdeadbeef").await;
}

#[tokio::test]
async fn an_unknown_version_is_refused() {
    let bus = Bus::new("version");
    bus.put(&region(|header| header[1] = 3)).is_refused("version 3 is unknown").await;
}

#[tokio::test]
async fn no_slots_and_too_many_slots_are_refused() {
    for slots in [0, 257, u32::MAX] {
        let bus = Bus::new("slots");
        bus.put(&region(|header| header[2] = slots)).is_refused(&format!("{slots} slots are outside 1 to 256")).await;
    }
}

#[tokio::test]
async fn a_header_that_claims_more_than_the_mapping_is_refused() {
    let (heap_offset, heap_size) = wire::compute_layout(32, 1 << 20);
    for more in [1, 4096, u32::MAX - heap_size as u32] {
        let bus = Bus::new("size");
        let end = heap_offset as u64 + heap_size as u64 + u64::from(more);
        bus.put(&region(|header| header[4] += more)).is_refused(&format!("end at {end}, but only 1048576")).await;
    }
}

#[tokio::test]
async fn a_heap_over_the_slots_is_refused() {
    let bus = Bus::new("heap");
    bus.put(&region(|header| header[3] = 64)).is_refused("start at 64, but 32 slots end at 4160").await;
}

#[tokio::test]
async fn a_region_of_10_bytes_is_refused() {
    let bus = Bus::new("short");
    bus.put(&region(|_| ())[..10]).is_refused("10 bytes are too few").await;
}

#[tokio::test]
async fn a_region_cut_off_behind_its_header_is_refused() {
    let bus = Bus::new("cut");
    bus.put(&region(|_| ())[..100]).is_refused("only 100 bytes are mapped").await;
}

#[tokio::test]
async fn a_directory_in_the_regions_place_is_refused() {
    let bus = Bus::new("directory");
    DirBuilder::new().mode(0o700).create(bus.object()).unwrap();
    bus.is_refused("is a directory").await;
}

#[tokio::test]
async fn a_symbolic_link_to_a_good_region_is_refused() {
    let (bus, target) = (Bus::new("link"), Bus::new("target"));
    target.put(&region(|_| ()));
    let before = target.picture();
    symlink(target.object(), bus.object()).unwrap();
    bus.is_refused("is a symbolic link").await;
    assert_eq!(target.picture(), before, "the link's target was changed");
}

#[tokio::test]
async fn a_fifo_in_the_regions_place_is_refused() {
    let bus = Bus::new("fifo");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, bus.object(), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    bus.is_refused("is a fifo").await;
}

#[tokio::test]
async fn a_region_of_another_user_is_refused() {
    let user = rustix::process::geteuid();
    if !user.is_root() {
        println!("skipped a_region_of_another_user_is_refused: only root can give an object away, this is {user:?}");
        return;
    }
    let bus = Bus::new("owner");
    bus.put(&region(|_| ()));
    chown(bus.object(), Some(12_345), None).unwrap();
    bus.is_refused("belongs to user 12345").await;
}

#[tokio::test]
async fn a_region_others_may_write_to_is_refused() {
    for mode in [0o620, 0o602, 0o666] {
        let bus = Bus::new("mode");
        bus.put(&region(|_| ()));
        fs::set_permissions(bus.object(), Permissions::from_mode(mode)).unwrap();
        bus.is_refused(&format!("has mode {mode:04o}")).await;
    }
}

#[tokio::test]
async fn an_object_of_no_length_is_waited_for() {
    Bus::new("empty").put(b"").is_waited_for().await;
}

#[tokio::test]
async fn a_region_without_magic_is_waited_for() {
    Bus::new("unfinished").put(&region(|header| header[0] = 0)).is_waited_for().await;
}

#[tokio::test]
async fn a_name_without_an_object_is_waited_for() {
    let bus = Bus::new("missing");
    let (error, text) = bus.serve().await;
    assert!(matches!(error, slotbus::Error::NoHub { .. }), "{text}");
    assert!(text.contains(&bus.name), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_hub_on_a_live_name_is_refused_and_the_first_goes_on() {
    let bus = Bus::new("second");
    let first = Hub::builder(&bus.name).create().unwrap();
    let object = fs::metadata(bus.object()).unwrap().ino();
    let worker = Worker::start(&bus);
    for _ in 0..2 {
        let error = Hub::builder(&bus.name).create().unwrap_err();
        assert!(matches!(error, CreateError::Bus(BusError::Live(_))), "{error:?}");
        assert!(error.to_string().contains(&bus.name), "{error}");
        assert_eq!(fs::metadata(bus.object()).unwrap().ino(), object, "the region was replaced");
        let response = first.call(Request::post("/").body(Body::from("still here")).unwrap()).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "still here");
    }
    worker.stop().await;
}

#[tokio::test]
async fn a_hub_leaves_a_name_alone_whose_object_proves_nothing() {
    for bytes in [region(|_| ()), region(|header| header[0] = 0), b"something else".to_vec(), Vec::new()] {
        let bus = Bus::new("unproven");
        let before = bus.put(&bytes).picture();
        let error = Hub::builder(&bus.name).create().unwrap_err();
        assert!(matches!(error, CreateError::Bus(BusError::Unproven(_))), "{error:?}");
        assert!(error.to_string().contains(&bus.object()), "{error}");
        assert_eq!(bus.picture(), before, "the object was changed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_leaves_the_region_of_a_published_hub_alone() {
    let bus = Bus::new("published");
    let config = SlotBusConfig::builder().name(&bus.name).build();
    let published = SlotBus::create(config).unwrap();
    let _watcher = published.start_response_watcher();
    let before = bus.picture();
    let error = Hub::builder(&bus.name).create().unwrap_err();
    assert!(matches!(error, CreateError::Bus(BusError::Unproven(_))), "{error:?}");
    assert_eq!(bus.picture(), before, "the region was changed");
    let worker = Worker::start(&bus);
    let answer = published.dispatch("id", "POST", &meta(), b"still here").unwrap();
    assert_eq!(answer.await.unwrap().body, b"still here");
    worker.stop().await;
}
