//! Real processes, killed for real.
//!
//! A test that needs another process starts this binary again with its own name as the filter and [`ROLE`] set: it then
//! plays the other process instead of the test.

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use http::Response;
use slotbus::Body;
use slotbus::hub::{CallError, Hub, SlotState};
use support::{Worker, bytes, get_request, name, service};

/// The bus of the process that is to be killed.
const ROLE: &str = "SLOTBUS_TEST_KILLED";

/// Another process, killed and reaped when dropped.
struct Process(Child);

impl Process {
    /// Plays `test`'s other process on the bus called `name`; returns when it has said that it is ready.
    fn start(test: &str, name: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]).env(ROLE, name).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("ready")), "the other process ended");
        Self(child)
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

fn wait_to_be_killed() -> ! {
    println!("ready");
    loop {
        std::thread::park();
    }
}

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
    if let Some(name) = role() {
        let _worker = Worker::start(
            &name,
            service(|_| async {
                println!("ready to be killed with a request in hand");
                std::future::pending().await
            }),
        );
        wait_to_be_killed();
    }
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Process::start("a_killed_worker_costs_its_callers_an_error_and_no_slot", &name);
    let waiting = tokio::spawn(hub.call(get_request("/")));
    while !hub.slots().contains(&SlotState::Claimed) {
        tokio::task::yield_now().await;
    }
    worker.kill();
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::WorkerDied), "{error}");
    assert!(hub.slots().iter().all(|&slot| slot == SlotState::Free));
    let next = Worker::start(&name, service(|_| async { Response::new(Body::from("hello")) }));
    assert_eq!(bytes(hub.call(get_request("/")).await.unwrap()).await, "hello");
    next.stop().await;
}
