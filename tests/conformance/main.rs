//! Workers against the protocol: this crate's, the published ones, and one in Python that was written after docs/protocol.md.
#![cfg(feature = "conformance")]

#[path = "../support/mod.rs"]
mod support;

use std::ops::ControlFlow;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use slotbus::conformance::{Checked, Options, Outcome, check};
use slotbus::extract::RawBody;
use slotbus::{Body, Router, Version, handler, routes};
use support::process::{Process, role};
use support::{OnThread, name};

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
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(conforms, failed.is_empty());
    (failed, skipped)
}

#[handler(POST, "/echo")]
async fn echo(body: RawBody) -> Body {
    body.0
}

#[test]
fn a_worker_of_this_crate_keeps_every_rule() {
    for version in [Version::V1, Version::V2] {
        let options = options(version);
        let worker = OnThread::start(&options.name, Router::new().routes(routes![echo]));
        let (failed, skipped) = check_all(&options);
        drop(worker);
        assert!(failed.is_empty(), "{version}: {failed:#?}");
        assert!(!skipped.contains(&"repeats bodies byte by byte, inline and by overflow object"));
    }
}

/// Killed and reaped when dropped.
struct Python(Child);

impl Python {
    fn start(name: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/worker.py");
        let python = Command::new("python3").args([script, name]).stdin(Stdio::null()).spawn();
        Self(python.expect("python3 can be started: install it, on Debian with `apt-get install python3`"))
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_worker_of_150_lines_of_python_keeps_every_rule() {
    for version in [Version::V1, Version::V2] {
        let options = options(version);
        let python = Python::start(&options.name);
        let (failed, _) = check_all(&options);
        drop(python);
        assert!(failed.is_empty(), "{version}: {failed:#?}");
    }
}

/// A published worker with a careless service, which turns bodies round, knows no ping and is not asked by its hub for life.
fn be_careless(name: &str) {
    println!("ready");
    let config = || published01::SlotBusConfig::builder().name(name).build();
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
    if let Some(name) = role() {
        return be_careless(&name);
    }
    let mut options = options(Version::V1);
    // It dies of a meta outside of the heap, and the rest is not answered.
    options.patience = Duration::from_secs(2);
    let worker = Process::start("a_worker_that_breaks_rules_is_told_which", &options.name);
    let (failed, _) = check_all(&options);
    drop(worker);
    let broken = |rule: &str| failed.iter().any(|failure| failure.starts_with(rule));
    for rule in ["repeats bodies byte by byte", "answers the hub's ping", "answers a request whose meta lies outside"] {
        assert!(broken(rule), "{rule}: {failed:#?}");
    }
    assert!(!broken("answers each method"), "{failed:#?}");
}
