//! Who answers: several processes of one name, several names, published workers, and those that die.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use slotbus::Version;

use crate::setup::{Client, Running, echo, get, json_of, problem, serve_for_ever, until, worker};
use crate::support::name;
use crate::support::process::{Process, role};

const ROUTES: [(&str, &str); 3] = [("GET", "/pid"), ("GET", "/forever"), ("POST", "/forever")];

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_worker_is_killed_is_answered_502_and_the_next_process_takes_over() {
    const TEST: &str = "workers::a_request_whose_worker_is_killed_is_answered_502_and_the_next_process_takes_over";
    if let Some(name) = role() {
        serve_for_ever(&name).await;
    }
    let gateway = Running::start().await;
    let name = name();
    let id = gateway.register(&name, &ROUTES).await;
    let process = Process::start(TEST, &name);
    assert_eq!(*get(gateway.address, "/pid").await.body(), process.id().to_string());
    assert_eq!(gateway.health(&name).await, [id]);
    let address = gateway.address;
    let calls: Vec<_> = (0..4).map(|_| tokio::spawn(get(address, "/forever"))).collect();
    until(async || claimed(&name) == 4).await;
    process.kill();
    for call in calls {
        assert!(problem(call.await.unwrap(), 502).contains("died"));
    }
    // Nobody is there, which is proven, so nobody is made to wait for the whole time-out.
    assert!(problem(get(gateway.address, "/pid").await, 503).contains("no worker"));
    assert!(gateway.health(&name).await.is_empty());
    let id = gateway.register(&name, &ROUTES).await;
    assert_eq!(gateway.health(&name).await, [id]);
    let process = Process::start(TEST, &name);
    assert_eq!(*get(gateway.address, "/pid").await.body(), process.id().to_string());
    process.kill();
    gateway.stop().await;
}

/// How many slots a worker has claimed, as anybody can see.
fn claimed(name: &str) -> usize {
    slots_in(name, 2)
}

fn slots_in(name: &str, state: u32) -> usize {
    let region = std::fs::read(format!("/dev/shm/hub-{name}")).unwrap();
    let slots = region[64..].chunks(128).take(32);
    slots.filter(|slot| u32::from_le_bytes(slot[..4].try_into().unwrap()) & 0xff == state).count()
}

