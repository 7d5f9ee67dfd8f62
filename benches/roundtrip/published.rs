//! The published crates on both sides, driven as their documentation shows.

macro_rules! pair {
    ($module:ident, $crate_name:ident, $pair:expr) => {
        pub(crate) mod $module {
            use std::sync::Arc;
            use std::time::Duration;

            use $crate_name::transport::Request;
            use $crate_name::types::RequestMeta;
            use $crate_name::{SlotBus, SlotBusConfig, SlotWorker};

            use crate::driver::{Cell, HEADERS, HELLO, Sample, WorkerProcess, Workload, bus_name, drive, runtime};

            pub(crate) fn worker(bus: &str) {
                let config = SlotBusConfig::builder().name(bus).build();
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

            pub(crate) fn measure(cell: Cell, length: Duration) -> Sample {
                let bus = bus_name();
                let hub = SlotBus::create(SlotBusConfig::builder().name(&bus).build()).expect("the bus can be made");
                let watcher = hub.start_response_watcher();
                let worker = WorkerProcess::start($pair, &bus);
                let hub = Arc::new(hub);
                let (method, body) = match cell.workload {
                    Workload::Get => ("GET", Vec::new()),
                    Workload::Echo(len) => ("POST", vec![7; len]),
                };
                let meta = RequestMeta {
                    path: "/hello".to_owned(),
                    route_pattern: "/hello".to_owned(),
                    path_params: Vec::new(),
                    query: None,
                    headers: HEADERS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
                };
                let body = Arc::new(body);
                let sample = runtime().block_on(async {
                    let hub = Arc::clone(&hub);
                    let call = move || {
                        let (hub, meta, body) = (Arc::clone(&hub), meta.clone(), Arc::clone(&body));
                        async move {
                            let id = uuid::Uuid::new_v4().to_string();
                            let Ok(answer) = hub.dispatch(&id, method, &meta, &body) else { return false };
                            matches!(tokio::time::timeout(Duration::from_millis(200), answer).await, Ok(Ok(_)))
                        }
                    };
                    drive(cell.in_flight, length, call).await
                });
                drop(worker);
                hub.stop();
                drop(hub);
                let _ = watcher.join();
                leave_nothing(&bus);
                sample
            }

            /// A killed worker's response objects stay behind; nobody else removes them.
            fn leave_nothing(bus: &str) {
                for entry in std::fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
                    if entry.file_name().to_string_lossy().contains(bus) {
                        let _ = std::fs::remove_file(entry.path());
                    }
                }
            }
        }
    };
}

pair!(v01, published01, crate::Pair::Published01);
pair!(v02, published02, crate::Pair::Published02);
