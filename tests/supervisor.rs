//! Worker processes that a hub's program keeps running: real ones, this binary again in another role.

mod support;

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::{Request, StatusCode};
use slotbus::hub::{CallError, Hub, ReplaceError, Supervisor, SupervisorBuilder};
use slotbus::{Body, Router, handler, routes};
use support::name;
use support::process::{command, role};
use tokio::signal::unix::{SignalKind, signal};

/// The test that plays the other roles of this binary.
const PLAYER: &str = "a_worker_that_crashes_is_started_again_and_its_caller_gets_an_error";
/// A file that a worker must not find when it starts.
const POISON: &str = "SLOTBUS_TEST_POISON";
/// A file that the handler of `/drain` makes.
const ASKED: &str = "SLOTBUS_TEST_ASKED";
/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(60);

#[handler(GET, "/pid")]
async fn pid() -> String {
    std::process::id().to_string()
}

#[handler(GET, "/crash")]
async fn crash() {
    std::process::abort()
}

/// Says that it was asked, and answers when this worker is told to stop.
#[handler(GET, "/drain")]
async fn drain() -> &'static str {
    let mut terminated = signal(SignalKind::terminate()).unwrap();
    std::fs::write(std::env::var_os(ASKED).unwrap(), "").unwrap();
    terminated.recv().await;
    "drained"
}

/// What this binary does instead of a test.
fn play(role: &str) {
    if std::env::var_os(POISON).is_some_and(|file| Path::new(&file).exists()) {
        std::process::exit(3);
    }
    match role {
        "host" => {
            let hub = hub();
            let _supervisor = workers(&hub, "worker").start().unwrap();
            println!("\nworker {} {}", get(&hub, "/pid"), hub.name().name());
            loop {
                std::thread::park();
            }
        }
        "host of one that is loading" => {
            let hub = hub();
            let supervisor = workers(&hub, "loading").start().unwrap();
            println!("\nworker {} {}", supervisor.processes()[0].pid.unwrap(), hub.name().name());
            loop {
                std::thread::park();
            }
        }
        // It has not come to `serve` yet.
        "loading" => loop {
            std::thread::park();
        },
        role => tokio::runtime::Runtime::new().unwrap().block_on(async {
            let stop = slotbus::shutdown_signal();
            let app = Router::new().routes(routes![pid, crash, drain]);
            let serve = slotbus::serve(app);
            if role == "stubborn" {
                // Its handler is there, and nobody listens.
                let _ignored = signal(SignalKind::terminate()).unwrap();
                serve.await.unwrap();
            } else {
                serve.with_graceful_shutdown(stop).await.unwrap();
            }
            std::process::exit(0);
        }),
    }
}

fn hub() -> Hub {
    Hub::builder(name()).timeout(PATIENCE).create().unwrap()
}

fn this_binary(role: &str) -> Command {
    let mut command = command(&[], PLAYER, role);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn workers(hub: &Hub, role: &str) -> SupervisorBuilder {
    let builder = Supervisor::builder(hub, this_binary(role));
    builder.pauses(Duration::from_millis(1), Duration::from_millis(10)).steady_after(Duration::from_millis(300))
}

fn call(hub: &Hub, path: &str) -> Result<(StatusCode, String), CallError> {
    let response = hub.call_blocking(Request::get(path).body(Body::empty()).unwrap())?;
    let status = response.status();
    let body = futures::executor::block_on(support::bytes(response));
    Ok((status, String::from_utf8(body.to_vec()).unwrap()))
}

fn get(hub: &Hub, path: &str) -> String {
    let (status, body) = call(hub, path).unwrap();
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

fn runs(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z ")
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what} did not come true");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_worker_that_crashes_is_started_again_and_its_caller_gets_an_error() {
    if let Some(role) = role() {
        return play(&role);
    }
    let hub = hub();
    let supervisor = workers(&hub, "worker").start().unwrap();
    for crashes in 1..=3 {
        let before = get(&hub, "/pid");
        assert!(matches!(call(&hub, "/crash"), Err(CallError::WorkerDied)));
        assert_ne!(get(&hub, "/pid"), before);
        // It may answer a moment before its start is shown.
        wait_until("another start", || supervisor.processes()[0].starts == crashes + 1);
        let state = &supervisor.processes()[0];
        assert_eq!(state.last_end.unwrap().signal(), Some(6), "SIGABRT");
    }
    let last = get(&hub, "/pid");
    assert_eq!(supervisor.processes()[0].pid.unwrap().to_string(), last);
    supervisor.stop();
    assert!(!runs(&last));
}

#[test]
fn the_pause_before_a_start_doubles_from_end_to_end() {
    let hub = hub();
    let started = Instant::now();
    let builder = Supervisor::builder(&hub, Command::new("false"));
    let supervisor = builder.pauses(Duration::from_millis(20), Duration::from_millis(80)).start().unwrap();
    wait_until("a sixth start", || supervisor.processes()[0].starts >= 6);
    let pauses = 20 + 40 + 80 + 80 + 80;
    assert!(started.elapsed() >= Duration::from_millis(pauses), "{:?}", started.elapsed());
}

#[test]
fn processes_are_replaced_under_load_and_no_request_fails() {
    let hub = hub();
    let supervisor = workers(&hub, "worker").processes(2).start().unwrap();
    get(&hub, "/pid");
    let pids = || supervisor.processes().iter().map(|process| process.pid).collect::<Vec<_>>();
    let before = pids();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut answered = 0;
                    while !is_over.load(Ordering::Relaxed) {
                        get(&hub, "/pid");
                        answered += 1;
                    }
                    answered
                })
            })
            .collect();
        supervisor.replace().unwrap();
        is_over.store(true, Ordering::Relaxed);
        let answered: u32 = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
        println!("{answered} requests answered while two processes were replaced, 0 failed");
    });
    assert!(pids().iter().all(|pid| pid.is_some() && !before.contains(pid)), "{before:?}, then {:?}", pids());
    assert!(before.iter().all(|pid| !runs(&pid.unwrap().to_string())));
}

