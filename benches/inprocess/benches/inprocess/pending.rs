//! What one wake-up costs among few and among many requests that wait: 10 and 250 are all with handlers that wait; of 10,000 most
//! callers wait for a slot.
//!
//! A handler is woken, answers, its caller is woken, the slot goes to the next caller, and the caller begins anew. Both ends
//! run in this process, on one runtime thread and one pump. Beside it the same without a bus: as many callers, which wait for a
//! permit in place of a slot and have each request handled by a task of its own, over tokio's channels.

use std::sync::Arc;

use criterion::{Criterion, Throughput};
use http::Request;
use http_body_util::Empty;
use slotbus::hub::Hub;
use slotbus::{Router, State, handler, routes};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, mpsc, oneshot};

const SLOTS: usize = 256;
/// Wake-ups at once, so that threads which park count little.
const WAKE_UPS: usize = 100;
/// No caller gives up meanwhile.
const LONG: std::time::Duration = std::time::Duration::from_secs(3600);

#[handler(GET, "/wait")]
async fn wait(State(turns): State<Arc<Semaphore>>) -> &'static str {
    turns.acquire().await.expect("it is never closed").forget();
    "Hello, World!"
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pending");
    group.throughput(Throughput::Elements(WAKE_UPS as u64));
    for callers in [10, 250, 10_000] {
        for (way, start) in [("", bus as Start), (", by channels", channels)] {
            let waiting = Waiting::new(callers, start);
            let name = format!("{WAKE_UPS} wake-ups among {callers}{way}");
            group.bench_function(name, |b| b.iter(|| waiting.wake(WAKE_UPS)));
        }
    }
    group.finish();
}

/// Starts so many callers, which tell `answered` of each answer.
type Start = fn(usize, &Runtime, Arc<Semaphore>, mpsc::UnboundedSender<()>);

fn bus(callers: usize, runtime: &Runtime, turns: Arc<Semaphore>, answered: mpsc::UnboundedSender<()>) {
    let name = format!("bench-pending-{callers}-{}", std::process::id());
    let hub = Hub::builder(&name).slots(SLOTS).inline_capacity(4096).timeout(LONG).create().expect("a free name");
    let app = Router::new().routes(routes![wait]).with_state(turns);
    runtime.spawn(slotbus::serve(app).name(&name).pumps(1).into_future());
    for _ in 0..callers {
        let (hub, answered) = (hub.clone(), answered.clone());
        runtime.spawn(async move {
            loop {
                let request = Request::get("/wait").body(Empty::<bytes::Bytes>::new()).expect("a good request");
                assert_eq!(hub.call(request).await.expect("the worker lives").status(), 200);
                if answered.send(()).is_err() {
                    return;
                }
            }
        });
    }
}

fn channels(callers: usize, runtime: &Runtime, turns: Arc<Semaphore>, answered: mpsc::UnboundedSender<()>) {
    let slots = Arc::new(Semaphore::new(SLOTS));
    let (sender, mut requests) = mpsc::unbounded_channel::<oneshot::Sender<&'static str>>();
    runtime.spawn(async move {
        while let Some(answer) = requests.recv().await {
            let turns = Arc::clone(&turns);
            tokio::spawn(async move {
                turns.acquire().await.expect("it is never closed").forget();
                let _ = answer.send("Hello, World!");
            });
        }
    });
    for _ in 0..callers {
        let (slots, sender, answered) = (Arc::clone(&slots), sender.clone(), answered.clone());
        runtime.spawn(async move {
            loop {
                let _slot = slots.acquire().await.expect("it is never closed");
                let (answer, answers) = oneshot::channel();
                sender.send(answer).expect("requests are taken for ever");
                answers.await.expect("each is answered");
                if answered.send(()).is_err() {
                    return;
                }
            }
        });
    }
}

/// Callers that wait for handlers that wait.
struct Waiting {
    turns: Arc<Semaphore>,
    answers: std::cell::RefCell<mpsc::UnboundedReceiver<()>>,
    _runtime: Runtime,
}

impl Waiting {
    fn new(callers: usize, start: Start) -> Self {
        let turns = Arc::new(Semaphore::new(0));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a thread can be started");
        let (answered, answers) = mpsc::unbounded_channel();
        start(callers, &runtime, Arc::clone(&turns), answered);
        let waiting = Self { turns, answers: answers.into(), _runtime: runtime };
        waiting.wake(callers);
        waiting
    }

    /// Wakes so many handlers and waits until their callers have the answers.
    fn wake(&self, count: usize) {
        self.turns.add_permits(count);
        let mut answers = self.answers.borrow_mut();
        for _ in 0..count {
            answers.blocking_recv().expect("callers go on for ever");
        }
    }
}
