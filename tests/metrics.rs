//! What a worker and a hub tell a recorder. Needs the feature `metrics`: `cargo test --all-features --test metrics`.
#![cfg(feature = "metrics")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use http::{Method, Request, Response, StatusCode};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use slotbus::hub::{CallError, Hub, SlotState};
use slotbus::{Body, Deadline, Path, Router, handler, routes};
use support::process::{Process, role, wait_to_be_killed};
use support::{Worker, get_request, name, service};
use tower::Service;

/// What was recorded since the tests began. A snapshot takes what it shows out of the recorder, so they are added up.
#[derive(Default)]
struct Recorded {
    /// By name with labels: counts, gauges, and how many values histograms have had with their sum.
    values: BTreeMap<String, (f64, f64)>,
    units: BTreeMap<String, String>,
}

/// Lets nobody take a snapshot between another one and its adding up.
fn recorded<T>(look: impl FnOnce(&Recorded) -> T) -> T {
    static RECORDED: Mutex<Option<Recorded>> = Mutex::new(None);
    let mut guard = RECORDED.lock().unwrap_or_else(PoisonError::into_inner);
    let recorded = guard.get_or_insert_default();
    for (key, unit, _, value) in listen().snapshot().into_vec() {
        let (_, key) = key.into_parts();
        let mut labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        labels.sort();
        let (sum, count) = match value {
            DebugValue::Counter(count) => (count as f64, 0.0),
            DebugValue::Gauge(value) => (value.0, 0.0),
            DebugValue::Histogram(values) => (values.iter().map(|value| value.0).sum(), values.len() as f64),
        };
        let entry = recorded.values.entry(format!("{}{{{}}}", key.name(), labels.join(","))).or_default();
        entry.0 += sum;
        entry.1 += count;
        if let Some(unit) = unit {
            recorded.units.insert(key.name().to_owned(), unit.as_str().to_owned());
        }
    }
    look(recorded)
}

fn listen() -> &'static Snapshotter {
    static LISTENING: OnceLock<Snapshotter> = OnceLock::new();
    LISTENING.get_or_init(|| {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        recorder.install().unwrap();
        snapshotter
    })
}

/// When a test gives up; nothing is proven by it.
const GIVE_UP: Duration = Duration::from_secs(60);

/// The metrics of one bus, with the label of the bus left out.
struct Metrics(String);

impl Metrics {
    fn of(hub: &Hub) -> Self {
        Self(format!("bus={}", hub.name()))
    }

    /// Names with labels, and values.
    fn all(&self) -> BTreeMap<String, (f64, f64)> {
        recorded(|recorded| {
            let own = recorded.values.iter().filter(|(key, _)| key.contains(&self.0));
            own.map(|(key, value)| (key.replace(&self.0, "").replace("{,", "{").replace("{}", ""), *value)).collect()
        })
    }

    fn value(&self, key: &str) -> f64 {
        self.all().get(key).map_or(0.0, |(value, _)| *value)
    }

