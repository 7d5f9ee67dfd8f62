//! The published crates on both sides, driven as their documentation shows.

macro_rules! pair {
    ($module:ident, $crate_name:ident) => {
        pub(super) mod $module {
            use std::sync::Arc;
            use std::sync::atomic::{AtomicU64, Ordering};
            use std::time::Duration;

            use $crate_name::transport::Request;
            use $crate_name::types::RequestMeta;
            use $crate_name::{SlotBus, SlotBusConfig, SlotWorker};

            use crate::drive::{Caller, LIMIT, Sample, drive_tasks, runtime};
            use crate::load::{HEADERS, HELLO, Load, Pace};
            use crate::process::{Servers, Setup};

            pub(crate) fn serve(setup: &Setup) {
                let config = SlotBusConfig::builder().name(setup.place.name()).build();
                let worker = loop {
                    if let Ok(worker) = SlotWorker::open(config.clone()) {
                        break Arc::new(worker);
                    }
                    std::thread::sleep(Duration::from_millis(1));
                };
                let answer = |worker: Arc<SlotWorker>, slot: usize, request: Request| {
                    let body = if request.method == "GET" { HELLO.as_bytes().to_vec() } else { request.body };
                    let _ = worker.send_response(slot, 200, body, "text/plain", Vec::new());
                };
                worker.start_receive_loop(answer).join().expect("the worker runs until it is killed");
            }

            pub(crate) fn measure(setup: &Setup, pace: Pace, length: Duration) -> Sample {
                let config = SlotBusConfig::builder().name(setup.place.name()).build();
                let hub = Arc::new(SlotBus::create(config).expect("the bus can be made"));
                let watcher = hub.start_response_watcher();
                let servers = Servers::start(setup, 1);
                let numbers = Arc::new(AtomicU64::new(0));
                let caller = |_| HubCaller::new(&hub, &numbers, setup.load);
                let callers = (0..setup.in_flight).map(caller).collect();
                let (sample, callers) = runtime().block_on(drive_tasks(callers, pace, length, &servers));
                drop((servers, callers));
                hub.stop();
                drop(hub);
                let _ = watcher.join();
                sample
            }

            struct HubCaller {
                hub: Arc<SlotBus>,
                numbers: Arc<AtomicU64>,
                method: &'static str,
                meta: RequestMeta,
                body: Vec<u8>,
                answer_len: usize,
            }

            impl HubCaller {
                fn new(hub: &Arc<SlotBus>, numbers: &Arc<AtomicU64>, load: Load) -> Self {
                    let (method, path) = match load {
                        Load::Get => ("GET", "/hello"),
                        Load::Echo(_) => ("POST", "/echo"),
                    };
                    let meta = RequestMeta {
                        path: path.to_owned(),
                        route_pattern: path.to_owned(),
                        path_params: Vec::new(),
                        query: None,
                        headers: HEADERS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
                    };
                    let (hub, numbers) = (Arc::clone(hub), Arc::clone(numbers));
                    Self { hub, numbers, method, meta, body: vec![7; load.len()], answer_len: load.answer_len() }
                }
            }

            impl Caller for HubCaller {
                async fn call(&mut self) -> bool {
                    let Self { hub, numbers, method, meta, body, answer_len } = self;
                    // The wire's ids are UUIDs; a counter makes them sooner than a random number does.
                    let number = numbers.fetch_add(1, Ordering::Relaxed);
                    let id = uuid::Uuid::from_u128(number.into()).to_string();
                    let meta = meta.clone();
                    let Ok(answer) = hub.dispatch(&id, method, &meta, body) else { return false };
                    let answered = tokio::time::timeout(LIMIT, answer).await;
                    let Ok(Ok(answer)) = answered else { return false };
                    answer.status == 200 && answer.body.len() == *answer_len
                }
            }
        }
    };
}

pair!(v01, published01);
pair!(v02, published02);
