//! What one wake-up costs among few and among many requests that wait: 10 and 250 are all with handlers that wait; of 10,000 most
//! callers wait for a slot.
//!
//! A handler is woken, answers, its caller is woken, the slot goes to the next caller, and the caller begins anew. Both ends
//! run in this process, on one runtime thread and one pump.

use std::sync::Arc;

use criterion::{Criterion, Throughput};
use http::Request;
use http_body_util::Empty;
use slotbus::hub::Hub;
use slotbus::{Router, State, handler, routes};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, mpsc};

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
        let waiting = Waiting::new(callers);
        group.bench_function(format!("{WAKE_UPS} wake-ups among {callers}"), |b| b.iter(|| waiting.wake(WAKE_UPS)));
    }
    group.finish();
}

/// Callers that wait for handlers that wait.
struct Waiting {
    turns: Arc<Semaphore>,
    answers: std::cell::RefCell<mpsc::UnboundedReceiver<()>>,
    _runtime: Runtime,
}

impl Waiting {
    fn new(callers: usize) -> Self {
        let name = format!("bench-pending-{callers}-{}", std::process::id());
        let hub = Hub::builder(&name).slots(SLOTS).inline_capacity(4096).timeout(LONG).create().expect("a free name");
        let turns = Arc::new(Semaphore::new(0));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a thread can be started");
        let app = Router::new().routes(routes![wait]).with_state(Arc::clone(&turns));
        runtime.spawn(slotbus::serve(app).name(&name).pumps(1).into_future());
        let (answered, answers) = mpsc::unbounded_channel();
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
