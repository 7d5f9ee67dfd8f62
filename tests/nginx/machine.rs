//! A machine: its first process, which starts and kills what runs on it as it is told, and the workers.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{self, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use slotbus::{Path, Router, State, handler, routes};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::process as background;

use crate::support::process::command;
use crate::{BOOT, NEW_MACHINE, PATIENCE, TEST};

/// What proves to a gateway that a request comes from the proxy.
pub(crate) const SECRET: &str = "a-secret-of-this-test";
const PROXY: &str = "10.0.0.254";
const WORKERS: usize = 2;
/// How long a handler takes after it has written down that it runs.
const WORK: Duration = Duration::from_millis(3);

/// Where the gateway of a machine listens, as docs/deploy.md has it.
pub(crate) fn address(number: usize) -> String {
    format!("10.0.0.{number}:3200")
}

fn ledger(folder: &path::Path, number: usize, worker: usize) -> PathBuf {
    folder.join(format!("machine-{number}-worker-{worker}.ledger"))
}

/// A machine, seen from the proxy's; it ends when this is dropped.
pub(crate) struct Machine {
    number: usize,
    folder: PathBuf,
    said: tokio::io::Lines<tokio::io::BufReader<background::ChildStdout>>,
    tell: background::ChildStdin,
    _init: background::Child,
}

impl Machine {
    /// A machine with a cable to this one and nothing running on it.
    pub(crate) async fn boot(number: usize, folder: &path::Path) -> Self {
        let role = format!("machine {number} {}", folder.display());
        let mut init = command(&[&NEW_MACHINE[..], &[BOOT]].concat(), TEST, &role);
        init.arg("--include-ignored").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut init = background::Command::from(init).kill_on_drop(true).spawn().unwrap();
        let said = tokio::io::BufReader::new(init.stdout.take().unwrap()).lines();
        let (tell, id) = (init.stdin.take().unwrap(), init.id().unwrap());
        let mut machine = Self { number, folder: folder.to_owned(), said, tell, _init: init };
        machine.has_said("booted").await;
        ip(&format!("link add name machine{number} type veth peer name eth0 netns {id}"));
        ip(&format!("address add {PROXY}/32 peer 10.0.0.{number}/32 dev machine{number}"));
        ip(&format!("link set machine{number} up"));
        machine.order("connect", "connected").await;
        machine
    }

    /// Starts the gateway and the workers; returns when the gateway listens.
    pub(crate) async fn start(&mut self) {
        self.order("start", "started").await;
    }

    /// Kills gateway and workers as `kill -9` does; returns when they are dead.
    pub(crate) async fn kill(&mut self) {
        self.order("kill", "killed").await;
    }

    async fn order(&mut self, order: &str, done: &str) {
        self.tell.write_all(format!("{order}\n").as_bytes()).await.unwrap();
        self.has_said(done).await;
    }

    async fn has_said(&mut self, what: &str) {
        let number = self.number;
        let waiting = async {
            // The test harness has begun a line of its own.
            while !self.said.next_line().await.unwrap().expect("the machine runs").ends_with(what) {}
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("machine {number} is not {what}"));
    }

    /// What its workers ran, as they wrote it down: method and number.
    pub(crate) fn ran(&self) -> Vec<(String, usize)> {
        let ledgers = (0..WORKERS).map(|worker| ledger(&self.folder, self.number, worker));
        let texts = ledgers.map(|ledger| std::fs::read_to_string(ledger).unwrap()).collect::<String>();
        let runs = texts.lines().map(|line| line.split_once(' ').unwrap());
        runs.map(|(method, number)| (method.to_owned(), number.parse().unwrap())).collect()
    }
}

/// Runs `ip` of iproute2.
fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Is a machine's first process: does what it is told, to the end of its orders.
pub(crate) fn run(number: usize, folder: &path::Path) -> ! {
    let mut running = Vec::new();
    println!("booted");
    for order in std::io::stdin().lines() {
        match order.unwrap().as_str() {
            "connect" => {
                ip(&format!("address add 10.0.0.{number}/32 peer {PROXY}/32 dev eth0"));
                ip("link set eth0 up");
                println!("connected");
            }
            "start" => {
                running = start(number, folder);
                println!("started");
            }
            "kill" => {
                // All of them before the first is waited for.
                running.iter_mut().for_each(|child| child.kill().unwrap());
                for mut child in running.drain(..) {
                    child.wait().unwrap();
                }
                println!("killed");
            }
            order => panic!("there is no order {order}"),
        }
    }
    // The proxy's machine is no more: nobody would read what the test harness has to say.
    std::process::exit(0)
}

fn start(number: usize, folder: &path::Path) -> Vec<Child> {
    let log = File::options().create(true).append(true).open(folder.join(format!("machine-{number}.log"))).unwrap();
    let mut gateway = Command::new(env!("CARGO_BIN_EXE_slotbus"));
    gateway.args(["gateway", "--listen", "0.0.0.0:3200"]).env("SLOTBUS_HUB_SECRET", SECRET);
    gateway.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log.try_clone().unwrap());
    let mut gateway = gateway.spawn().unwrap();
    let mut said = BufReader::new(gateway.stdout.take().unwrap()).lines();
    assert!(said.next().is_some_and(|line| line.unwrap().starts_with("listening")), "the gateway does not listen");
    let worker = |worker| {
        let role = format!("worker {number} {}", ledger(folder, number, worker).display());
        let mut command = command(&[], TEST, &role);
        command.arg("--include-ignored").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.try_clone().unwrap());
        command.spawn().unwrap()
    };
    [gateway].into_iter().chain((0..WORKERS).map(worker)).collect()
}

/// A worker's machine and what it has run.
#[derive(Clone)]
struct Desk {
    machine: usize,
    ledger: Arc<File>,
}

/// Writes down that it runs, which outlives the process, works, and answers with its machine, the number and the body.
#[handler(GET, "/order/{number}")]
async fn get_order(method: Method, Path(number): Path<usize>, State(desk): State<Desk>) -> String {
    desk.answer(&method, number, &Bytes::new()).await
}

#[handler(POST, "/order/{number}")]
async fn post_order(method: Method, Path(number): Path<usize>, State(desk): State<Desk>, body: Bytes) -> String {
    desk.answer(&method, number, &body).await
}

#[handler(POST, "/length")]
async fn length(body: Bytes) -> String {
    body.len().to_string()
}

#[handler(GET, "/unwell")]
async fn unwell() -> StatusCode {
    StatusCode::SERVICE_UNAVAILABLE
}

impl Desk {
    async fn answer(&self, method: &Method, number: usize, body: &[u8]) -> String {
        // Appended whole: one write of a few bytes.
        (&*self.ledger).write_all(format!("{method} {number}\n").as_bytes()).unwrap();
        tokio::time::sleep(WORK).await;
        format!("{} {number} {}", self.machine, String::from_utf8_lossy(body))
    }
}

/// Is a worker of machine `number` until it is killed.
pub(crate) async fn work(number: usize, ledger: &path::Path) {
    let ledger = File::options().create(true).append(true).open(ledger).unwrap();
    let desk = Desk { machine: number, ledger: Arc::new(ledger) };
    let app = Router::new().routes(routes![length, unwell, get_order, post_order]).with_state(desk);
    slotbus::serve(app).name("shop").hub("http://127.0.0.1:3200").await.unwrap();
}
