//! A subscriber of `tracing` is foreign code, which may panic, as one does that cannot write its lines: the threads that all calls
//! count on go on.

mod support;

use std::process::Command;
use std::sync::Once;
use std::time::{Duration, Instant};

use slotbus::Deadline;
use slotbus::hub::{CallError, Hub, SlotState, Supervisor};
use slotbus::testing::{TestBus, worker_process};
use support::{get_request, name, service};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// The file that a process makes which cannot be ended by a signal that it may hear.
const READY: &str = "SLOTBUS_TEST_READY";
/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(60);

/// Panics over whatever a hub says.
struct Panics;

impl Subscriber for Panics {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with("slotbus::hub")
    }

    fn event(&self, event: &Event<'_>) {
        panic!("it cannot be told what {} says", event.metadata().target());
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Whatever is said in this process from now on is said to the subscriber that panics.
fn panic_over_all_that_is_said() {
    static SET: Once = Once::new();
    SET.call_once(|| tracing::subscriber::set_global_default(Panics).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_still_sees_deaths_and_keeps_time() {
    const TEST: &str = "a_hub_still_sees_deaths_and_keeps_time";
    worker_process(slotbus::serve(service(|_| std::future::pending()))).await;
    panic_over_all_that_is_said();
    let bus = TestBus::builder().create();
    // Each is told of by one of the hub's two threads.
    for _ in 0..3 {
        let worker = bus.worker_process(TEST).await;
        let waiting = bus.get("/").spawn();
        bus.wait_for_state(SlotState::Claimed, 1).await;
        worker.kill();
        let answer = tokio::time::timeout(PATIENCE, waiting).await.expect("somebody sees it").unwrap();
        assert!(matches!(answer.error(), Some(CallError::WorkerDied)), "{answer}");
    }
    let late = bus.get("/").extension(Deadline::after(Duration::from_millis(50))).spawn();
    let late = tokio::time::timeout(PATIENCE, late).await.expect("somebody looks at the clock").unwrap();
    assert!(matches!(late.error(), Some(CallError::Unclaimed(_))), "{late}");
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_still_closes_when_its_region_is_removed() {
    panic_over_all_that_is_said();
    let name = name();
    let hub = Hub::builder(&name).timeout(Duration::MAX).create().unwrap();
    let waiting = tokio::spawn(hub.call(get_request("/")));
    std::fs::remove_file(format!("/dev/shm/slotbus-{name}")).unwrap();
    let ended = tokio::time::timeout(PATIENCE, waiting).await.expect("the hub closes").unwrap();
    assert!(matches!(ended, Err(CallError::Closed)), "{ended:?}");
    drop(hub);
    // It has left them: they may be another hub's by now.
    for bell in ["req", "rsp"] {
        std::fs::remove_file(format!("/dev/shm/sem.slotbus-{name}-{bell}")).unwrap();
    }
}

#[test]
fn a_supervisor_still_starts_again_what_has_ended() {
    panic_over_all_that_is_said();
    let hub = Hub::builder(name()).create().unwrap();
    let (builder, pause) = (Supervisor::builder(&hub, Command::new("true")), Duration::from_millis(1));
    let supervisor = builder.pauses(pause, pause).start().unwrap();
    let begun = Instant::now();
    while supervisor.processes()[0].starts < 4 {
        assert!(begun.elapsed() < PATIENCE, "{:?}", supervisor.processes());
        std::thread::yield_now();
    }
}

#[test]
fn a_supervisor_still_kills_what_does_not_end() {
    if support::process::role().is_some() {
        // As `nohup` does with another signal: it is not to end by this one.
        let _ignored = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(async { tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap() });
        std::fs::write(std::env::var_os(READY).unwrap(), "").unwrap();
        support::process::wait_to_be_killed();
    }
    panic_over_all_that_is_said();
    let hub = Hub::builder(name()).create().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ready = folder.path().join("ready");
    let mut stubborn = support::process::command(&[], "a_supervisor_still_kills_what_does_not_end", "stubborn");
    stubborn.env(READY, &ready);
    let supervisor = Supervisor::builder(&hub, stubborn).stop_timeout(Duration::from_millis(50)).start().unwrap();
    let begun = Instant::now();
    while !ready.exists() {
        assert!(begun.elapsed() < PATIENCE, "{:?}", supervisor.processes());
        std::thread::yield_now();
    }
    let stopped = std::thread::spawn(move || supervisor.stop());
    while !stopped.is_finished() {
        assert!(begun.elapsed() < PATIENCE, "it was not killed");
        std::thread::yield_now();
    }
    stopped.join().unwrap();
}
