//! What a hot request costs the kernel: nothing. A process of hub and worker runs twice under `perf stat`, once without any
//! request and once with many, and the difference is theirs.
//!
//! Needs `perf` and its tracepoints, and optimised code: without it a request takes longer than a thread spins, so it parks
//! as it should. So it is run on demand: `cargo test --release --test system_calls -- --ignored`.

use std::process::Command;

use http::Request;
use http_body_util::Full;
use slotbus::hub::Hub;
use slotbus::{Router, handler, routes};

/// Says how many requests the watched process makes.
const WATCHED: &str = "SLOTBUS_TEST_WATCHED";
const REQUESTS: u64 = 100_000;
/// Another process that takes a core meanwhile makes both sides park; one calm attempt is enough.
const ATTEMPTS: usize = 20;
/// A thread loses its processor now and then, and its peer parks meanwhile.
const MOST_PER_HUNDRED: u64 = 3;

#[handler(GET, "/hello")]
async fn hello() -> &'static str {
    "Hello, World!"
}

#[test]
#[ignore = "needs perf with the tracepoint raw_syscalls:sys_enter, and a release build"]
fn a_hot_request_makes_no_system_call() {
    if let Ok(requests) = std::env::var(WATCHED) {
        return watched(requests.parse().unwrap());
    }
    let cores = std::thread::available_parallelism().unwrap().get();
    assert!(cores > 1, "a machine with one core never spins: every request parks there, by intention");
    if cfg!(debug_assertions) {
        panic!("only optimised code answers while a thread spins: run this with --release");
    }
    let is_calm = |_| more_system_calls() * 100 <= REQUESTS * MOST_PER_HUNDRED;
    assert!((0..ATTEMPTS).any(is_calm), "more than {MOST_PER_HUNDRED} in 100 requests, {ATTEMPTS} times");
}

/// What the requests add.
fn more_system_calls() -> u64 {
    let (none, many) = (system_calls(0), system_calls(REQUESTS));
    eprintln!("{none} system calls without a request, {many} with {REQUESTS}, all threads together");
    many.saturating_sub(none)
}

/// Runs this test as a process of hub and worker and counts its system calls.
fn system_calls(requests: u64) -> u64 {
    let run = Command::new("perf")
        .args(["stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "a_hot_request_makes_no_system_call"])
        .env(WATCHED, requests.to_string())
        .output()
        .expect("perf can be started: install it, on Debian with `apt-get install linux-perf`");
    let report = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{report}");
    let count = report.lines().find(|line| line.contains("raw_syscalls")).and_then(|line| line.split(',').next());
    count
        .and_then(|count| count.parse().ok())
        .unwrap_or_else(|| panic!("perf counted nothing, is tracefs mounted? {report}"))
}

fn watched(requests: u64) {
    let name = uuid::Uuid::new_v4().to_string();
    let hub = Hub::builder(&name).create().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let app = Router::new().routes(routes![hello]);
    let worker = runtime.spawn(slotbus::serve(app).name(name).pumps(1).into_future());
    for _ in 0..requests {
        let request = Request::get("/hello").body(Full::<bytes::Bytes>::default()).unwrap();
        assert_eq!(hub.call_blocking(request).unwrap().status(), 200);
    }
    worker.abort();
}
