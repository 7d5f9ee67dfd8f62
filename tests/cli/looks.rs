//! `slotbus ls` and `slotbus top`.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use slotbus::Body;
use slotbus::hub::{Hub, SlotState};

use super::support::{OnThread, name};
use super::{Worker, command, slotbus};

/// A hub with requests that wait for a worker, under a prefix of its own.
struct Waiting {
    prefix: String,
    name: String,
    hub: Hub,
    callers: Vec<std::thread::JoinHandle<()>>,
}

impl Waiting {
    fn start(requests: usize) -> Self {
        let (prefix, name) = (format!("p{}", uuid::Uuid::new_v4().simple()), name());
        let hub = Hub::builder(&name).prefix(&prefix).create().unwrap();
        let callers = (0..requests).map(|_| {
            let hub = hub.clone();
            std::thread::spawn(move || {
                let request = http::Request::get("/").body(Body::empty()).unwrap();
                assert!(hub.call_blocking(request).is_err(), "nobody answers");
            })
        });
        let callers: Vec<_> = callers.collect();
        while hub.slots().iter().filter(|slot| **slot == SlotState::Ready).count() < requests {
            assert!(!callers.iter().any(std::thread::JoinHandle::is_finished), "a caller has its answer already");
            std::thread::yield_now();
        }
        Self { prefix, name, hub, callers }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.hub.close();
        for caller in self.callers.drain(..) {
            let ended = caller.join();
            assert!(std::thread::panicking() || ended.is_ok());
        }
    }
}

/// A terminal of 100 columns with a program on it.
struct OnTerminal {
    master: File,
    child: Child,
    shown: String,
}

