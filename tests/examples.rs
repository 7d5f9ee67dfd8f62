//! The examples do what they say: those that serve are started as processes of their own, called over a hub, and ended by
//! SIGTERM. Those that end by themselves are run by `.ci/run`.
//!
//! `cargo test` builds the examples; before `cargo test --test examples` alone, `cargo build --examples` does.

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustix::process::{Pid, Signal, kill_process};
use slotbus::hub::SlotState;
use slotbus::testing::TestBus;
use slotbus::{NAME_VARIABLE, Router};
use support::{Worker, name};

/// The examples that end by themselves.
const ENDING: [&str; 3] = ["plugin_host", "quickstart", "rolling_update"];

/// Starts an example with this bus.
fn command(example: &str, bus: &str) -> Command {
    let tests = std::env::current_exe().unwrap();
    let binary = tests.parent().unwrap().with_file_name("examples").join(example);
    assert!(binary.exists(), "{} is not there: run `cargo build --examples`", binary.display());
    let mut command = Command::new(binary);
    command.env(NAME_VARIABLE, bus).env("NO_COLOR", "1");
    command
}

/// An example in a process of its own, killed and reaped when dropped.
struct Example(Child);

impl Example {
    fn start(example: &str, bus: &str, arguments: &[&str]) -> Self {
        Self(command(example, bus).args(arguments).stdout(Stdio::piped()).spawn().unwrap())
    }

    /// A bus of its own, and the example as its worker, which a first call waits for.
    fn serving(example: &str) -> (TestBus, Self) {
        let bus = TestBus::builder().create();
        let example = Self::start(example, bus.name(), &[]);
        (bus, example)
    }

