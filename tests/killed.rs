//! Real processes, killed for real.

mod support;

use std::fs::OpenOptions;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::Duration;

use http::Response;
use slotbus::Body;
use slotbus::hub::{CallError, Hub, SlotState};
use slotbus::testing::{Gate, TestBus, worker_process};
use support::process::{Process, play, role, wait_to_be_killed};
use support::{Worker, bytes, get_request, name, service};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_hub_is_replaced_and_its_worker_serves_the_next() {
    if let Some(name) = role() {
        let _hub = Hub::builder(name).create().unwrap();
        wait_to_be_killed();
    }
    let name = name();
    let first = Process::start("a_killed_hub_is_replaced_and_its_worker_serves_the_next", &name);
    let refused = Hub::builder(&name).create().unwrap_err();
    assert!(refused.to_string().contains("already has a live hub"), "{refused}");
    let worker = Worker::start(&name, service(|_| async { Response::new(Body::from("hello")) }));
    first.kill();
    let second = Hub::builder(&name).create().unwrap();
    assert_eq!(bytes(second.call(get_request("/")).await.unwrap()).await, "hello");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_costs_its_callers_an_error_and_no_slot() {
    worker_process(slotbus::serve(service(|_| std::future::pending()))).await;
    let bus = TestBus::builder().create();
    let worker = bus.worker_process("a_killed_worker_costs_its_callers_an_error_and_no_slot").await;
    let waiting = bus.get("/").spawn();
    bus.wait_for_state(SlotState::Claimed, 1).await;
    worker.kill();
    let answer = waiting.await.unwrap();
    assert!(matches!(answer.error(), Some(CallError::WorkerDied)), "{answer}");
    assert!(bus.slots().iter().all(|&slot| slot == SlotState::Free));
    bus.worker(slotbus::serve(service(|_| async { Response::new(Body::from("hello")) })));
    bus.get("/").await.assert_status(200).assert_text("hello");
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_killed_awake_is_counted_on_no_longer() {
    worker_process(slotbus::serve(service(|_| async { Response::new(Body::empty()) }))).await;
    let bus = TestBus::builder().create();
    let worker = bus.worker_process("a_worker_that_was_killed_awake_is_counted_on_no_longer").await;
    bus.get("/").await.assert_status(200);
    let region = OpenOptions::new().read(true).write(true).open(format!("/dev/shm/slotbus-{}", bus.name())).unwrap();
    // As if it, and whoever else, were awake: the word `awake` of docs/protocol.md.
    region.write_all_at(&[0xFF; 4], 52).unwrap();
    worker.kill();
    let mut awake = [0xFF; 4];
    while awake != [0; 4] {
        tokio::task::yield_now().await;
        region.read_exact_at(&mut awake, 52).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_stuck_with_a_stopped_worker_is_retired_and_everybody_follows() {
    const TEST: &str = "a_region_stuck_with_a_stopped_worker_is_retired_and_everybody_follows";
    let answer = |who: &'static str| {
        service(move |request| async move {
            match request.uri().path() {
                "/stuck" => std::future::pending().await,
                _ => Response::new(Body::from(who)),
            }
        })
    };
    worker_process(slotbus::serve(answer("the stopped one"))).await;
    let bus = TestBus::builder().hub(|hub| hub.slots(6)).create();
    let retired = std::fs::metadata(format!("/dev/shm/slotbus-{}", bus.name())).unwrap().ino();
    let stopped = bus.worker_process(TEST).await;
    let stuck: Vec<_> = (0..4).map(|_| bus.get("/stuck").spawn()).collect();
    bus.wait_for_state(SlotState::Claimed, 4).await;
    stopped.pause();
    // A fifth is in good hands, and waits for a while.
    let gate = Gate::new();
    let other = bus.worker(slotbus::serve(service({
        let gate = gate.clone();
        move |request| {
            let gate = gate.clone();
            async move {
                if request.uri().path() == "/slow" {
                    gate.pass().await;
                }
                Response::new(Body::from("the other one"))
            }
        }
    })));
    let slow = bus.get("/slow").spawn();
    bus.wait_for_state(SlotState::Claimed, 5).await;
    for call in stuck {
        call.abort();
    }
    bus.wait_until_free().await;
    bus.get("/").await.assert_text("the other one");
    gate.open();
    // Answered in the old region.
    slow.await.unwrap().assert_text("the other one");
    other.stop().await;
    stopped.resume();
    bus.get("/").await.assert_text("the stopped one");
    // It has answered what it had in the old region, and so has nobody a reason to keep that.
    while is_locked(retired) {
        tokio::task::yield_now().await;
    }
}

/// Whether anybody holds a lock on the file with this inode, as hubs and workers do.
fn is_locked(inode: u64) -> bool {
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    locks.lines().any(|line| line.contains(&format!(":{inode} ")))
}

/// Two workers: one that dies over its first request, and one that answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_get_survives_the_death_of_its_worker_and_a_post_does_not() {
    use slotbus::hub::RetryIdempotent;
    use tower::{Service, ServiceBuilder, ServiceExt};

    const TEST: &str = "a_get_survives_the_death_of_its_worker_and_a_post_does_not";
    if let Some(name) = role() {
        let _worker = Worker::start(&name, service(|_| async { std::process::abort() }));
        wait_to_be_killed();
    }
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let mut retrying = ServiceBuilder::new().retry(RetryIdempotent::times(1)).service(hub.clone());
    for method in [http::Method::GET, http::Method::POST] {
        let mortal = Process::start(TEST, &name);
        let request = http::Request::builder().method(method.clone()).uri("/").body(Body::empty()).unwrap();
        let call = tokio::spawn(ServiceExt::<http::Request<Body>>::ready(&mut retrying).await.unwrap().call(request));
        mortal.wait();
        let heir = Worker::start(&name, service(|_| async { Response::new(Body::from("hello")) }));
        match call.await.unwrap() {
            Ok(response) => assert_eq!((method, bytes(response).await), (http::Method::GET, "hello".into())),
            Err(error) => assert!(method == http::Method::POST && matches!(error, CallError::WorkerDied), "{error}"),
        }
        heir.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_worker_left_in_memory_is_removed_while_its_hub_lives() {
    const TEST: &str = "what_a_killed_worker_left_in_memory_is_removed_while_its_hub_lives";
    let long = service(|_| async { Response::new(Body::from(vec![7; 200_000])) });
    worker_process(slotbus::serve(long.clone())).await;
    let bus = TestBus::builder().create();
    let name = bus.name().to_owned();
    let left = || {
        let objects = std::fs::read_dir("/dev/shm").unwrap().flatten();
        objects
            .filter(|object| object.file_name().to_str().unwrap().starts_with(&format!("slotbus-{name}-rsp-")))
            .count()
    };
    let mortal = bus.worker_process(TEST).await;
    assert_eq!(bus.get("/").await.bytes().len(), 200_000);
    assert_eq!(left(), 1, "it is kept for the next body");
    mortal.kill();
    while left() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // A worker that lives keeps its own.
    bus.worker(slotbus::serve(long));
    assert_eq!(bus.get("/").await.bytes().len(), 200_000);
    bus.worker_process(TEST).await.kill();
    assert_eq!(bus.get("/").await.bytes().len(), 200_000);
    bus.stop().await;
}

#[test]
fn a_killed_worker_is_noticed_where_the_kernel_gives_no_hints() {
    const TEST: &str = "a_killed_worker_is_noticed_where_the_kernel_gives_no_hints";
    // In a user namespace of its own, where nobody may make an inotify instance.
    const BLIND: &[&str] = &[
        "unshare",
        "--user",
        "--map-root-user",
        "sh",
        "-c",
        "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$@\"",
        "sh",
    ];
    match role() {
        None => {
            let may = std::process::Command::new(BLIND[0]).args(&BLIND[1..]).arg("true").output();
            if !may.is_ok_and(|may| may.status.success()) {
                return println!("not run: {TEST} (this user may make no namespace)");
            }
            play(BLIND, TEST, "hub");
        }
        Some(role) => {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                if role == "hub" {
                    a_blind_hub_and_its_worker(TEST).await
                } else {
                    a_worker_that_never_answers(&role).await
                }
            });
        }
    }
}

async fn a_worker_that_never_answers(name: &str) {
    let _worker = Worker::start(name, service(|_| std::future::pending()));
    wait_to_be_killed();
}

async fn a_blind_hub_and_its_worker(test: &str) {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Process::start(test, &name);
    let waiting = tokio::spawn(hub.call(get_request("/")));
    while !hub.slots().contains(&SlotState::Claimed) {
        tokio::task::yield_now().await;
    }
    worker.kill();
    assert!(matches!(waiting.await.unwrap(), Err(CallError::WorkerDied)));
    // And a worker that its hub leaves alone follows the next one.
    let worker = Worker::start(&name, service(|_| async { Response::new(Body::from("hello")) }));
    assert_eq!(bytes(hub.call(get_request("/")).await.unwrap()).await, "hello");
    drop(hub);
    let next = Hub::builder(&name).create().unwrap();
    assert_eq!(bytes(next.call(get_request("/")).await.unwrap()).await, "hello");
    worker.stop().await;
}
