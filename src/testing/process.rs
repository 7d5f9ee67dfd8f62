//! Workers in processes of their own: the test binary again, with one test that serves.
//!
//! The child is told its bus by a variable. It serves until its standard input ends, which its parent's end of the pipe does
//! when the parent closes it or dies, however it dies: so no worker outlives its test, but one that is paused when its test is
//! killed, which reads nothing until somebody lets it go on.

use std::fmt;
use std::future::Future;
use std::io::{BufRead, BufReader};
use std::panic::Location;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;
use http::{Request, Response};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tower::Service;

use crate::body::{Body, BoxError};
use crate::protocol::BusName;
use crate::serve::Serve;

/// Prefix and name of the bus that this process is to serve.
const BUS: &str = "SLOTBUS_TESTING_BUS";
/// What a process says that serves.
const READY: &str = "slotbus worker process is ready";

/// Serves in a process that [`TestBus::worker_process`](super::TestBus::worker_process) has started, and never returns there. In any
/// other process it returns at once.
///
/// A test calls it before anything else, with the worker that the process is to be: `slotbus::serve(app)` with its options; the bus
/// gives it name and prefix. It can be the test that starts the process, or one of its own that does nothing else.
///
/// ```
/// # mod tokio { pub use ::tokio::{main as test, *}; }
/// use slotbus::hub::{CallError, SlotState};
/// use slotbus::testing::{TestBus, worker_process};
/// use slotbus::{Router, handler, routes};
///
/// #[handler(GET, "/forever")]
/// async fn forever() {
///     std::future::pending().await
/// }
///
/// #[tokio::test(flavor = "multi_thread")]
/// async fn callers_of_a_killed_worker_are_told() {
///     // The worker process stays in here.
///     worker_process(slotbus::serve(Router::new().routes(routes![forever]))).await;
///
///     let bus = TestBus::builder().create();
///     let worker = bus.worker_process("callers_of_a_killed_worker_are_told").await;
///     let caller = bus.get("/forever").spawn();
///     bus.wait_for_state(SlotState::Claimed, 1).await;
///     worker.kill();
///     let answer = caller.await.unwrap();
///     assert!(matches!(answer.error(), Some(CallError::WorkerDied)), "{answer}");
/// }
/// ```
///
/// It needs the standard test harness, whose arguments it uses.
pub async fn worker_process<S, R>(worker: Serve<S>)
where
    S: Service<Request<Body>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    R: http_body::Body + Send + 'static,
    R::Data: Send,
    R::Error: Into<BoxError>,
{
    let Ok(bus) = std::env::var(BUS) else { return };
    let (prefix, name) = bus.split_once('/').expect("the parent has written it");
    let (parent, parent_is_gone) = oneshot::channel::<()>();
    let listen = move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        drop(parent);
    };
    std::thread::Builder::new().name("slotbus-parent".to_owned()).spawn(listen).expect("a thread can be started");
    let worker = worker.name(name).prefix(prefix).with_graceful_shutdown(async {
        // The worker runs when this is polled first.
        println!("{READY}");
        let _ = parent_is_gone.await;
    });
    std::process::exit(match worker.await {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("the worker ended: {error}");
            1
        }
    })
}

/// A worker of a [`TestBus`](super::TestBus) in a process of its own. Clones are the same process.
///
/// It runs until it is stopped or killed, or the bus is dropped.
#[derive(Clone)]
pub struct WorkerProcess(Arc<Mutex<Running>>);

struct Running {
    child: Child,
    /// Closed, it tells the worker to stop.
    stdin: Option<ChildStdin>,
}

