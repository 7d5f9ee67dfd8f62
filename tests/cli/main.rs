//! The program `slotbus`, as a shell runs it.
#![cfg(feature = "cli")]

mod looks;
#[path = "../support/mod.rs"]
mod support;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use slotbus::hub::Hub;
use slotbus::{Path, Router, handler, routes};
use support::{OnThread, name};

#[handler(GET, "/hello/{name}")]
async fn hello(Path(name): Path<String>) -> ([(&'static str, &'static str); 1], String) {
    ([("x-greeting", "1")], format!("hello, {name}"))
}

#[handler(POST, "/echo")]
async fn echo(body: bytes::Bytes) -> bytes::Bytes {
    body
}

/// A worker, until it is dropped.
struct Worker {
    name: String,
    _thread: OnThread,
}

impl Worker {
    fn start() -> Self {
        let name = name();
        let thread = OnThread::start(&name, Router::new().routes(routes![hello, echo]));
        Self { name, _thread: thread }
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slotbus"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn slotbus(arguments: &[&str]) -> (Output, String, String) {
    let output = command(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    (output, out, err)
}

#[test]
fn call_prints_the_body_as_it_is_and_with_include_the_head_before_it() {
    let worker = Worker::start();
    let (output, out, err) = slotbus(&["call", &worker.name, "get", "/hello/world"]);
    assert!(output.status.success(), "{err}");
    assert_eq!((out.as_str(), err.as_str()), ("hello, world", ""));
    let (_, out, _) = slotbus(&["call", &worker.name, "GET", "/hello/world", "--include"]);
    assert!(
        out.starts_with("200 OK\n") && out.contains("x-greeting: 1\n") && out.ends_with("\n\nhello, world"),
        "{out}"
    );
    let (_, out, _) = slotbus(&["call", &worker.name, "GET", "/hello/world", "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((answer["status"].as_u64(), answer["body"].as_str()), (Some(200), Some("hello, world")));
}

#[test]
fn call_sends_a_body_of_the_command_line_of_a_file_and_of_the_standard_input() {
    let worker = Worker::start();
    let call = |data: &str| ["call", &worker.name, "POST", "/echo", "-d", data].map(str::to_owned);
    let text = |arguments: &[String]| slotbus(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).1;
    assert_eq!(text(&call("a text")), "a text");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body");
    let long = "0123456789".repeat(30_000);
    std::fs::write(&file, &long).unwrap();
    assert_eq!(text(&call(&format!("@{}", file.display()))), long);
    let mut child = Command::new(env!("CARGO_BIN_EXE_slotbus"))
        .args(call("@-"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"piped").unwrap();
    assert_eq!(child.wait_with_output().unwrap().stdout, b"piped");
    let (output, _, err) = slotbus(&["call", &worker.name, "POST", "/echo", "-d", "@/no/such/file"]);
    assert!(!output.status.success() && err.contains("cannot read /no/such/file"), "{err}");
}

#[test]
fn call_ends_with_22_for_an_error_when_it_is_to_fail() {
    let worker = Worker::start();
    assert_eq!(slotbus(&["call", &worker.name, "GET", "/nowhere"]).0.status.code(), Some(0));
    assert_eq!(slotbus(&["call", &worker.name, "GET", "/nowhere", "--fail"]).0.status.code(), Some(22));
}

#[test]
fn call_says_what_to_do_without_a_worker_and_beside_another_hub() {
    let name = name();
    let (output, _, err) = slotbus(&["call", &name, "GET", "/", "--timeout", "50ms"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err.contains("no answer within 50ms") && err.contains(&format!("SLOTBUS_NAME={name}")), "{err}");
    let _hub = Hub::builder(&name).create().unwrap();
    let (output, _, err) = slotbus(&["call", &name, "GET", "/"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err.contains("already has a live hub") && err.contains("ask that one"), "{err}");
}

#[test]
fn what_no_bus_carries_is_refused_before_anything_is_made() {
    for (arguments, said) in
        [(["call", "w", "TRACE", "/"], "a bus carries GET, POST"), (["call", "w/../x", "GET", "/"], "w/../x")]
    {
        let (output, _, err) = slotbus(&arguments);
        assert!(!output.status.success() && err.contains(said), "{err}");
    }
    let (output, _, err) = slotbus(&["call", "w", "GET", "/", "-H", "no colon"]);
    assert!(!output.status.success() && err.contains("`name: value`"), "{err}");
}

#[test]
fn bench_counts_every_request_and_shows_quantiles() {
    let worker = Worker::start();
    let (output, out, err) = slotbus(&["bench", &worker.name, "GET", "/hello/you", "-n", "5000", "-c", "8", "--json"]);
    assert!(output.status.success(), "{err}");
    let counts: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((counts["answers"].as_u64(), counts["statuses"]["200"].as_u64()), (Some(5000), Some(5000)));
    assert_eq!(counts["errors"], serde_json::json!({}));
    let micros = |name: &str| counts["micros"][name].as_f64().unwrap();
    assert!(0.0 < micros("p50") && micros("p50") <= micros("p99.9") && micros("p99.9") <= micros("max"));
    let (_, out, _) = slotbus(&["bench", &worker.name, "GET", "/nowhere", "--duration", "100ms"]);
    assert!(out.contains("status 404: ") && out.contains("p99.9"), "{out}");
}

#[test]
fn an_interrupted_bench_prints_what_it_has_and_takes_its_bus_away() {
    let worker = Worker::start();
    let mut bench = command(&["bench", &worker.name, "GET", "/hello/you", "--duration", "1m", "--json"]);
    let mut bench = bench.stdout(Stdio::piped()).spawn().unwrap();
    let answered = || {
        let bus = slotbus::inspect::Bus::open("slotbus", &worker.name).and_then(|bus| bus.look());
        bus.is_ok_and(|look| look.dispatches > Some(100))
    };
    while !answered() {
        assert!(bench.try_wait().unwrap().is_none(), "it has ended");
    }
    kill_process(Pid::from_child(&bench), Signal::INT).unwrap();
    let output = bench.wait_with_output().unwrap();
    assert!(output.status.success());
    let counts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(counts["answers"].as_u64().unwrap() > 50 && counts["errors"] == serde_json::json!({}), "{counts}");
    assert!(slotbus::inspect::Bus::open("slotbus", &worker.name).unwrap_err().is_missing());
}

/// What stands in `/dev/shm` under a bus's name.
fn objects_of(name: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/dev/shm").unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).filter(|file| file.contains(name)).collect()
}

#[test]
fn a_command_that_waits_for_a_worker_takes_its_bus_away_at_a_signal() {
    for (arguments, signal) in [
        (&["call", "GET", "/", "--timeout", "1m"][..], Signal::TERM),
        (&["bench", "GET", "/", "--timeout", "1m"], Signal::INT),
        (&["conformance", "--patience", "1s"], Signal::INT),
    ] {
        let name = name();
        let (subcommand, rest) = arguments.split_first().unwrap();
        let mut waiting = command(&[&[*subcommand, &name], rest].concat()).stderr(Stdio::null()).spawn().unwrap();
        while slotbus::inspect::Bus::open("slotbus", &name).is_err() {
            assert!(waiting.try_wait().unwrap().is_none(), "{subcommand} has ended");
        }
        kill_process(Pid::from_child(&waiting), signal).unwrap();
        assert_eq!(waiting.wait().unwrap().code(), Some(130), "{subcommand}");
        assert_eq!(objects_of(&name), [""; 0], "{subcommand}");
    }
}

#[test]
fn a_command_ends_as_it_would_when_nobody_reads_what_it_says() {
    let worker = Worker::start();
    let nobody = name();
    for (arguments, code) in [
        (&["call", &worker.name, "GET", "/nowhere", "--timing", "--fail"][..], 22),
        (&["call", &nobody, "GET", "/", "--timeout", "50ms"], 1),
    ] {
        let closed = || std::io::pipe().unwrap().1;
        let status = command(arguments).stdout(closed()).stderr(closed()).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn conformance_refuses_a_path_that_is_none_before_it_asks_anything() {
    for (path, said) in [("echo", "begins with `/`"), ("/a b", "invalid")] {
        let (output, out, err) = slotbus(&["conformance", "w", "--echo", path]);
        assert_eq!((output.status.code(), out.as_str()), (Some(2), ""), "{err}");
        assert!(err.contains("--echo") && err.contains(said), "{err}");
        let mut options = slotbus::conformance::Options::new(name());
        options.echo = Some(path.to_owned());
        let error = slotbus::conformance::check(&options, |_| unreachable!("nothing is asked")).unwrap_err();
        assert!(error.to_string().contains(&format!("{path:?} is no path")), "{error}");
    }
}

#[test]
fn clean_says_of_each_object_why_it_stays() {
    let prefix = format!("p{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
    let bells = ["req", "rsp"].map(|bell| std::path::PathBuf::from(format!("/dev/shm/sem.{prefix}-a-{bell}")));
    bells.iter().for_each(|bell| std::fs::create_dir(bell).unwrap());
    let (_, out, err) = slotbus(&["clean", "--prefix", &prefix, "--json"]);
    bells.iter().for_each(|bell| std::fs::remove_dir(bell).unwrap());
    let cleaned: serde_json::Value = serde_json::from_str(&out).expect(&err);
    let left: Vec<_> = cleaned["left"].as_array().unwrap().iter().map(|left| left["reason"].to_string()).collect();
    assert_eq!(left.len(), 2, "{out}");
    assert!(left[0].contains("-req") && left[1].contains("-rsp") && left[0].contains("directory"), "{out}");
}

#[test]
fn clean_says_what_it_removed_as_json_too() {
    let name = name();
    let prefix = format!("p{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
    let mut killed = command(&["call", &name, "GET", "/", "--timeout", "1m", "--prefix", &prefix]).spawn().unwrap();
    let region = std::path::PathBuf::from(format!("/dev/shm/{prefix}-{name}"));
    while !region.exists() {
        std::thread::yield_now();
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let (output, out, err) = slotbus(&["clean", "--prefix", &prefix, "--json"]);
    assert!(output.status.success(), "{err}");
    let cleaned: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(cleaned["removed"].as_array().unwrap().contains(&format!("{prefix}-{name}").into()), "{out}");
    assert!(!region.exists());
}

#[test]
fn there_are_completions_for_the_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let (output, out, _) = slotbus(&["completions", shell]);
        assert!(output.status.success() && out.contains("conformance"), "{shell}");
    }
}
