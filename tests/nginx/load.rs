//! The load on nginx, and what happens to a machine meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::PATIENCE;
use crate::machine::{Machine, SECRET, address};
use crate::nginx::Nginx;
use crate::tally::{Ended, Times, check};

/// As many at least; the load goes on until the machine that was killed takes part again.
const REQUESTS: usize = 10_000;
const AT_ONCE: usize = 32;
/// One machine is killed when so many have been sent, and started when so many have.
const KILL_AT: usize = 3_000;
const START_AT: usize = 6_000;
/// How many requests the machine answers before it counts as taken back.
const TAKEN_BACK: usize = 500;

const PROXY: &str = "127.0.0.1:80";

/// Every fourth request is one that may not be sent twice.
pub(crate) fn method(number: usize) -> Method {
    if number.is_multiple_of(4) { Method::POST } else { Method::GET }
}

type Http = Client<HttpConnector, Full<Bytes>>;

/// Boots the machines, and sends requests through nginx while one of them is killed and comes back.
pub(crate) async fn run(folder: &Path) {
    let mut machines = [Machine::boot(1, folder).await, Machine::boot(2, folder).await];
    let http: Http = Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build_http();
    for (machine, number) in machines.iter_mut().zip(1..) {
        machine.start().await;
        until("a gateway has its workers", async || {
            ask(&http, Method::GET, &address(number), "/health", Some(SECRET)).await.1.matches("\"shop\"").count() == 2
        })
        .await;
        let (status, _) = ask(&http, Method::GET, &address(number), "/order/1", None).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "nobody but the proxy may ask a gateway");
    }
    let mut nginx = Nginx::start(folder);
    until("nginx listens", async || {
        assert!(nginx.is_running(), "nginx has ended");
        tokio::net::TcpStream::connect(PROXY).await.is_ok()
    })
    .await;
    nginx_keeps_inside_what_clients_have_no_need_of(&http).await;
    let [first, second] = machines;
    let (ended, times, first) = load(&http, first).await;
    check(&ended, &times, &[first.ran(), second.ran()]);
    requests_that_fail_everywhere_cost_no_other_an_answer(&http).await;
}

/// And lets bodies through that are longer than nginx has them by itself.
async fn nginx_keeps_inside_what_clients_have_no_need_of(http: &Http) {
    for path in ["/internal/register", "/%69nternal/register", "/x/..//internal/emit", "/health", "/metrics"] {
        let (status, said) = ask(http, Method::GET, PROXY, path, None).await;
        assert!(status == StatusCode::NOT_FOUND && said.contains("nginx"), "{path} is answered {status}: {said}");
    }
    let long = Request::post(format!("http://{PROXY}/length")).body(Full::from(vec![7; 3 << 19])).unwrap();
    let answer = http.request(long).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), (3 << 19).to_string());
}

/// Of two requests that are answered 503 everywhere, each counts against the machine that nginx asked first.
async fn requests_that_fail_everywhere_cost_no_other_an_answer(http: &Http) {
    for _ in 0..2 {
        assert_eq!(ask(http, Method::GET, PROXY, "/unwell", None).await.0, StatusCode::SERVICE_UNAVAILABLE);
    }
    for _ in 0..20 {
        let (status, said) = ask(http, Method::GET, PROXY, "/nowhere", None).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "both machines are left out: {said}");
    }
}

/// What the tasks of the load share.
#[derive(Default)]
struct Progress {
    sent: AtomicUsize,
    /// By machine 1 since it was started again.
    taken_back: AtomicUsize,
    was_started: AtomicBool,
}

async fn load(http: &Http, mut machine: Machine) -> (Vec<Ended>, Times, Machine) {
    let progress = Arc::new(Progress::default());
    let tasks: Vec<_> = (0..AT_ONCE).map(|_| tokio::spawn(send(http.clone(), Arc::clone(&progress)))).collect();
    let has_sent = async |number| {
        until("so many are sent", async || progress.sent.load(Ordering::Relaxed) >= number).await;
    };
    has_sent(KILL_AT).await;
    let to_be_killed = Instant::now();
    machine.kill().await;
    let dead = Instant::now();
    has_sent(START_AT).await;
    let to_be_started = Instant::now();
    machine.start().await;
    progress.was_started.store(true, Ordering::Relaxed);
    let mut ended = Vec::new();
    for task in tasks {
        ended.extend(task.await.unwrap());
    }
    (ended, Times { to_be_killed, dead, to_be_started }, machine)
}

/// Sends one request after the other, until all are sent and the machine has been taken back.
async fn send(http: Http, progress: Arc<Progress>) -> Vec<Ended> {
    let Progress { sent, taken_back, was_started } = &*progress;
    let mut ended = Vec::new();
    let end = Instant::now() + 2 * PATIENCE;
    loop {
        let number = sent.fetch_add(1, Ordering::Relaxed);
        if number >= REQUESTS && taken_back.load(Ordering::Relaxed) >= TAKEN_BACK {
            return ended;
        }
        assert!(Instant::now() < end, "nginx has not taken the machine back");
        let counts = was_started.load(Ordering::Relaxed);
        let request = order(&http, number).await;
        if counts && request.outcome == Ok(1) {
            taken_back.fetch_add(1, Ordering::Relaxed);
        }
        ended.push(request);
    }
}

/// Sends one request and checks what comes.
async fn order(http: &Http, number: usize) -> Ended {
    let (method, begun) = (method(number), Instant::now());
    let (status, body) = ask(http, method.clone(), PROXY, &format!("/order/{number}"), None).await;
    let outcome = match status {
        StatusCode::OK => Ok(answered_by(&method, number, &body)),
        status => Err(status),
    };
    Ended { number, method, begun, took: begun.elapsed(), outcome }
}

/// The machine that gave the answer to the request of this number.
fn answered_by(method: &Method, number: usize, answer: &str) -> usize {
    let (machine, rest) = answer.split_once(' ').unwrap();
    let sent = if method == Method::POST { number.to_string() } else { String::new() };
    assert_eq!(rest, format!("{number} {sent}"), "an answer to another request");
    machine.parse().unwrap()
}

/// Status and body of an answer. POST carries the last part of its path.
async fn ask(http: &Http, method: Method, to: &str, path: &str, secret: Option<&str>) -> (StatusCode, String) {
    let body = if method == Method::POST { path.rsplit('/').next().unwrap().to_owned() } else { String::new() };
    let mut request = Request::builder().method(method).uri(format!("http://{to}{path}"));
    if let Some(secret) = secret {
        request = request.header("x-hub-secret", secret);
    }
    let answering = async {
        let answer = http.request(request.body(Full::from(body)).unwrap()).await.expect("every request is answered");
        let status = answer.status();
        (status, answer.into_body().collect().await.expect("every answer is whole").to_bytes())
    };
    let (status, body) = tokio::time::timeout(PATIENCE, answering).await.expect("every request ends");
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// Asks until it is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what}: that did not come true"));
}