#[test]
fn a_successor_that_ends_at_once_replaces_nobody() {
    let hub = hub();
    let folder = tempfile::tempdir().unwrap();
    let poison = folder.path().join("poison");
    let mut command = this_binary("worker");
    command.env(POISON, &poison);
    let supervisor = Supervisor::builder(&hub, command).steady_after(PATIENCE).start().unwrap();
    let before = get(&hub, "/pid");
    std::fs::write(&poison, "").unwrap();
    let error = supervisor.replace().unwrap_err();
    assert!(matches!(&error, ReplaceError::Ended(how) if how.contains('3')), "{error}");
    assert_eq!(get(&hub, "/pid"), before);
}

#[test]
fn a_stop_waits_for_what_is_in_hand() {
    let hub = hub();
    let folder = tempfile::tempdir().unwrap();
    let asked = folder.path().join("asked");
    let mut command = this_binary("worker");
    command.env(ASKED, &asked);
    let supervisor = Supervisor::builder(&hub, command).start().unwrap();
    std::thread::scope(|scope| {
        let held = scope.spawn(|| get(&hub, "/drain"));
        wait_until("a handler that waits", || asked.exists());
        supervisor.stop();
        assert_eq!(held.join().unwrap(), "drained");
    });
}

#[test]
fn a_process_that_does_not_end_when_asked_is_killed() {
    let hub = hub();
    let supervisor = workers(&hub, "stubborn").stop_timeout(Duration::from_millis(50)).start().unwrap();
    let pid = get(&hub, "/pid");
    let asked = Instant::now();
    supervisor.stop();
    assert!(asked.elapsed() >= Duration::from_millis(50), "it ended when it was asked");
    assert!(!runs(&pid));
}

#[test]
fn processes_are_replaced_while_they_wait_to_be_started_again() {
    let hub = hub();
    let folder = tempfile::tempdir().unwrap();
    let poison = folder.path().join("poison");
    std::fs::write(&poison, "").unwrap();
    let mut command = this_binary("worker");
    command.env(POISON, &poison);
    let builder =
        Supervisor::builder(&hub, command).pauses(PATIENCE, PATIENCE).steady_after(Duration::from_millis(100));
    let supervisor = builder.start().unwrap();
    wait_until("an end", || supervisor.processes()[0].last_end.is_some());
    std::fs::remove_file(&poison).unwrap();
    supervisor.replace().unwrap();
    assert_eq!(supervisor.processes()[0].pid.unwrap().to_string(), get(&hub, "/pid"));
}

#[test]
fn workers_end_with_the_program_that_keeps_them_even_when_it_is_killed_and_they_do_not_serve_yet() {
    for role in ["host", "host of one that is loading"] {
        let mut host = this_binary(role).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(host.stdout.take().unwrap()).lines();
        let line = lines.map_while(Result::ok).find_map(|line| Some(line.strip_prefix("worker ")?.to_owned())).unwrap();
        let (worker, bus) = line.split_once(' ').unwrap();
        assert!(runs(worker));
        host.kill().unwrap();
        host.wait().unwrap();
        wait_until("the worker's end", || !runs(worker));
        // The next hub of the name takes away what the killed one left.
        drop(Hub::builder(bus).create().unwrap());
    }
}

#[test]
fn a_program_that_is_not_there_is_an_error_at_the_start() {
    let hub = hub();
    let error = Supervisor::builder(&hub, Command::new("/nowhere/plugin")).start().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    assert!(error.to_string().starts_with("cannot start /nowhere/plugin: "), "{error}");
}
