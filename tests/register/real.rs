//! Behind the published program.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use slotbus::control::Lifecycle;
use slotbus::register::Events;

use super::{Registered, told, until};

/// `slotbus-hub` in a process of its own, killed and reaped when dropped.
struct RealHub {
    child: Child,
    port: u16,
}

impl RealHub {
    fn start() -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { child: Self::spawn(port), port }
    }

    fn spawn(port: u16) -> Child {
        let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/peers/bin/slotbus-hub");
        assert!(
            program.exists(),
            "{} is not there: `cargo install slotbus-hub --version 0.2.1 --root target/peers`, which needs Debian's libssl-dev \
             and pkg-config",
            program.display()
        );
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn restart(&mut self) {
        self.kill();
        self.child = Self::spawn(self.port);
    }
}

impl Drop for RealHub {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes away what a killed hub leaves.
struct Swept(String);

impl Drop for Swept {
    fn drop(&mut self) {
        for object in std::fs::read_dir("/dev/shm").unwrap().flatten() {
            if object.file_name().to_string_lossy().contains(&self.0) {
                let _ = std::fs::remove_file(object.path());
            }
        }
    }
}

#[derive(Clone)]
struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

impl Http {
    fn new(hub: &RealHub) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), url: hub.url() }
    }

    async fn ask(&self, method: &str, path: &str, body: impl Into<Bytes>) -> Option<(StatusCode, Bytes)> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let answer = self.client.request(request.body(Full::new(body.into())).unwrap()).await.ok()?;
        let status = answer.status();
        Some((status, answer.into_body().collect().await.ok()?.to_bytes()))
    }

    async fn is_there(&self) -> bool {
        self.ask("GET", "/double/1", "").await.is_some_and(|(status, body)| (status, &*body) == (StatusCode::OK, b"2"))
    }
}

