//! [`TestBus`]: a private hub, workers in this process and in others, and a client, over a real bus.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Method, Request, Response};
use tower::Service;
use uuid::Uuid;

use super::builder::TestBusBuilder;
use super::client::TestClient;
use super::patience::{PATIENCE, until};
use super::process::{self, WorkerProcess};
use super::request::{TestRequest, request_methods};
use super::slots::Runs;
use super::worker::TestWorker;
use crate::body::{Body, BoxError};
use crate::hub::{Hub, NoRoomLeft, SlotState};
use crate::serve::Serve;

/// A bus of a test's own, under a name that nobody else has: a hub, workers, and the requests of a
/// [`TestClient`](super::TestClient), over real shared memory.
///
/// Dropped, also by a panic of its test, it stops its workers at once, kills its worker processes, closes its hub, and leaves
/// nothing in `/dev/shm`. For that the drop blocks as that of a [`ServeFuture`](crate::ServeFuture) does.
///
/// ```
/// use slotbus::testing::{Gate, TestBus};
/// use slotbus::hub::SlotState;
/// use slotbus::{Router, handler, routes};
///
/// #[handler(GET, "/")]
/// async fn hello() -> &'static str {
///     "hello"
/// }
///
/// # #[tokio::main]
/// # async fn main() {
/// let gate = Gate::new();
/// let app = Router::new().routes(routes![hello]).layer(gate.hold_requests());
/// let bus = TestBus::builder().hub(|hub| hub.slots(2)).start(app).await;
///
/// let caller = bus.get("/").spawn();
/// bus.wait_for(|slots| slots.contains(&SlotState::Claimed)).await;
/// caller.abort(); // nobody waits for it any more: its handler is dropped and its slot is free
/// bus.wait_until_free().await;
///
/// gate.open();
/// bus.get("/").await.assert_status(200).assert_text("hello");
/// # }
/// ```
pub struct TestBus {
    hub: Hub,
    client: TestClient,
    patience: Duration,
    workers: Mutex<Vec<TestWorker>>,
    processes: Mutex<Vec<WorkerProcess>>,
}

impl TestBus {
    /// Makes a bus with one worker that serves `service`; returns when the worker is attached.
    ///
    /// # Panics
    /// When hub or worker cannot be started, as where `/dev/shm` is full, and outside a tokio runtime.
    pub async fn start<S, R>(service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<R>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        R: http_body::Body + Send + 'static,
        R::Data: Send,
        R::Error: Into<BoxError>,
    {
        Self::builder().start(service).await
    }

    /// Starts describing a bus.
    pub fn builder() -> TestBusBuilder {
        TestBusBuilder::new(Hub::builder(format!("test-{}", Uuid::new_v4())), PATIENCE)
    }

    pub(super) fn with_hub(hub: Hub, patience: Duration) -> Self {
        let client = TestClient::over(&hub);
        Self { hub, client, patience, workers: Mutex::default(), processes: Mutex::default() }
    }

    /// The hub. Closed, it cannot be opened again; another may take the name.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The bus's name without its prefix, as hubs and workers are given it.
    pub fn name(&self) -> &str {
        self.hub.name().name()
    }

    /// The client whose methods the bus has too.
    pub fn client(&self) -> &TestClient {
        &self.client
    }

    request_methods!();

    fn start_request(&self, request: Request<Body>) -> TestRequest {
        self.client.send(request)
    }

    /// Starts one more worker: `slotbus::serve(app)` with the options it is to have; the bus gives it name and prefix. It runs
    /// until it is stopped or the bus is dropped, whatever becomes of the handle.
    ///
    /// It may not be attached yet when this returns; requests wait for it.
    ///
    /// # Panics
    /// When it cannot be started, and outside a tokio runtime.
    #[track_caller]
    pub fn worker<S, R>(&self, worker: Serve<S>) -> TestWorker
    where
        S: Service<Request<Body>, Response = Response<R>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        R: http_body::Body + Send + 'static,
        R::Data: Send,
        R::Error: Into<BoxError>,
    {
        let worker = TestWorker::start(worker.name(self.name()).prefix(self.hub.name().prefix()));
        lock(&self.workers).push(worker.clone());
        worker
    }

    /// Starts a worker in a process of its own: this test binary again, with `test` as the only test, which is to call
    /// [`worker_process`](super::worker_process). Returns when it has; the worker may not be attached yet.
    ///
    /// `test` is named as `cargo test` prints it: `module::test`, without the crate. It may be the very test that calls this.
    ///
    /// # Panics
    /// When the process ends before it serves, with what it printed.
    #[track_caller]
    pub fn worker_process(&self, test: &str) -> impl Future<Output = WorkerProcess> + Send + use<> {
        let (process, ready) = process::start(test, self.hub.name(), Location::caller());
        lock(&self.processes).push(process.clone());
        async move {
            ready.await;
            process
        }
    }

    /// What each slot is doing now.
    pub fn slots(&self) -> Vec<SlotState> {
        self.hub.slots()
    }

    /// Waits until the slots are as `wanted`.
    ///
    /// # Panics
    /// When they are not within a minute, or the [`patience`](TestBusBuilder::patience) of this bus: at the line of the test, naming
    /// what they are instead.
    #[track_caller]
    pub fn wait_for<'a, W>(&'a self, mut wanted: W) -> impl Future<Output = ()> + Send + use<'a, W>
    where
        W: FnMut(&[SlotState]) -> bool + Send + 'a,
    {
        let at = Location::caller();
        async move {
            let Self { patience, .. } = self;
            let mut slots = Vec::new();
            let came = until(*patience, || {
                slots = self.slots();
                wanted(&slots)
            });
            let came = came.await;
            assert!(came, "{at}: after {patience:?} the slots are not as wanted, but {}", Runs(&slots));
        }
    }

