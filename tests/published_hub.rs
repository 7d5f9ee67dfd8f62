//! What a worker owes a published hub, which pings it and evicts it when the ping gets no answer.

mod support;

use std::sync::Arc;

use published01::transport::Response;
use published01::types::RequestMeta;
use published01::{SlotBus, SlotBusConfig};
use slotbus::Body;
use support::{Worker, name, service};
use tokio::sync::Semaphore;
use tokio::sync::oneshot::Receiver;
use tower::limit::ConcurrencyLimit;

const SLOTS: usize = 6;

struct PublishedHub {
    bus: SlotBus,
    name: String,
}

impl PublishedHub {
    fn new(name: &str) -> Self {
        let bus = SlotBus::create(SlotBusConfig::builder().name(name).num_slots(SLOTS).build()).unwrap();
        bus.start_response_watcher();
        Self { bus, name: name.to_owned() }
    }

    fn send(&self, path: &str) -> Receiver<Response> {
        let (path, route_pattern) = (path.to_owned(), path.to_owned());
        let meta = RequestMeta { path, route_pattern, path_params: Vec::new(), query: None, headers: Vec::new() };
        self.bus.dispatch(&uuid::Uuid::new_v4().to_string(), "GET", &meta, b"").unwrap()
    }
}

/// What a published hub has given out of its heap. Its watcher may set it back under a request that it is just sending, and
/// then two requests share bytes, whatever a worker does.
struct Heap<'a> {
    region: &'a std::fs::File,
    head: u32,
    was_shared: bool,
}

impl<'a> Heap<'a> {
    fn new(region: &'a std::fs::File) -> Self {
        Self { region, head: 0, was_shared: false }
    }

    fn send(&mut self, hub: &PublishedHub, path: String) -> (String, Receiver<Response>) {
        let answer = hub.send(&path);
        self.look(self.head + 1);
        (path, answer)
    }

    fn look(&mut self, least: u32) {
        let mut word = [0; 4];
        std::os::unix::fs::FileExt::read_exact_at(self.region, &mut word, 20).unwrap();
        let head = u32::from_le_bytes(word);
        self.was_shared |= head < least;
        self.head = head;
    }

    /// Whether it was set back since the first request.
    fn was_shared(&mut self) -> bool {
        self.look(self.head);
        self.was_shared
    }
}