impl OnTerminal {
    fn start(arguments: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        tcsetwinsize(&master, Winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let open = || File::options().read(true).write(true).open(OsStr::from_bytes(name.as_bytes())).unwrap();
        let child =
            command(arguments).stdin(open()).stdout(open()).stderr(open()).env("TERM", "xterm").spawn().unwrap();
        Self { master: File::from(master), child, shown: String::new() }
    }

    /// Waits until `text` was written since the last call.
    fn wait_for(&mut self, text: &str) {
        let mut seen = std::mem::take(&mut self.shown);
        while !seen.contains(text) {
            let (mut bytes, minute) = ([0; 4096], Timespec { tv_sec: 60, tv_nsec: 0 });
            let ready = poll(&mut [PollFd::new(&self.master, PollFlags::IN)], Some(&minute)).unwrap();
            assert!(ready > 0, "{text:?} does not come; there is {seen:?}");
            // Nobody has the terminal open any more: an error.
            let read = self.master.read(&mut bytes).unwrap_or_default();
            assert!(read > 0, "{text:?} is not in {seen:?}");
            seen += &String::from_utf8_lossy(&bytes[..read]);
        }
        self.shown = seen.split_once(text).unwrap().1.to_owned();
    }

    fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the program has given the terminal back and ended well.
    fn ends(mut self) {
        self.wait_for("\x1b[?1049l");
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn ls_shows_buses_with_their_hubs_and_what_dead_ones_left() {
    let waiting = Waiting::start(2);
    let Waiting { prefix, name, .. } = &waiting;
    let mut killed = command(&["call", "dead", "GET", "/", "--timeout", "1m", "--prefix", prefix]).spawn().unwrap();
    while slotbus::inspect::Bus::open(prefix, "dead").and_then(|bus| bus.look()).is_err() {
        std::thread::yield_now();
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let (output, out, err) = slotbus(&["ls", "--prefix", prefix]);
    assert!(output.status.success(), "{err}");
    let row = |bus: &str| {
        let row =
            out.lines().find(|line| line.starts_with(&format!("{prefix}-{bus} "))).unwrap_or_else(|| panic!("{out}"));
        row.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let own = std::process::id().to_string();
    assert_eq!(row(name)[..7], ["alive", &own, "1+", "0", "2/32", "2", "2"], "{out}");
    assert_eq!(row("dead")[..2], ["dead".to_owned(), killed.id().to_string()], "{out}");
    assert!(
        out.ends_with(&format!("1 without a hub: `slotbus clean --prefix {prefix}` removes what nobody uses\n")),
        "{out}"
    );
    let (_, all, _) = slotbus(&["ls", "--all-prefixes", "--json"]);
    let all: serde_json::Value = serde_json::from_str(&all).unwrap();
    let of = |bus: &str| all["buses"].as_array().unwrap().iter().find(|listed| listed["name"] == bus).unwrap();
    assert_eq!((of(name)["orphan"].as_bool(), of("dead")["orphan"].as_bool()), (Some(false), Some(true)));
    assert_eq!(
        (of(name)["region"]["states"]["ready"].as_u64(), of(name)["region"]["workers"].as_u64()),
        (Some(2), Some(0))
    );
    let (_, out, _) = slotbus(&["clean", "--prefix", prefix]);
    assert!(out.contains(&format!("removed {prefix}-dead")) && out.contains(&format!("left {prefix}-{name}")), "{out}");
}

#[test]
fn a_reader_that_has_gone_ends_a_command_without_a_word() {
    for arguments in [&["ls"][..], &["completions", "bash"], &["clean", "--prefix", "no-such", "--json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command(arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    }
}

#[test]
fn top_prints_a_picture_and_figures_once() {
    let waiting = Waiting::start(3);
    let top = ["top", &waiting.name, "--prefix", &waiting.prefix, "--once", "--interval", "100ms"];
    let (output, out, err) = slotbus(&top);
    assert!(output.status.success(), "{err}");
    for part in
        ["RRR.", "R ready 3", "busy slots   3.0 of 32", "requests/s   0 ", "dispatches   3 ", " ready ", " GET "]
    {
        assert!(out.contains(part), "{part:?} is not in\n{out}");
    }
    let (_, out, _) = slotbus(&[&top[..], &["--json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((json["figures"]["waiting"].as_f64(), json["region"]["states"]["ready"].as_u64()), (Some(3.0), Some(3)));
}

#[test]
fn top_tells_the_rate_and_the_latency_that_the_callers_measure() {
    let worker = Worker::start();
    let name = &worker.name;
    let mut bench = command(&["bench", name, "GET", "/hello/you", "--duration", "1m", "-c", "8", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let figures = loop {
        assert!(bench.try_wait().unwrap().is_none(), "it has ended");
        let (_, out, _) = slotbus(&["top", name, "--once", "--json", "--interval", "500ms"]);
        // The bus is there as soon as its hub is.
        let Ok(json) = serde_json::from_str::<serde_json::Value>(&out) else { continue };
        if json["figures"]["latency_micros"].is_number() {
            break json["figures"].clone();
        }
    };
    rustix::process::kill_process(Pid::from_child(&bench), Signal::INT).unwrap();
    let measured: serde_json::Value = serde_json::from_slice(&bench.wait_with_output().unwrap().stdout).unwrap();
    // The machine's other work changes both, at different times.
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    let rates = number(&figures["requests_per_second"]) / number(&measured["per_second"]);
    assert!(figures["is_exact"] == true && (0.1..10.0).contains(&rates), "{figures} {measured}");
    let latency = number(&figures["latency_micros"]);
    assert!(0.0 < latency && latency < number(&measured["micros"]["max"]), "{figures} {measured}");
}

#[test]
fn a_verdict_is_told_also_when_nobody_reads_the_words() {
    let name = name();
    let _worker = OnThread::start(&name, slotbus::Router::new());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    // It echoes nothing, so it breaks the rules that are checked by an echo.
    let conformance = ["conformance", &name, "--echo", "/nowhere", "--patience", "2s"];
    let output = command(&conformance).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn top_draws_on_a_terminal_obeys_keys_and_gives_it_back() {
    let waiting = Waiting::start(2);
    let mut top = OnTerminal::start(&["top", "--prefix", &waiting.prefix, "--interval", "50ms"]);
    // Only what changes is written, so these are words without a space, where nothing was before.
    top.wait_for("DISPATCHES");
    top.press("\r");
    top.wait_for("claimed");
    top.press("\x1b");
    top.wait_for("DISPATCHES");
    top.press("q");
    top.ends();
    let mut top = OnTerminal::start(&["top", &waiting.name, "--prefix", &waiting.prefix]);
    top.wait_for("claimed");
    top.press("\x03");
    top.ends();
    let mut top = OnTerminal::start(&["top", &waiting.name, "--prefix", &waiting.prefix]);
    top.wait_for("claimed");
    rustix::process::kill_process(Pid::from_child(&top.child), Signal::TERM).unwrap();
    top.ends();
    // The list is at rest until the interval is over.
    let mut top = OnTerminal::start(&["top", "--prefix", &waiting.prefix, "--interval", "10m"]);
    top.wait_for("DISPATCHES");
    rustix::process::kill_process(Pid::from_child(&top.child), Signal::TERM).unwrap();
    top.ends();
}

#[test]
fn top_says_what_to_do_without_a_terminal_or_a_bus() {
    let waiting = Waiting::start(0);
    let (output, _, err) = slotbus(&["top", &waiting.name, "--prefix", &waiting.prefix]);
    assert!(!output.status.success() && err.contains("--once"), "{err}");
    let (output, _, err) = slotbus(&["top", "nobody", "--prefix", &waiting.prefix]);
    assert!(!output.status.success() && err.contains("does not exist"), "{err}");
    let (output, _, err) = slotbus(&["top", "nobody", "--interval", "1ms"]);
    assert!(!output.status.success() && err.contains("50ms"), "{err}");
}
