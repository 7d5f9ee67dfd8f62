//! What a hot request costs the kernel: nothing, but for a long body two looks at the name of its object. A process of hub and
//! worker runs twice under `perf stat`, once without any request and once with many, and the difference is theirs.
//!
//! Needs `perf` and its tracepoints, and optimised code: without it a request takes longer than a thread spins, so it parks
//! as it should. So it is run on demand: `cargo test --release --test system_calls -- --ignored`.

use std::process::Command;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use slotbus::hub::{CallError, Hub};
use slotbus::{Router, handler, routes};

/// Says which way the watched process goes, and how many requests it makes.
const WATCHED: &str = "SLOTBUS_TEST_WATCHED";
/// Another process that takes a core meanwhile makes both sides park; one calm attempt is enough.
const ATTEMPTS: usize = 20;

/// How requests are made.
struct Way {
    name: &'static str,
    requests: u64,
    /// How many system calls may be made in a hundred requests. A thread loses its processor now and then, and its peer parks
    /// meanwhile.
    most_per_hundred: u64,
}

const WAYS: [Way; 3] = [
    // By a thread, to a worker with one pump.
    Way { name: "thread", requests: 100_000, most_per_hundred: 3 },
    // By a task, to a worker as by default: one of its other pumps looks once a millisecond.
    Way { name: "task", requests: 100_000, most_per_hundred: 3 },
    // With bodies in objects, whose names each side looks at: no object is made, mapped or removed.
    Way { name: "long bodies", requests: 5_000, most_per_hundred: 250 },
];

#[handler(GET, "/hello")]
async fn hello() -> &'static str {
    "Hello, World!"
}

#[handler(POST, "/echo")]
async fn echo(body: Bytes) -> Bytes {
    body
}

#[test]
#[ignore = "needs perf with the tracepoint raw_syscalls:sys_enter, and a release build"]
fn a_hot_request_makes_no_system_call() {
    if let Ok(watched_one) = std::env::var(WATCHED) {
        let (way, requests) = watched_one.split_once('/').unwrap();
        return watched(way, requests.parse().unwrap());
    }
    let cores = std::thread::available_parallelism().unwrap().get();
    assert!(cores > 1, "a machine with one core never spins: every request parks there, by intention");
    if cfg!(debug_assertions) {
        panic!("only optimised code answers while a thread spins: run this with --release");
    }
    for way in WAYS {
        let is_calm = |_| more_system_calls(&way) * 100 <= way.requests * way.most_per_hundred;
        let Way { name, most_per_hundred, .. } = way;
        assert!((0..ATTEMPTS).any(is_calm), "{name}: more than {most_per_hundred} in 100 requests, {ATTEMPTS} times");
    }
}

/// What the requests add.
fn more_system_calls(way: &Way) -> u64 {
    let (none, many) = (system_calls(way, 0), system_calls(way, way.requests));
    eprintln!(
        "{}: {none} system calls without a request, {many} with {}, all threads together",
        way.name, way.requests
    );
    many.saturating_sub(none)
}

/// Runs this test as a process of hub and worker and counts its system calls.
fn system_calls(way: &Way, requests: u64) -> u64 {
    let run = Command::new("perf")
        .args(["stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "a_hot_request_makes_no_system_call"])
        .env(WATCHED, format!("{}/{requests}", way.name))
        .output()
        .expect("perf can be started: install it, on Debian with `apt-get install linux-perf`");
    let report = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{report}");
    let count = report.lines().find(|line| line.contains("raw_syscalls")).and_then(|line| line.split(',').next());
    count
        .and_then(|count| count.parse().ok())
        .unwrap_or_else(|| panic!("perf counted nothing, is tracefs mounted? {report}"))
}

fn watched(way: &str, requests: u64) {
    let name = uuid::Uuid::new_v4().to_string();
    let hub = Hub::builder(&name).create().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let serve = slotbus::serve(Router::new().routes(routes![hello, echo])).name(name);
    let serve = if way == "task" { serve } else { serve.pumps(1) };
    let worker = runtime.spawn(serve.into_future());
    let long = Bytes::from(vec![7; 200_000]);
    let request = || match way {
        "long bodies" => Request::post("/echo").body(Full::<Bytes>::from(long.clone())).unwrap(),
        _ => Request::get("/hello").body(Full::<Bytes>::default()).unwrap(),
    };
    let check = |answer: Result<http::Response<slotbus::Body>, CallError>| assert_eq!(answer.unwrap().status(), 200);
    if way == "task" {
        // On this thread, which is the executor's for it.
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for _ in 0..requests {
                check(hub.call(request()).await);
            }
        });
    } else {
        (0..requests).for_each(|_| check(hub.call_blocking(request())));
    }
    worker.abort();
}