impl WorkerProcess {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.running().child.id()
    }

    /// Whether it has not ended. A process that is paused has not.
    pub fn is_running(&self) -> bool {
        // A child that cannot be asked was waited for by somebody else, and has ended.
        matches!(self.running().child.try_wait(), Ok(None))
    }

    /// Kills it as `kill -9` does, and returns when it is dead. Does nothing when it has ended.
    pub fn kill(self) {
        self.running().end();
    }

    /// Holds it as `kill -STOP` does: it keeps what it has claimed and does nothing. Returns when it stands.
    ///
    /// # Panics
    /// When it has ended.
    #[track_caller]
    pub fn pause(&self) {
        self.signal(Signal::STOP);
        let child = Pid::from_child(&self.running().child);
        let options = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let stands = rustix::io::retry_on_intr(|| waitid(WaitId::Pid(child), options));
        stands.unwrap_or_else(|error| panic!("the worker process cannot be waited for: {error}"));
    }

    /// Lets it go on.
    ///
    /// # Panics
    /// When it has ended.
    #[track_caller]
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Stops it gracefully: it claims no more, and what it has in hand is answered. Resolves when it has ended.
    ///
    /// # Panics
    /// When it has ended otherwise, as by a signal.
    pub async fn stop(self) {
        let ended = tokio::task::spawn_blocking(move || {
            let child = {
                let running = &mut *self.running();
                // One that is paused could not hear.
                if matches!(running.child.try_wait(), Ok(None)) {
                    let _ = kill_process(Pid::from_child(&running.child), Signal::CONT);
                }
                running.stdin = None;
                Pid::from_child(&running.child)
            };
            // Unlocked, so that it can be killed meanwhile; and reaped under the lock, so that its number stays its own.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            let _ = rustix::io::retry_on_intr(|| waitid(WaitId::Pid(child), options));
            self.running().child.wait()
        });
        let status = ended.await.expect("waiting does not panic").expect("a child can be waited for");
        assert!(status.success(), "the worker process ended with {status}");
    }

    #[track_caller]
    fn signal(&self, signal: Signal) {
        let running = &mut *self.running();
        // A child that was not waited for keeps its number.
        let runs = matches!(running.child.try_wait(), Ok(None));
        assert!(runs, "worker process {} has ended", running.child.id());
        kill_process(Pid::from_child(&running.child), signal).expect("a process may signal its child");
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn end(&mut self) -> Option<ExitStatus> {
        // Neither fails but for one that has ended.
        let _ = self.child.kill();
        self.child.wait().ok()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for WorkerProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerProcess").field("id", &self.id()).finish()
    }
}

/// Starts `test` as a worker of `bus`. The second value resolves when it serves, and panics for the test at `at` when it does not.
#[track_caller]
pub(super) fn start(
    test: &str,
    bus: &BusName,
    at: &'static Location<'static>,
) -> (WorkerProcess, impl Future<Output = ()> + Send + use<>) {
    // Else a test that starts itself and forgets to serve there would start one process after another.
    assert!(
        std::env::var_os(BUS).is_none(),
        "this is a worker process itself: call worker_process before anything else in the test that it plays"
    );
    let binary = std::env::current_exe().expect("a test has a binary");
    let mut command = Command::new(binary);
    command.args(["--exact", test, "--nocapture", "--include-ignored", "--test-threads=1"]);
    command.env(BUS, format!("{}/{}", bus.prefix(), bus.name())).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("no worker process: {error}"));
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take().expect("it is piped"));
    let process = WorkerProcess(Arc::new(Mutex::new(Running { child, stdin })));
    let (said, heard) = oneshot::channel();
    let listen = move || follow(stdout, said);
    std::thread::Builder::new()
        .name("slotbus-worker-process".to_owned())
        .spawn(listen)
        .expect("a thread can be started");
    let (test, started) = (test.to_owned(), process.clone());
    let ready = async move {
        let Err(printed) = heard.await.unwrap_or_else(|_| Err(String::new())) else { return };
        let status = started.running().end();
        let status = status.map_or_else(|| "no status".to_owned(), |status| status.to_string());
        panic!("{at}: no test {test:?} called worker_process: its process ended with {status} and printed\n{printed}");
    };
    (process, ready)
}

/// Says when a process is ready, or what it printed instead; passes on what it prints then.
fn follow(stdout: ChildStdout, said: oneshot::Sender<Result<(), String>>) {
    let mut said = Some(said);
    let mut printed = String::new();
    for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        if said.is_none() {
            println!("{line}");
        } else if line.contains(READY) {
            // Who waits may have given up.
            let _ = said.take().map(|said| said.send(Ok(())));
        } else {
            printed.push_str(&line);
            printed.push('\n');
        }
    }
    if let Some(said) = said {
        let _ = said.send(Err(printed));
    }
}