fn name() -> (String, Swept) {
    let name = format!("t{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
    (name.clone(), Swept(name))
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_requests_by_http_through_the_published_hub_have_their_own_answers() {
    let (name, _swept) = name();
    let hub = RealHub::start();
    let worker = Registered::start(&name, &hub.url());
    let http = Http::new(&hub);
    until("a first answer", async || http.is_there().await).await;
    let wrong = AtomicU64::new(0);
    futures::future::join_all((0..8_u64).map(|task| {
        let (http, wrong) = (http.clone(), &wrong);
        async move {
            for i in 0..1250 {
                let number = task * 1250 + i;
                let (answer, expected) = if i % 5 == 0 {
                    let body = Bytes::from(format!("{number} ").repeat(1 + number as usize % 500));
                    (http.ask("POST", "/echo", body.clone()).await, body)
                } else {
                    let expected = Bytes::from((2 * number).to_string());
                    (http.ask("GET", &format!("/double/{number}"), "").await, expected)
                };
                if answer != Some((StatusCode::OK, expected)) {
                    wrong.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }))
    .await;
    assert_eq!(wrong.into_inner(), 0, "of 10,000");
    assert_eq!(http.ask("HEAD", "/double/4", "").await.unwrap().0, StatusCode::OK);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_killed_and_started_again_under_load_gets_its_worker_back() {
    let (name, _swept) = name();
    let mut hub = RealHub::start();
    let worker = Registered::start(&name, &hub.url());
    let http = Http::new(&hub);
    until("a first answer", async || http.is_there().await).await;
    let is_over = AtomicBool::new(false);
    let load = async {
        let (mut right, mut failed) = (0, 0);
        for number in 0_u64.. {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            match http.ask("GET", &format!("/double/{number}"), "").await {
                Some((StatusCode::OK, body)) => {
                    assert_eq!(body, (2 * number).to_string(), "another request's answer");
                    right += 1;
                }
                // An explicit error: no hub, no worker yet, or one whose hub died.
                _ => {
                    failed += 1;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        }
        (right, failed)
    };
    let restarts = async {
        let mut times = Vec::new();
        for _ in 0..3 {
            hub.restart();
            let killed = Instant::now();
            until("an answer after a restart", async || http.is_there().await).await;
            times.push(killed.elapsed());
        }
        is_over.store(true, Ordering::Relaxed);
        times
    };
    let ((right, failed), times) = tokio::join!(load, restarts);
    println!("{right} right answers, {failed} errors while a hub was away, 0 wrong; back after {times:?}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_name_another_took_registers_again() {
    let (name, _swept) = name();
    let hub = RealHub::start();
    let worker = Registered::start(&name, &hub.url());
    let http = Http::new(&hub);
    until("a first answer", async || http.is_there().await).await;
    // The other has no routes, and never comes.
    let other = format!(r#"{{"name":"{name}","routes":[]}}"#);
    let request = Request::post(format!("{}/internal/register", hub.url())).header("content-type", "application/json");
    let answer = http.client.request(request.body(Full::new(other.into())).unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    until("an answer of the first", async || http.is_there().await).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_a_stream_come_are_sent_events_and_go() {
    let (name, _swept) = name();
    let hub = RealHub::start();
    let mut worker = Registered::start(&name, &hub.url());
    let http = Http::new(&hub);
    until("a first answer", async || http.is_there().await).await;
    let request = Request::get(format!("{}/stream/news", hub.url())).body(Full::default()).unwrap();
    let mut client = http.client.request(request).await.unwrap();
    assert_eq!(client.headers()["content-type"], "text/event-stream");
    assert_eq!(told(&mut worker.told).await, (Lifecycle::Connect, "news".to_owned()));

    let events = Events::new(&hub.url(), name.as_str()).unwrap();
    events.push("/stream/news", "headline", "it works").await.unwrap();
    events.push_to("/stream/{topic}", [("topic", "news")], "headline", "it still does").await.unwrap();
    let mut text = String::new();
    while !text.contains("it still does") {
        let frame = client.frame().await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    assert!(text.contains("event: headline") && text.contains("data: it works"), "{text}");
    events.emit("sold", "7").await.unwrap();
    drop(client);
    drop(http);
    assert_eq!(told(&mut worker.told).await, (Lifecycle::Disconnect, "news".to_owned()));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute: `cargo test --features register --test register -- --ignored`"]
async fn a_worker_that_is_kept_full_for_a_minute_is_not_evicted() {
    let (name, _swept) = name();
    let hub = RealHub::start();
    let worker = Registered::start(&name, &hub.url());
    let http = Http::new(&hub);
    until("a first answer", async || http.is_there().await).await;
    let end = Instant::now() + Duration::from_secs(60);
    let registered = |health: &[u8]| -> Vec<String> {
        let health: slotbus::control::Health = serde_json::from_slice(health).unwrap();
        health.workers.into_iter().map(|worker| worker.worker_id).collect()
    };
    let before = registered(&http.ask("GET", "/health", "").await.unwrap().1);
    // More than the worker takes at once, which is two less than there are slots, and one slot for the hub's ping: where a hub of
    // this kind finds no free slot it counts the ping as missed, and three in a row evict whatever the worker does.
    let counts = futures::future::join_all((0..31_u64).map(|task| {
        let http = http.clone();
        async move {
            let (mut right, mut full) = (0_u64, 0_u64);
            while Instant::now() < end {
                match http.ask("GET", &format!("/double/{task}"), "").await {
                    Some((StatusCode::OK, body)) => {
                        assert_eq!(body, (2 * task).to_string());
                        right += 1;
                    }
                    _ => full += 1,
                }
            }
            (right, full)
        }
    }))
    .await;
    assert_eq!(registered(&http.ask("GET", "/health", "").await.unwrap().1), before, "it was evicted");
    let (right, full) = counts.into_iter().fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
    println!("a minute at 31 in flight: {right} right answers, {full} refused, not evicted");
    worker.stop().await;
}