impl Drop for PublishedHub {
    fn drop(&mut self) {
        self.bus.stop();
        // Its watcher, which nobody joins, may still hold them when the process ends, and a region that it adopted is not its to
        // remove.
        for object in ["slotbus-NAME", "sem.slotbus-NAME-req", "sem.slotbus-NAME-rsp"] {
            let _ = std::fs::remove_file(format!("/dev/shm/{}", object.replace("NAME", &self.name)));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_is_answered_200_by_a_worker_whose_service_is_never_ready() {
    let name = name();
    let hub = PublishedHub::new(&name);
    let never = ConcurrencyLimit::new(service(|_| async { http::Response::new(Body::empty()) }), 0);
    let worker = Worker::with(&name, never, |serve| serve.drain_timeout(std::time::Duration::ZERO));
    let _waiting = hub.send("/work");
    for _ in 0..10 {
        assert_eq!(hub.send("/__ping__").await.unwrap().status, 200);
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_worker_answers_503_and_keeps_two_slots_for_pings() {
    let name = name();
    let hub = PublishedHub::new(&name);
    let (started, finish) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let slow = service({
        let (started, finish) = (Arc::clone(&started), Arc::clone(&finish));
        move |_| {
            let (started, finish) = (Arc::clone(&started), Arc::clone(&finish));
            async move {
                started.add_permits(1);
                finish.acquire().await.unwrap().forget();
                http::Response::new(Body::empty())
            }
        }
    });
    let worker = Worker::start(&name, slow);
    let held: Vec<_> = (0..SLOTS - 2).map(|_| hub.send("/work")).collect();
    let _all_started = started.acquire_many(SLOTS as u32 - 2).await.unwrap();
    assert_eq!(hub.send("/work").await.unwrap().status, 503);
    assert_eq!(hub.send("/__ping__").await.unwrap().status, 200);
    finish.add_permits(SLOTS);
    for request in held {
        assert_eq!(request.await.unwrap().status, 200);
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_path_is_an_ordinary_request_behind_a_hub_of_this_crate() {
    let name = name();
    let hub = slotbus::hub::Hub::builder(&name).create().unwrap();
    let worker = Worker::start(&name, service(|_| async { http::Response::new(Body::from("the service's own")) }));
    let response = hub.call(support::get_request("/__ping__")).await.unwrap();
    assert_eq!(support::bytes(response).await, "the service's own");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_hub_started_over_a_live_bus_is_noticed_and_gets_the_worker() {
    let name = name();
    let hub = slotbus::hub::Hub::builder(&name).create().unwrap();
    let (started, finish) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let echo = service({
        let (started, finish) = (Arc::clone(&started), Arc::clone(&finish));
        move |request| {
            let (started, finish) = (Arc::clone(&started), Arc::clone(&finish));
            async move {
                let path = request.uri().path().to_owned();
                if path.starts_with("/ours") {
                    started.add_permits(1);
                    finish.acquire().await.unwrap().forget();
                }
                http::Response::new(Body::from(path))
            }
        }
    });
    let worker = Worker::start(&name, echo);
    let ours: Vec<_> = (0..4).map(|i| tokio::spawn(hub.call(support::get_request(&format!("/ours/{i}"))))).collect();
    let _all_started = started.acquire_many(4).await.unwrap();
    // It adopts the region, writes zeroes into it and makes new semaphores.
    let theirs = PublishedHub::new(&name);
    for call in ours {
        let error = call.await.unwrap().unwrap_err();
        assert!(matches!(error, slotbus::hub::CallError::Interrupted), "{error}");
    }
    let answers: Vec<_> = (0..SLOTS).map(|i| (i, theirs.send(&format!("/theirs/{i}")))).collect();
    // What was in hand is answered now, when its slots are other requests'.
    finish.add_permits(4);
    for (i, answer) in answers {
        let answer = answer.await.unwrap();
        assert_eq!((answer.status, answer.body), (200, format!("/theirs/{i}").into_bytes()));
    }
    assert!(hub.call(support::get_request("/late")).await.is_err());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_hub_that_registers_its_worker_anew_a_thousand_times_gets_no_foreign_answer() {
    const BUSES: usize = 5;
    let buses: Vec<_> = (0..BUSES).map(|_| tokio::spawn(register_anew(CYCLES / BUSES))).collect();
    let mut all = Registrations::default();
    for bus in buses {
        let Registrations { answered, left, damaged, shared } = bus.await.unwrap();
        all.answered += answered;
        all.left += left;
        all.damaged += damaged;
        all.shared += shared;
    }
    let Registrations { answered, left, damaged, shared } = all;
    println!(
        "{CYCLES} registrations: {answered} answers, 0 of another life, {left} not answered in time, {damaged} errors for \
         requests damaged by the wipe, {shared} answers to requests that the hub itself wrote over"
    );
    assert!(damaged * 50 < CYCLES, "{damaged} were damaged");
    assert!(left * 50 < CYCLES, "{left} were not answered");
}

/// How often the published hubs of one test start over a live region.
const CYCLES: usize = 1000;

/// What came of the requests of hubs that registered.
#[derive(Default)]
struct Registrations {
    answered: usize,
    /// Not answered in time.
    left: usize,
    /// Answered that they cannot be read.
    damaged: usize,
    /// Answered as what the hub itself wrote over them.
    shared: usize,
}

/// One bus whose hub is started so many times.
async fn register_anew(cycles: usize) -> Registrations {
    let name = name();
    // It keeps the object, so that each of the others adopts it and wipes it in place.
    let keeper = PublishedHub::new(&name);
    let slow_echo = service(|request| async move {
        let path = request.uri().path().to_owned();
        if path.ends_with("/slow") {
            tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        }
        http::Response::new(Body::from(path))
    });
    let worker = Worker::start(&name, slow_echo);
    let region = std::fs::File::open(format!("/dev/shm/slotbus-{name}")).unwrap();
    let Registrations { mut answered, mut left, mut damaged, mut shared } = Registrations::default();
    for cycle in 0..cycles {
        let hub = PublishedHub::new(&name);
        let mut heap = Heap::new(&region);
        // Two that will be in hand when the next hub wipes the region, and two that are waited for.
        let slow: Vec<_> = (0..2).map(|i| heap.send(&hub, format!("/{cycle}/{i}/slow"))).collect();
        let mut check = |heap: &mut Heap<'_>, path: &str, answer: Response| {
            answered += 1;
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            if answer.status == 400 {
                // The wipe came while the worker wrote an answer of the former life, where the next life's request lies.
                damaged += 1;
            } else if (answer.status, body.as_str()) != (200, path) {
                let is_of_another_life = body.starts_with('/') && !body.starts_with(&format!("/{cycle}/"));
                assert!(!is_of_another_life && heap.was_shared(), "{path} was answered {} {body}", answer.status);
                shared += 1;
            }
        };
        for i in 0..2 {
            let (path, answer) = heap.send(&hub, format!("/{cycle}/{i}"));
            // The worker may have attached a moment before the wipe; then this life's requests are lost with it.
            match tokio::time::timeout(std::time::Duration::from_secs(2), answer).await {
                Ok(Ok(answer)) => check(&mut heap, &path, answer),
                _ => left += 1,
            }
        }
        for (path, mut answer) in slow {
            if let Ok(answer) = answer.try_recv() {
                check(&mut heap, &path, answer);
            }
        }
        // It reads no more answers, and what it has made stays, as when it crashes.
        hub.bus.stop();
        std::mem::forget(hub);
    }
    worker.stop().await;
    drop(keeper);
    Registrations { answered, left, damaged, shared }
}
