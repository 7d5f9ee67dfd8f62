//! Workers against the protocol: this crate's, the published ones, and one in Python that was written after docs/protocol.md.
#![cfg(feature = "conformance")]

#[path = "../support/mod.rs"]
mod support;

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use slotbus::conformance::{Checked, Options, Outcome, check};
use slotbus::extract::RawBody;
use slotbus::{Body, Router, Version, handler, routes};
use support::name;
use tokio::sync::oneshot;

/// The version of the region, and the bus.
fn options(version: Version) -> Options {
    let mut options = Options::new(name());
    options.version = version;
    options.echo = Some("/echo".to_owned());
    options.patience = Duration::from_secs(20);
    options
}

/// The rules that a worker breaks, and those that could not be asked.
fn check_all(options: &Options) -> (Vec<String>, Vec<&'static str>) {
    let (mut failed, mut skipped) = (Vec::new(), Vec::new());
    let conforms = check(options, |Checked { rule, outcome, .. }| {
        println!("{rule}: {outcome:?}");
        match outcome {
            Outcome::Passed => {}
            Outcome::Failed(why) => failed.push(format!("{rule}: {why}")),
            Outcome::Skipped(_) => skipped.push(rule),
        }
    })
    .unwrap();
    assert_eq!(conforms, failed.is_empty());
    (failed, skipped)
}

#[handler(POST, "/echo")]
async fn echo(body: RawBody) -> Body {
    body.0
}

/// A worker of this crate on a thread of its own, for as long as `meanwhile` runs.
fn with_worker<T>(options: &Options, meanwhile: impl FnOnce() -> T) -> T {
    let (stop, stopped) = oneshot::channel::<()>();
    let app = Router::new().routes(routes![echo]);
    let serve = slotbus::serve(app).name(&options.name).with_graceful_shutdown(async { drop(stopped.await) });
    let worker = std::thread::spawn(|| {
        tokio::runtime::Runtime::new().unwrap().block_on(serve.into_future()).unwrap();
    });
    let outcome = meanwhile();
    drop(stop);
    worker.join().unwrap();
    outcome
}

#[test]
fn a_worker_of_this_crate_keeps_every_rule() {
    for version in [Version::V1, Version::V2] {
        let options = options(version);
        let (failed, skipped) = with_worker(&options, || check_all(&options));
        assert!(failed.is_empty(), "{version}: {failed:#?}");
        assert!(!skipped.contains(&"repeats bodies byte by byte, inline and by overflow object"));
    }
}

/// Killed and reaped when dropped.
struct Process(Child);

impl Process {
    fn python(name: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/worker.py");
        let python = Command::new("python3").args([script, name]).stdin(Stdio::null()).spawn();
        Self(python.expect("python3 can be started: install it, on Debian with `apt-get install python3`"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_worker_of_150_lines_of_python_keeps_every_rule() {
    for version in [Version::V1, Version::V2] {
        let options = options(version);
        let python = Process::python(&options.name);
        let (failed, _) = check_all(&options);
        drop(python);
        assert!(failed.is_empty(), "{version}: {failed:#?}");
    }
}

/// Names the bus of a process that is a worker instead of a test.
const CARELESS: &str = "SLOTBUS_TEST_CARELESS";

#[test]
#[ignore = "no test: what this binary does as a worker that breaks rules"]
fn careless_worker() {
    let Ok(name) = std::env::var(CARELESS) else { return };
    // A published worker with a careless service, which turns bodies round, knows no ping and is not asked by its hub for life.
    let config = || published01::SlotBusConfig::builder().name(&name).build();
    let worker = loop {
        match published01::SlotWorker::open(config()) {
            Ok(worker) => break Arc::new(worker),
            Err(_) => std::thread::yield_now(),
        }
    };
    let pumping = worker.start_receive_loop(|worker, slot, mut request| {
        request.body.reverse();
        let status = if request.path == "/__ping__" { 404 } else { 200 };
        let _ = worker.send_response(slot, status, request.body, "text/plain", Vec::new());
    });
    pumping.join().unwrap();
}

#[test]
fn a_worker_that_breaks_rules_is_told_which() {
    let mut options = options(Version::V1);
    // It dies of a meta outside of the heap, and the rest is not answered.
    options.patience = Duration::from_secs(2);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "careless_worker", "--ignored"]).env(CARELESS, &options.name);
    let worker = Process(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap());
    let (failed, _) = check_all(&options);
    drop(worker);
    let broken = |rule: &str| failed.iter().any(|failure| failure.starts_with(rule));
    for rule in ["repeats bodies byte by byte", "answers the hub's ping", "answers a request whose meta lies outside"] {
        assert!(broken(rule), "{rule}: {failed:#?}");
    }
    assert!(!broken("answers each method"), "{failed:#?}");
}
