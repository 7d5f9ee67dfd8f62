//! Workers in processes of their own, killed and held for real.

use std::time::Duration;

use slotbus::hub::{CallError, SlotState};
use slotbus::testing::{TestBus, worker_process};

use crate::{app, long, objects};

/// The worker of the tests here; in an ordinary run it does nothing.
#[tokio::test(flavor = "multi_thread")]
async fn worker() {
    worker_process(slotbus::serve(app())).await;
}

const WORKER: &str = "processes::worker";

#[tokio::test(flavor = "multi_thread")]
async fn callers_of_a_killed_worker_are_told_and_its_slots_are_freed() {
    let bus = TestBus::builder().create();
    let process = bus.worker_process(WORKER).await;
    assert!(process.is_running() && process.id() != std::process::id());
    let callers = [(), (), ()].map(|()| bus.get("/forever").spawn());
    bus.wait_for_state(SlotState::Claimed, 3).await;
    process.clone().kill();
    for caller in callers {
        let answer = caller.await.unwrap();
        assert!(matches!(answer.assert_status(502).error(), Some(CallError::WorkerDied)), "{answer}");
    }
    assert!(!process.is_running());
    bus.wait_until_free().await;
    // Another takes its place.
    bus.worker_process(WORKER).await;
    bus.get("/hello/world").await.assert_text("hello, world");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_can_be_its_own_worker_with_options() {
    const TEST: &str = "processes::a_test_can_be_its_own_worker_with_options";
    worker_process(slotbus::serve(app()).message_limit(10)).await;
    let bus = TestBus::builder().create();
    bus.worker_process(TEST).await;
    bus.post("/echo").body("0123456789a").await.assert_problem(413);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_stopped_ends_by_itself_and_answers_what_it_has() {
    let bus = TestBus::builder().create();
    let process = bus.worker_process(WORKER).await;
    bus.post("/echo").body(long()).await.assert_status(200);
    // Also one that stands.
    process.pause();
    process.clone().stop().await;
    assert!(!process.is_running());
    let name = bus.name().to_owned();
    bus.worker_process(WORKER).await;
    bus.stop().await;
    assert_eq!(objects(&name), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_finds_a_request_by_its_look_when_the_ring_is_lost_while_it_stands() {
    let bus = TestBus::builder().create();
    let process = bus.worker_process(WORKER).await;
    bus.get("/hello/world").await.assert_text("hello, world");
    process.pause();
    let waiting = bus.get("/hello/world").spawn();
    bus.wait_for_state(SlotState::Ready, 1).await;
    while !bus.drop_wake() {
        tokio::task::yield_now().await;
    }
    process.resume();
    waiting.await.unwrap().assert_text("hello, world");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_a_standing_worker_has_claimed_runs_into_the_time_out() {
    let bus = TestBus::builder().hub(|hub| hub.timeout(Duration::from_secs(2))).create();
    let process = bus.worker_process(WORKER).await;
    // It is attached when it has answered; until then a request may have to wait.
    while bus.get("/hello/world").await.error().is_some() {}
    let waiting = bus.get("/forever").spawn();
    bus.wait_for(|slots| slots.contains(&SlotState::Claimed)).await;
    process.pause();
    let answer = waiting.await.unwrap();
    // The worker may have been quick enough to say so itself before it stood.
    assert!(matches!(answer.assert_status(504).error(), None | Some(CallError::TimedOut(_))), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_is_dropped_takes_its_processes_with_it() {
    let bus = TestBus::builder().create();
    let name = bus.name().to_owned();
    let process = bus.worker_process(WORKER).await;
    bus.post("/echo").body(long()).await.assert_status(200);
    drop(bus);
    assert!(!process.is_running());
    assert_eq!(objects(&name), 0);
}

/// Starts a worker and ends at once, as a test that is killed.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_parent_dies_ends() {
    const TEST: &str = "processes::a_process_whose_parent_dies_ends";
    const PLAY: &str = "SLOTBUS_TEST_PARENT";
    if std::env::var(PLAY).is_ok() {
        let bus = TestBus::builder().create();
        let process = bus.worker_process(WORKER).await;
        println!("child {} of {}", process.id(), bus.name());
        std::process::abort();
    }
    let mut parent = std::process::Command::new(std::env::current_exe().unwrap());
    parent.args(["--exact", TEST, "--nocapture"]).env(PLAY, "1");
    // The output ends when everybody who has it has ended.
    let output = parent.output().unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, line) = text.split_once("child ").unwrap_or_else(|| panic!("{text}"));
    let (child, name) = line.lines().next().unwrap().split_once(" of ").unwrap();
    let child = rustix::process::Pid::from_raw(child.parse().unwrap()).unwrap();
    while rustix::process::test_kill_process(child).is_ok() {
        std::thread::sleep(Duration::from_millis(1));
    }
    slotbus::clean("slotbus").unwrap();
    assert_eq!(objects(name), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_is_no_worker_is_told_with_what_it_printed() {
    let bus = TestBus::builder().create();
    for (test, printed) in
        [("processes::no_such_test", "running 0 tests"), ("client::an_answer_has_status_headers_and_body", "1 passed")]
    {
        let start = bus.worker_process(test);
        let panic = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(start)).await.unwrap_err();
        let panic = panic.downcast_ref::<String>().unwrap();
        assert!(
            panic.contains(&format!("no test {test:?} called worker_process")) && panic.contains(printed),
            "{panic}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_has_ended_is_not_signalled() {
    let bus = TestBus::builder().create();
    let process = bus.worker_process(WORKER).await;
    let id = process.id();
    process.clone().kill();
    process.clone().kill();
    assert_eq!(crate::panic_of(|| process.pause()), format!("worker process {id} has ended"));
}