    /// Waits until at least `count` slots are in `state`.
    ///
    /// # Panics
    /// As [`wait_for`](Self::wait_for).
    #[track_caller]
    pub fn wait_for_state(&self, state: SlotState, count: usize) -> impl Future<Output = ()> + Send + use<'_> {
        self.wait_for(move |slots| slots.iter().filter(|&&slot| slot == state).count() >= count)
    }

    /// Waits until every slot is free.
    ///
    /// # Panics
    /// As [`wait_for`](Self::wait_for).
    #[track_caller]
    pub fn wait_until_free(&self) -> impl Future<Output = ()> + Send + use<'_> {
        self.wait_for(|slots| slots.iter().all(|&slot| slot == SlotState::Free))
    }

    /// Takes one ring from the bell that wakes workers, as if it had been lost: the request it told of is found by a worker that
    /// looks by itself, or because the hub rings again, within a second. False when a worker took it before.
    ///
    /// A ring lies there for certain while no worker is attached, and soon, while the only one is
    /// [paused](super::WorkerProcess::pause): the hub rings for no worker that was awake until its caller sleeps.
    pub fn drop_wake(&self) -> bool {
        self.hub.drop_wake()
    }

    /// Takes the memory that request bodies may still take outside the region, until the result is dropped: a body longer than the
    /// hub's `inline_capacity` then fails with [`CallError::NoRoom`](crate::hub::CallError::NoRoom), for a gateway 507.
    ///
    /// Only the hub's account is full, not the machine. What requests in flight hold comes back to it when they end. For answers,
    /// start a worker with an `overflow_limit` of 0.
    pub fn exhaust_room(&self) -> ExhaustedRoom {
        ExhaustedRoom(self.hub.exhaust_room())
    }

    /// Stops all workers gracefully, waits until they have ended, and closes the hub.
    ///
    /// # Panics
    /// When a worker has ended with an error, or a process that still ran ends otherwise than by itself.
    pub async fn stop(self) {
        let workers = std::mem::take(&mut *lock(&self.workers));
        let processes = std::mem::take(&mut *lock(&self.processes));
        for worker in workers {
            worker.stop().await;
        }
        for process in processes.into_iter().filter(WorkerProcess::is_running) {
            process.stop().await;
        }
    }
}

impl Drop for TestBus {
    fn drop(&mut self) {
        let Self { hub, client: _, patience: _, workers, processes } = self;
        // The hub last: what killed processes leave behind is removed by it.
        std::mem::take(&mut *lock(processes)).into_iter().for_each(WorkerProcess::kill);
        std::mem::take(&mut *lock(workers)).into_iter().for_each(TestWorker::abort);
        hub.close();
    }
}

impl fmt::Debug for TestBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slots = self.slots();
        f.debug_struct("TestBus").field("name", &self.name()).field("slots", &Runs(&slots)).finish_non_exhaustive()
    }
}

/// There is no room for long request bodies until this is dropped. Made by [`TestBus::exhaust_room`].
#[derive(Debug)]
#[must_use = "dropped, it gives the room back"]
pub struct ExhaustedRoom(#[expect(dead_code, reason = "held for its drop")] NoRoomLeft);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
