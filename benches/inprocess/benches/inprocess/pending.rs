//! What one wake-up costs among few and among many requests that wait: 10 and 250 are all with handlers that wait; of 10,000 most
//! callers wait for a slot.
//!
//! A turn wakes the ten handlers that have waited longest. Each answers, its caller is woken, the slot goes to the next caller,
//! and the caller begins anew; the turn is over when as many handlers wait as before, so that none finds its turn there and need
//! not be woken. Both ends run in this process, each on a runtime of one thread, and the worker has one pump. Beside it the same
//! without a bus: as many callers, which wait for a permit in place of a slot and have each request handled by a task of its own
//! on the other runtime, over tokio's channels.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use http::Request;
use http_body_util::Empty;
use slotbus::hub::Hub;
use slotbus::{Router, State, handler, routes};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, mpsc, oneshot};

const SLOTS: usize = 256;
/// As many as the fewest callers.
const WAKE_UPS: usize = 10;
/// No caller gives up meanwhile.
const LONG: Duration = Duration::from_secs(3600);

/// What handlers wait for.
#[derive(Clone)]
struct Turns {
    given: Arc<Semaphore>,
    /// Told of each handler that waits.
    waiting: mpsc::UnboundedSender<()>,
}

impl Turns {
    async fn wait(self) -> &'static str {
        let mut turn = pin!(self.given.acquire());
        let mut told = false;
        let turn = poll_fn(|cx| {
            let turn = turn.as_mut().poll(cx);
            // A pump polls once and leaves the rest to the executor.
            if turn.is_pending() && !told && !cx.waker().will_wake(Waker::noop()) {
                told = self.waiting.send(()).is_ok();
            }
            turn
        });
        turn.await.expect("it is never closed").forget();
        "Hello, World!"
    }
}

#[handler(GET, "/wait")]
async fn wait(State(turns): State<Turns>) -> &'static str {
    turns.wait().await
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pending");
    group.throughput(Throughput::Elements(WAKE_UPS as u64));
    for callers in [10, 250, 10_000] {
        for (way, start) in [("", bus as Start), (", by channels", channels)] {
            let mut waiting = Waiting::new(callers, start);
            let name = format!("{WAKE_UPS} wake-ups among {callers}{way}");
            group.bench_function(name, |b| b.iter_custom(|turns| waiting.take(turns)));
        }
    }
    group.finish();
}

/// Starts so many callers.
type Start = fn(usize, &Runtimes, Turns);

/// One for each side: a caller that waits awake holds up nobody but callers.
struct Runtimes {
    hub: Runtime,
    worker: Runtime,
}

impl Runtimes {
    fn new() -> Self {
        let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let [hub, worker] = [runtime(), runtime()].map(|runtime| runtime.expect("a thread can be started"));
        Self { hub, worker }
    }
}

fn bus(callers: usize, runtimes: &Runtimes, turns: Turns) {
    let name = format!("bench-pending-{callers}-{}", std::process::id());
    let hub = Hub::builder(&name).slots(SLOTS).inline_capacity(4096).timeout(LONG).create().expect("a free name");
    let app = Router::new().routes(routes![wait]).with_state(turns);
    runtimes.worker.spawn(slotbus::serve(app).name(&name).pumps(1).into_future());
    for _ in 0..callers {
        let hub = hub.clone();
        runtimes.hub.spawn(async move {
            loop {
                let request = Request::get("/wait").body(Empty::<bytes::Bytes>::new()).expect("a good request");
                assert_eq!(hub.call(request).await.expect("the worker lives").status(), 200);
            }
        });
    }
}

fn channels(callers: usize, runtimes: &Runtimes, turns: Turns) {
    let slots = Arc::new(Semaphore::new(SLOTS));
    let (sender, mut requests) = mpsc::unbounded_channel::<oneshot::Sender<&'static str>>();
    runtimes.worker.spawn(async move {
        while let Some(answer) = requests.recv().await {
            let turns = turns.clone();
            tokio::spawn(async move {
                let _ = answer.send(turns.wait().await);
            });
        }
    });
    for _ in 0..callers {
        let (slots, sender) = (Arc::clone(&slots), sender.clone());
        runtimes.hub.spawn(async move {
            loop {
                let _slot = slots.acquire().await.expect("it is never closed");
                let (answer, answers) = oneshot::channel();
                sender.send(answer).expect("requests are taken for ever");
                answers.await.expect("each is answered");
            }
        });
    }
}

/// Callers that wait for handlers that wait.
struct Waiting {
    given: Arc<Semaphore>,
    /// Of each handler that has begun to wait since the last turn.
    waiting: Option<mpsc::UnboundedReceiver<()>>,
    runtimes: Runtimes,
}

impl Waiting {
    fn new(callers: usize, start: Start) -> Self {
        let given = Arc::new(Semaphore::new(0));
        let runtimes = Runtimes::new();
        let (sender, mut waiting) = mpsc::unbounded_channel();
        start(callers, &runtimes, Turns { given: Arc::clone(&given), waiting: sender });
        for _ in 0..callers.min(SLOTS) {
            waiting.blocking_recv().expect("handlers begin to wait");
        }
        let mut waiting = Self { given, waiting: Some(waiting), runtimes };
        // Every caller once.
        waiting.take(callers.div_ceil(WAKE_UPS) as u64);
        waiting
    }

    /// How long so many turns take.
    fn take(&mut self, turns: u64) -> Duration {
        let given = Arc::clone(&self.given);
        let mut waiting = self.waiting.take().expect("it is put back");
        // Where the handlers run: no other thread has to be woken to count them.
        let taken = self.runtimes.worker.spawn(async move {
            let start = Instant::now();
            for _ in 0..turns {
                given.add_permits(WAKE_UPS);
                for _ in 0..WAKE_UPS {
                    waiting.recv().await.expect("handlers wait again");
                }
            }
            (start.elapsed(), waiting)
        });
        let (elapsed, waiting) = self.runtimes.worker.block_on(taken).expect("nothing panics");
        self.waiting = Some(waiting);
        elapsed
    }
}