    /// Waits until a metric has this value: some are told after the caller has its answer.
    async fn until(&self, key: &str, value: f64) {
        let start = Instant::now();
        while self.value(key) != value {
            assert!(start.elapsed() < GIVE_UP, "{key} is not {value}: {:#?}", self.all());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[handler(GET, "/users/{id}")]
async fn user(Path(id): Path<u32>) -> String {
    id.to_string()
}

#[handler(POST, "/users/{id}")]
async fn teapot(Path(_): Path<u32>) -> StatusCode {
    StatusCode::IM_A_TEAPOT
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_pattern_method_and_status_and_never_by_path() {
    listen();
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let metrics = Metrics::of(&hub);
    let worker = Worker::start(&name, Router::<()>::new().routes(routes![user, teapot]));
    for id in 0..20 {
        hub.call(get_request(&format!("/users/{id}"))).await.unwrap();
    }
    hub.call(Request::post("/users/1").body(Body::empty()).unwrap()).await.unwrap();
    for i in 0..5 {
        hub.call(get_request(&format!("/unknown/{i}"))).await.unwrap();
    }
    metrics.until("slotbus_requests_total{method=GET,route=,status=404}", 5.0).await;
    metrics.until("slotbus_requests_in_flight", 0.0).await;
    let all = metrics.all();
    let counts: Vec<_> = all.iter().filter(|(key, _)| key.starts_with("slotbus_requests_total")).collect();
    assert_eq!(
        counts,
        [
            (&"slotbus_requests_total{method=GET,route=,status=404}".to_owned(), &(5.0, 0.0)),
            (&"slotbus_requests_total{method=GET,route=/users/{id},status=200}".to_owned(), &(20.0, 0.0)),
            (&"slotbus_requests_total{method=POST,route=/users/{id},status=418}".to_owned(), &(1.0, 0.0)),
        ]
    );
    let (seconds, count) = all["slotbus_request_duration_seconds{method=GET,route=/users/{id}}"];
    assert!(count == 20.0 && seconds > 0.0 && seconds < 20.0, "{seconds} s in {count} requests");
    let (seconds, count) = all["slotbus_queue_time_seconds"];
    assert!(count == 26.0 && seconds > 0.0 && seconds < 26.0, "{seconds} s in {count} requests");
    assert_eq!(metrics.value("slotbus_hub_calls_total{outcome=answered}"), 26.0);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_hand_is_in_flight_and_what_its_caller_gave_up_is_a_zombie() {
    listen();
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let metrics = Metrics::of(&hub);
    let waiting = tokio::spawn(hub.call(get_request("/")));
    metrics.until("slotbus_hub_slots{state=ready}", 1.0).await;
    let (let_go, service) = stubborn();
    let worker = Worker::start(&name, service);
    metrics.until("slotbus_hub_slots{state=claimed}", 1.0).await;
    metrics.until("slotbus_hub_slots{state=ready}", 0.0).await;
    metrics.until("slotbus_requests_in_flight", 1.0).await;
    waiting.abort();
    metrics.until("slotbus_hub_slots{state=zombie}", 1.0).await;
    metrics.until("slotbus_hub_slots{state=claimed}", 0.0).await;
    drop(let_go);
    metrics.until("slotbus_hub_slots{state=zombie}", 0.0).await;
    metrics.until("slotbus_requests_in_flight", 0.0).await;
    assert_eq!(metrics.value("slotbus_hub_calls_total{outcome=given_up}"), 1.0);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_counted_by_their_outcome() {
    listen();
    let name = name();
    let hub = Hub::builder(&name).message_limit(1000).create().unwrap();
    let metrics = Metrics::of(&hub);
    let call =
        |request: http::request::Builder, body: usize| hub.call(request.body(Body::from(vec![0; body])).unwrap());
    let overdue = call(Request::get("/").extension(Deadline(Instant::now())), 0).await;
    assert!(matches!(overdue, Err(CallError::Unclaimed(_))));
    assert!(matches!(call(Request::post("/"), 1001).await, Err(CallError::BodyTooLarge(_))));
    assert!(matches!(call(Request::get("/").method(Method::TRACE), 0).await, Err(CallError::Wire(_))));
    hub.close();
    assert!(matches!(call(Request::get("/"), 0).await, Err(CallError::Closed)));
    for outcome in ["unclaimed", "body_too_large", "wire", "closed"] {
        assert_eq!(metrics.value(&format!("slotbus_hub_calls_total{{outcome={outcome}}}")), 1.0, "{outcome}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_is_counted_once_whatever_it_had_in_hand() {
    const TEST: &str = "a_worker_that_dies_is_counted_once_whatever_it_had_in_hand";
    if let Some(name) = role() {
        let _worker = Worker::start(&name, service(async |_| std::future::pending().await));
        wait_to_be_killed();
    }
    listen();
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let metrics = Metrics::of(&hub);
    let process = Process::start(TEST, &name);
    let calls: Vec<_> = (0..3).map(|_| tokio::spawn(hub.call(get_request("/")))).collect();
    while hub.slots().iter().filter(|&&slot| slot == SlotState::Claimed).count() < 3 {
        tokio::task::yield_now().await;
    }
    process.kill();
    for call in calls {
        assert!(matches!(call.await.unwrap(), Err(CallError::WorkerDied)));
    }
    metrics.until("slotbus_hub_workers_died_total", 1.0).await;
    assert_eq!(metrics.value("slotbus_hub_calls_total{outcome=worker_died}"), 3.0);
}

/// A service that keeps its thread until the sender is dropped, so that its future cannot be.
fn stubborn() -> (
    std::sync::mpsc::Sender<()>,
    impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static,
) {
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let held = Arc::new(Mutex::new(held));
    let service = service(move |_| {
        let held = Arc::clone(&held);
        async move {
            let _ = held.lock().unwrap().recv();
            Response::new(Body::empty())
        }
    });
    (let_go, service)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_is_retired_is_counted() {
    listen();
    let name = name();
    let hub = Hub::builder(&name).slots(6).create().unwrap();
    let metrics = Metrics::of(&hub);
    let (let_go, service) = stubborn();
    let worker = Worker::with(&name, service, |serve| serve.pumps(4));
    let calls: Vec<_> = (0..4).map(|_| tokio::spawn(hub.call(get_request("/")))).collect();
    while hub.slots().iter().filter(|&&slot| slot == SlotState::Claimed).count() < 4 {
        tokio::task::yield_now().await;
    }
    calls.iter().for_each(|call| call.abort());
    metrics.until("slotbus_hub_regions_retired_total", 1.0).await;
    drop(let_go);
    metrics.until("slotbus_hub_slots{state=zombie}", 0.0).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_whose_slot_has_moved_on_is_late_and_no_request_answered() {
    listen();
    let name = name();
    let hub = Hub::builder(&name).slots(1).create().unwrap();
    let metrics = Metrics::of(&hub);
    let (let_go, service) = stubborn();
    let worker = Worker::start(&name, service);
    let call = tokio::spawn(hub.call(get_request("/")));
    while !hub.slots().contains(&SlotState::Claimed) {
        tokio::task::yield_now().await;
    }
    // As a hub of another kind does that takes the region over: it makes every slot free.
    let region = File::options().write(true).open(format!("/dev/shm/{}", hub.name())).unwrap();
    region.write_all_at(&0_u32.to_le_bytes(), 64).unwrap();
    drop(let_go);
    metrics.until("slotbus_late_responses_total", 1.0).await;
    metrics.until("slotbus_requests_in_flight", 0.0).await;
    assert!(metrics.all().keys().all(|key| !key.starts_with("slotbus_requests_total")));
    assert!(call.await.unwrap().is_err());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_none_is_a_protocol_error() {
    listen();
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let metrics = Metrics::of(&hub);
    let worker = Worker::with(&name, service(async |_| Response::new(Body::empty())), |serve| serve.header_limit(1));
    let request = Request::get("/").header("a", "1").header("b", "2").body(Body::empty()).unwrap();
    assert_eq!(hub.call(request).await.unwrap().status(), 431);
    metrics.until("slotbus_protocol_errors_total", 1.0).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_of_pumps_are_counted() {
    listen();
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let metrics = Metrics::of(&hub);
    let worker = Worker::start(&name, service(async |_| Response::new(Body::empty())));
    let spins = |outcome| metrics.value(&format!("slotbus_spins_total{{outcome={outcome}}}"));
    let can_spin = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
    // Hot callers are answered by pumps that spin, and those that come after a pause wake one.
    while metrics.value("slotbus_wakes_total") == 0.0 || can_spin && (spins("found") == 0.0 || spins("parked") == 0.0) {
        for _ in 0..100 {
            hub.call(get_request("/")).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_has_every_metric_with_its_labels_and_unit_and_no_other() {
    listen();
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let metrics = Metrics::of(&hub);
    let worker = Worker::start(&name, service(async |_| Response::new(Body::empty())));
    hub.call(get_request("/")).await.unwrap();
    metrics.until("slotbus_requests_total{method=GET,route=,status=200}", 1.0).await;
    let mut recorded_rows = BTreeSet::new();
    for key in metrics.all().keys() {
        let (name, labels) = key.split_once('{').unwrap_or((key, ""));
        let labels: BTreeSet<_> =
            labels.split([',', '}']).filter_map(|label| label.split_once('=')).map(|(l, _)| l).collect();
        let unit = recorded(|recorded| recorded.units[name].clone());
        assert!(unit != "seconds" || name.ends_with("_seconds"), "{name} is in {unit}");
        recorded_rows.insert((name.to_owned(), labels.into_iter().collect::<Vec<_>>().join(", "), unit));
    }
    let guide = include_str!("../docs/guides/observability.md");
    let rows = guide.lines().filter(|line| line.starts_with("| `slotbus_"));
    let guide_rows = rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect();
        (cells[0].clone(), cells[2].clone(), cells[3].clone())
    });
    assert_eq!(guide_rows.collect::<BTreeSet<_>>(), recorded_rows);
    worker.stop().await;
}
