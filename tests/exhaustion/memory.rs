//! A full `/dev/shm`: a small one of its own, in namespaces of a process of its own.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::process::Command;
use std::time::Instant;

use http::StatusCode;
use slotbus::hub::{CallError, Hub};

use super::support::process::{play, role};
use super::support::{Worker, bytes, get_request, name};
use super::{echo_or_make, post, small_ones_succeed, whole};

/// Runs its arguments with a `/dev/shm` of 6 MiB that nobody else sees.
const SMALL: [&str; 7] = [
    "unshare",
    "--user",
    "--map-root-user",
    "--mount",
    "sh",
    "-c",
    "mount -t tmpfs -o size=6m tmpfs /dev/shm && exec \"$0\" \"$@\"",
];

/// Plays `test` where `/dev/shm` is small, if that can be had here.
fn play_small(test: &str) {
    let probe = Command::new(SMALL[0]).args(&SMALL[1..]).arg("true").output();
    match probe {
        Ok(output) if output.status.success() => print!("{}", figures(&play(&SMALL, test, "small"))),
        Ok(output) => println!("not run: {test}: no namespace here: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => println!("not run: {test}: unshare could not be started: {error}"),
    }
}

/// The lines that say how much or how long.
fn figures(text: &str) -> String {
    text.lines().filter(|line| line.contains("small: ")).map(|line| format!("{line}\n")).collect()
}

/// Fills `/dev/shm` but for `left` bytes; removed when dropped.
struct Filler;

impl Filler {
    const PATH: &str = "/dev/shm/filler";

    fn but(left: u64) -> Self {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(Self::PATH).unwrap();
        let written = loop {
            match file.write(&[1; 4096]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break file.metadata().unwrap().len(),
                Err(error) => panic!("{error}"),
            }
        };
        File::options().write(true).open(Self::PATH).unwrap().set_len(written - left).unwrap();
        Self
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        fs::remove_file(Self::PATH).unwrap();
    }
}

fn objects() -> Vec<String> {
    fs::read_dir("/dev/shm").unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_hub_that_has_no_memory_for_its_region_or_its_semaphores_is_not_made_and_leaves_nothing() {
    if role().is_none() {
        return play_small(
            "memory::a_hub_that_has_no_memory_for_its_region_or_its_semaphores_is_not_made_and_leaves_nothing",
        );
    }
    let begin = Instant::now();
    let name = name();
    // Its region takes 5 MiB for requests and 3 for published workers.
    let error = whole(&Hub::builder(&name).create().unwrap_err());
    assert!(
        error.starts_with(&format!("/dev/shm/slotbus-{name} could not be given its memory: No space left")),
        "{error}"
    );
    assert_eq!(objects(), Vec::<String>::new());

    let small = || Hub::builder(&name).slots(2).inline_capacity(4096).create();
    let hub = small().unwrap();
    let region = fs::metadata(format!("/dev/shm/slotbus-{name}")).unwrap().len();
    drop(hub);
    for semaphores in 0..2 {
        let _filler = Filler::but(region + semaphores * 4096);
        let error = whole(&small().unwrap_err());
        let object = ["req", "rsp"][semaphores as usize];
        assert!(
            error.contains(&format!("/dev/shm/sem.slotbus-{name}-{object} could not be given its memory")),
            "{error}"
        );
        assert_eq!(objects(), ["filler"], "with room for {semaphores} semaphores");
    }
    let _filler = Filler::but(region + 2 * 4096);
    drop(small().unwrap());
    println!("small: no hub: all errors in {:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_dev_shm_has_no_room_for_are_507_and_small_requests_go_on() {
    if role().is_none() {
        let test = "memory::bodies_that_dev_shm_has_no_room_for_are_507_and_small_requests_go_on";
        return tokio::task::spawn_blocking(move || play_small(test)).await.unwrap();
    }
    let begin = Instant::now();
    let name = name();
    let hub = Hub::builder(&name).slots(4).inline_capacity(4096).create().unwrap();
    let worker = Worker::start(&name, echo_or_make());
    let no_room = |error: CallError| {
        assert!(matches!(error, CallError::NoRoom(_)) && error.status() == 507, "{error:?}");
        assert!(whole(&error).contains("No space left on device"), "{}", whole(&error));
    };
    // Too long for all of it, at the hub and at the worker.
    for _ in 0..3 {
        no_room(hub.call(post("/echo", 7 << 20)).await.unwrap_err());
        let response = hub.call(get_request("/7340032")).await.unwrap();
        assert_eq!(response.status(), StatusCode::INSUFFICIENT_STORAGE);
        small_ones_succeed(&hub).await;
    }
    // One body fits, two at once may not; which of them is answered how is theirs to race for.
    let mut outcomes = [0; 2];
    let calls: Vec<_> = (0..16).map(|_| tokio::spawn(hub.call(post("/echo", 2 << 20)))).collect();
    for call in calls {
        match call.await.unwrap() {
            Ok(response) if response.status() == 200 => {
                assert_eq!(bytes(response).await, vec![7; 2 << 20]);
                outcomes[0] += 1;
            }
            Ok(response) => {
                assert_eq!(response.status(), StatusCode::INSUFFICIENT_STORAGE);
                outcomes[1] += 1;
            }
            Err(error) => {
                no_room(error);
                outcomes[1] += 1;
            }
        }
    }
    println!("small: of 16 long bodies at once {} were answered and {} refused with 507", outcomes[0], outcomes[1]);
    {
        let _filler = Filler::but(0);
        for slot in 0..8 {
            no_room(hub.call(post("/echo", 3 << 20)).await.unwrap_err());
            let response = hub.call(get_request("/3145728")).await.unwrap();
            assert_eq!(response.status(), StatusCode::INSUFFICIENT_STORAGE, "{slot}");
            small_ones_succeed(&hub).await;
        }
    }
    assert_eq!(bytes(hub.call(post("/echo", 2 << 20)).await.unwrap()).await.len(), 2 << 20, "there is room again");
    println!("small: all outcomes in {:?}", begin.elapsed());
    worker.stop().await;
    drop(hub);
    assert_eq!(objects(), Vec::<String>::new());
}