    /// Where it says that it listens.
    fn address(&mut self) -> String {
        let mut lines = BufReader::new(self.0.stdout.as_mut().unwrap()).lines();
        let address = lines.find_map(|line| {
            let line = line.unwrap();
            line.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned)
        });
        address.expect("it says where it listens")
    }

    /// Sends SIGTERM, once the process has a handler for it.
    fn terminate(&self) {
        let status = Path::new("/proc").join(self.0.id().to_string()).join("status");
        let is_caught = |line: &str| {
            let mask = line.strip_prefix("SigCgt:").map(|mask| u64::from_str_radix(mask.trim(), 16).unwrap());
            mask.is_some_and(|mask| mask & (1 << (Signal::TERM.as_raw() - 1)) != 0)
        };
        let patience = Instant::now() + Duration::from_secs(60);
        while !std::fs::read_to_string(&status).unwrap().lines().any(is_caught) {
            assert!(Instant::now() < patience, "it has no handler for SIGTERM");
            std::thread::yield_now();
        }
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
    }

    /// Sends SIGTERM and waits for a good end.
    fn stop(mut self) {
        self.terminate();
        let status = self.0.wait().unwrap();
        assert!(status.success(), "it ended with {status}");
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hello_worker_greets() {
    let (bus, example) = Example::serving("hello_worker");
    bus.get("/hello/world").await.assert_status(200).assert_text("hello, world\n");
    example.stop();
    bus.stop().await;
}

#[test]
fn a_main_that_returns_an_error_says_what_is_wrong_and_what_to_do() {
    let output = command("hello_worker", "a/b").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.starts_with("Error: name \"a/b\" is no name: use 1 to 64"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_api_keeps_notes_and_refuses_what_is_none() {
    let (bus, example) = Example::serving("json_api");
    let note = serde_json::json!({ "text": "buy milk" });
    bus.post_json("/api/notes", &note).await.assert_status(201).assert_text("/api/notes/0\n");
    bus.post_json("/api/notes", &serde_json::json!({ "text": "" })).await.assert_problem(422);
    bus.get("/api/notes/0").await.assert_status(200).assert_json(&note);
    bus.get("/api/notes/7").await.assert_problem(404);
    bus.get("/api/notes/seven").await.assert_problem(400);
    example.stop();
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn axum_router_is_served_unchanged() {
    let (bus, example) = Example::serving("axum_router");
    bus.get("/sum?a=1&b=2").await.assert_status(200).assert_text("3\n");
    bus.post("/echo").body("back").await.assert_status(200).assert_text("back");
    example.stop();
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tower_middleware_compresses_and_stops_what_is_slow() {
    let (bus, example) = Example::serving("tower_middleware");
    let text = bus.get("/text").header("accept-encoding", "gzip").await;
    text.assert_status(200).assert_header("content-encoding", "gzip");
    bus.get("/slow").await.assert_problem(504);
    example.stop();
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn graceful_shutdown_answers_what_it_has_in_hand() {
    let (bus, example) = Example::serving("graceful_shutdown");
    let work = bus.get("/work").spawn();
    bus.wait_for_state(SlotState::Claimed, 1).await;
    example.terminate();
    work.await.unwrap().assert_status(200).assert_text("done\n");
    example.stop();
    bus.stop().await;
}

#[cfg(feature = "openapi")]
#[tokio::test(flavor = "multi_thread")]
async fn openapi_serves_its_document_beside_its_api() {
    let (bus, example) = Example::serving("openapi");
    let document: serde_json::Value = bus.get("/openapi.json").await.assert_status(200).json();
    assert_eq!((&document["openapi"], &document["info"]["title"]), (&"3.1.0".into(), &"Notes".into()));
    bus.get("/notes/7?loud=true").await.assert_json(&serde_json::json!({ "number": 7, "text": "NOTE 7" }));
    example.stop();
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_anywhere_answers_alike_over_a_bus_and_over_tcp() {
    let (bus, over_bus) = Example::serving("serve_anywhere");
    let mut over_tcp = Example::start("serve_anywhere", bus.name(), &["--tcp", "127.0.0.1:0"]);
    let address = over_tcp.address();
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    for (path, status) in [("/hello/world", 200), ("/hello", 404)] {
        let by_bus = bus.get(path).await;
        let by_bus = by_bus.assert_status(status).text();
        let request = Request::get(format!("{address}{path}")).body(Empty::new()).unwrap();
        let by_tcp = client.request(request).await.unwrap();
        assert_eq!(by_tcp.status(), status);
        let by_tcp = by_tcp.into_body().collect().await.unwrap().to_bytes();
        // A problem names its request's id, which only a bus gives.
        let (by_bus, _) = by_bus.split_once(",\"request_id").unwrap_or((by_bus, ""));
        assert!(std::str::from_utf8(&by_tcp).unwrap().starts_with(by_bus), "{by_bus} and {by_tcp:?}");
    }
    drop(client);
    over_bus.stop();
    over_tcp.stop();
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_forwards_http_to_whatever_worker_attaches() {
    let name = name();
    let mut gateway = Example::start("gateway", &name, &["127.0.0.1:0"]);
    let address = gateway.address();
    let worker = Worker::start(&name, Router::new().fallback(async |uri: http::Uri| uri.to_string()));

    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let ask = async |method, path: &str| {
        let request = Request::builder().method(method).uri(format!("{address}{path}")).body(Empty::new()).unwrap();
        client.request(request).await.unwrap()
    };
    let answer = ask(Method::GET, "/hello?how=loudly").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "/hello?how=loudly");
    assert_eq!(ask(Method::TRACE, "/").await.status(), StatusCode::NOT_IMPLEMENTED);
    drop(client);
    worker.stop().await;
    gateway.stop();
}

#[test]
fn every_example_is_run_and_named_in_the_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap();
    let (readme, ci, here) = (read("README.md"), read(".ci/run"), read("tests/examples.rs"));
    for file in std::fs::read_dir(root.join("examples")).unwrap() {
        let example = file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(readme.contains(&format!("| `{example}` |")), "the README does not name {example}");
        let runs = if ENDING.contains(&example.as_str()) {
            ci.contains(&format!("run_example {example}"))
        } else {
            here.contains(&format!("(\"{example}\""))
        };
        assert!(runs, "nothing runs the example {example}");
    }
}