/// A gateway that sends an idempotent request once more, with a worker in another process that has answered.
async fn retrying(test: &str) -> (Running, String, Process) {
    let gateway = Running::with(|builder| builder.retry_idempotent(1)).await;
    let name = name();
    gateway.register(&name, &ROUTES).await;
    let process = Process::start(test, &name);
    get(gateway.address, "/pid").await;
    (gateway, name, process)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_may_be_sent_twice_is_when_asked_for_and_any_other_is_not() {
    const TEST: &str = "workers::a_request_that_may_be_sent_twice_is_when_asked_for_and_any_other_is_not";
    if let Some(name) = role() {
        serve_for_ever(&name).await;
    }
    let (gateway, name, process) = retrying(TEST).await;
    let address = gateway.address;
    let idempotent = tokio::spawn(get(address, "/forever"));
    let other = tokio::spawn(async move { crate::setup::post(address, "/forever", &serde_json::json!({})).await });
    until(async || claimed(&name) == 2).await;
    let survivor = worker(&name, |_| async { Response::new("survived".into()) });
    process.kill();
    problem(other.await.unwrap(), 502);
    assert_eq!(idempotent.await.unwrap().body(), "survived");
    survivor.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_of_one_name_share_its_requests() {
    const TEST: &str = "workers::two_processes_of_one_name_share_its_requests";
    if let Some(name) = role() {
        serve_for_ever(&name).await;
    }
    let gateway = Running::start().await;
    let name = name();
    let first_id = gateway.register(&name, &ROUTES).await;
    let first = Process::start(TEST, &name);
    get(gateway.address, "/pid").await;
    // Something is in hand, and stays so: the second one does not cost the first its bus.
    let address = gateway.address;
    let in_hand = tokio::spawn(get(address, "/forever"));
    until(async || claimed(&name) == 1).await;
    let second_id = gateway.register(&name, &ROUTES).await;
    assert_eq!(gateway.health(&name).await, [first_id, second_id]);
    let second = Process::start(TEST, &name);
    let mut seen = HashSet::new();
    until(async || {
        let answers = (0..16).map(|_| get(address, "/pid"));
        seen.extend(futures::future::join_all(answers).await.into_iter().map(|answer| answer.into_body()));
        seen.len() == 2
    })
    .await;
    assert_eq!(seen, HashSet::from([&first, &second].map(|process| Bytes::from(process.id().to_string()))));
    assert!(!in_hand.is_finished());
    drop((first, second));
    problem(in_hand.await.unwrap(), 502);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_of_two_workers_stand_beside_each_other() {
    let gateway = Running::start().await;
    let names = [name(), name()];
    gateway.register(&names[0], &[("GET", "/things/{id}"), ("GET", "/only/a")]).await;
    // Another method of the same path, whose parameter has another name.
    gateway.register(&names[1], &[("POST", "/things/{thing}"), ("GET", "/only/{rest}")]).await;
    let says = |word: &'static str| move |_: Request<_>| async move { Response::new(word.into()) };
    let workers = [worker(&names[0], says("a")), worker(&names[1], says("b"))];
    for (method, path, who) in
        [("GET", "/things/1", "a"), ("POST", "/things/1", "b"), ("GET", "/only/a", "a"), ("GET", "/only/x", "b")]
    {
        let request = Request::builder().method(method).uri(path).body(Full::default()).unwrap();
        assert_eq!(crate::setup::send(gateway.address, request).await.body(), who, "{method} {path}");
    }
    for worker in workers {
        worker.stop().await;
    }
    gateway.stop().await;
}

/// What a worker that knows nothing of gateways may say.
fn headers() -> Vec<(String, String)> {
    [("connection", "x-private"), ("x-private", "1"), ("x-kept", "1")].map(|(n, v)| (n.to_owned(), v.to_owned())).into()
}

macro_rules! published {
    ($test:ident, $published:ident, $version:expr) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $test() {
            let gateway = Running::with(|builder| builder.region_version($version)).await;
            let name = name();
            let routes = [("GET", "/items/{id}"), ("POST", "/items/{id}"), ("GET", "/__ping__")];
            let id = gateway.register(&name, &routes).await;
            let config = $published::SlotBusConfig::builder().name(&name).prefix("hub").build();
            let worker = Arc::new($published::SlotWorker::open(config).unwrap());
            let receiving = Arc::clone(&worker).start_receive_loop(|worker, slot, request| {
                let params: std::collections::BTreeMap<_, _> = request.path_params.into_iter().collect();
                let said = format!("{} {} {params:?} {}", request.method, request.route_pattern, request.body.len());
                let _ = worker.send_response(slot, 200, said.into(), "text/plain", headers());
            });
            let mut client = Client::http1(gateway.address).await;
            for n in 0..200 {
                let post = Request::post("/items/a%20b").body(Full::from("x".repeat(n * 100))).unwrap();
                let answer = client.send(post, gateway.address).await;
                let body = format!("POST /items/{{id}} {{\"id\": \"a%20b\"}} {}", n * 100);
                assert_eq!((answer.status().as_u16(), answer.body()), (200, &Bytes::from(body)));
                assert_eq!(answer.headers()["content-type"], "text/plain");
                assert_eq!(answer.headers()["x-kept"], "1");
                assert!(["connection", "x-private"].iter().all(|gone| !answer.headers().contains_key(*gone)));
            }
            let head = Request::head("/items/1").body(Full::default()).unwrap();
            let head = client.send(head, gateway.address).await;
            assert_eq!((head.status().as_u16(), head.body().len()), (200, 0), "it knows GET only");
            assert_eq!(gateway.health(&name).await, [id]);
            worker.stop();
            gateway.stop().await;
            receiving.join().unwrap();
        }
    };
}

published!(a_published_worker_of_0_1_answers_behind_version_1, published01, Version::V1);
published!(a_published_worker_of_0_2_answers_behind_version_2, published02, Version::V2);

#[tokio::test(flavor = "multi_thread")]
async fn a_published_worker_is_pinged_and_forgotten_when_it_answers_no_more() {
    let gateway = Running::with(|builder| builder.ping_period(std::time::Duration::from_millis(50)).slots(2)).await;
    let name = name();
    gateway.register(&name, &[("GET", "/")]).await;
    let config = published01::SlotBusConfig::builder().name(&name).prefix("hub").build();
    let worker = Arc::new(published01::SlotWorker::open(config).unwrap());
    let (pings, pinged) = std::sync::mpsc::channel();
    let receiving = Arc::clone(&worker).start_receive_loop(move |worker, slot, request| {
        if request.route_pattern == "/__ping__" {
            pings.send(()).unwrap();
        }
        let _ = worker.send_response(slot, 200, "".into(), "text/plain", Vec::new());
    });
    let pinged = tokio::task::spawn_blocking(move || {
        // More than it takes to be forgotten.
        (0..5).for_each(|_| pinged.recv_timeout(crate::setup::PATIENCE).unwrap());
        pinged
    });
    let _pinged = pinged.await.unwrap();
    assert_eq!(gateway.health(&name).await.len(), 1);
    worker.stop();
    until(async || gateway.health(&name).await.is_empty()).await;
    problem(get(gateway.address, "/").await, 503);
    receiving.join().unwrap();
    // Registered again it is there again.
    gateway.register(&name, &[("GET", "/")]).await;
    let ours = self::worker(&name, echo);
    assert_eq!(get(gateway.address, "/").await.status(), 200);
    ours.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_of_this_crate_answers_behind_version_2() {
    let gateway = Running::with(|builder| builder.region_version(Version::V2)).await;
    let name = name();
    gateway.register(&name, &[("GET", "/")]).await;
    let worker = worker(&name, echo);
    assert_eq!(json_of(get(gateway.address, "/").await)["path"], "/");
    worker.stop().await;
    gateway.stop().await;
}

/// A published worker that claims what comes and answers nothing.
fn silent(name: &str) -> (Arc<published01::SlotWorker>, std::thread::JoinHandle<()>) {
    let config = published01::SlotBusConfig::builder().name(name).prefix("hub").build();
    let worker = Arc::new(published01::SlotWorker::open(config).unwrap());
    let receiving = Arc::clone(&worker).start_receive_loop(|_, _, _| {});
    (worker, receiving)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_requests_whose_bus_is_replaced_only_those_that_no_worker_has_seen_are_answered_503() {
    let gateway = Running::start().await;
    for seen in [true, false] {
        let name = name();
        let path = format!("/{name}");
        gateway.register(&name, &[("GET", &path)]).await;
        let silent = seen.then(|| silent(&name));
        let address = gateway.address;
        let call = tokio::spawn(async move { get(address, &path).await });
        let state = if seen { 2 } else { 1 };
        until(async || slots_in(&name, state) == 1).await;
        gateway.register(&name, &[]).await;
        let detail = problem(call.await.unwrap(), if seen { 502 } else { 503 });
        assert!(detail.contains("replaced"), "{detail}");
        if let Some((worker, receiving)) = silent {
            worker.stop();
            receiving.join().unwrap();
        }
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_a_worker_has_claimed_is_answered_502_when_nobody_is_left() {
    let gateway = Running::start().await;
    let name = name();
    gateway.register(&name, &[("GET", "/")]).await;
    // One that holds a lock was there, so that its absence is proof; the other holds none.
    let ours = worker(&name, echo);
    assert_eq!(get(gateway.address, "/").await.status(), 200);
    ours.stop().await;
    let (worker, receiving) = silent(&name);
    assert!(problem(get(gateway.address, "/").await, 502).contains("gone"));
    worker.stop();
    receiving.join().unwrap();
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_sent_again_was_seen_though_nobody_sees_it_again() {
    const TEST: &str = "workers::a_request_that_is_sent_again_was_seen_though_nobody_sees_it_again";
    if let Some(name) = role() {
        serve_for_ever(&name).await;
    }
    let (gateway, name, process) = retrying(TEST).await;
    let address = gateway.address;
    let call = tokio::spawn(get(address, "/forever"));
    until(async || claimed(&name) == 1).await;
    process.kill();
    problem(call.await.unwrap(), 502);
    gateway.stop().await;
}
