//! Limits, time-outs and the end.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use slotbus::gateway::Gateway;
use slotbus::testing::Gate;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::readers::{asks, http2};
use crate::setup::{Client, PATIENCE, Running, echo, get, holding, json_of, problem, send, until, worker};
use crate::support::{Worker, name};

/// Writes bytes and reads to the end of the connection.
async fn raw(gateway: &Running, pieces: &[&str]) -> String {
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    for piece in pieces {
        stream.write_all(piece.as_bytes()).await.unwrap();
    }
    let mut answer = Vec::new();
    // A connection that is reset after its answer has ended too.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the connection ends");
    String::from_utf8(answer).unwrap()
}

/// Serves `answer` under `name`, each time when the gate lets it pass.
fn gated(name: &str, gate: &Gate, answer: &'static str) -> Worker {
    let gate = gate.clone();
    worker(name, move |_| {
        let gate = gate.clone();
        async move {
            gate.pass().await;
            Response::new(answer.into())
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_and_heads_beyond_their_limits_are_refused_and_those_at_them_are_not() {
    let gateway = Running::with(|builder| builder.body_limit(1000).header_limit(20, 4000)).await;
    let name = name();
    gateway.register(&name, &[("POST", "/")]).await;
    let worker = worker(&name, echo);
    let post = |length: usize| Request::post("/").body(Full::from(Bytes::from(vec![b'x'; length]))).unwrap();
    assert_eq!(json_of(send(gateway.address, post(1000)).await)["length"], 1000);
    assert!(problem(send(gateway.address, post(1001)).await, 413).contains("1000"));
    let chunked = [
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n3e9\r\n",
        &"x".repeat(1001),
        "\r\n0\r\n\r\n",
    ];
    let answer = raw(&gateway, &chunked).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("application/problem+json"), "{answer}");
    let with_headers = |count: usize, length: usize| {
        let mut request = post(1);
        for i in 0..count {
            request
                .headers_mut()
                .insert(http::HeaderName::try_from(format!("x-{i}")).unwrap(), "y".repeat(length).parse().unwrap());
        }
        request
    };
    assert_eq!(send(gateway.address, with_headers(17, 1)).await.status(), 200);
    assert!(problem(send(gateway.address, with_headers(25, 1)).await, 431).contains("20"));
    assert!(problem(send(gateway.address, with_headers(2, 2500)).await, 431).contains("4000"));
    let mut client = Client::http2(gateway.address).await;
    problem(client.send(with_headers(25, 1), gateway.address).await, 431);
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_for_100_is_told_to_go_on_only_when_its_body_is_wanted() {
    let gateway = Running::with(|builder| builder.body_limit(1000)).await;
    let name = name();
    gateway.register(&name, &[("POST", "/")]).await;
    let worker = worker(&name, echo);
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    stream
        .write_all(
            b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\nconnection: close\r\n\r\n",
        )
        .await
        .unwrap();
    let mut go_on = [0; 25];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut go_on)).await.unwrap().unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"12345").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"length\":5") && !answer.contains("expect"),
        "{answer}"
    );
    let refused =
        raw(&gateway, &["POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 1001\r\n\r\n"]).await;
    assert!(refused.starts_with("HTTP/1.1 413 "), "{refused}");
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_do_not_go_on_are_not_waited_for() {
    let gateway = Running::with(|builder| builder.read_timeout(Duration::from_millis(500))).await;
    let name = name();
    gateway.register(&name, &[("POST", "/")]).await;
    let worker = worker(&name, echo);
    // Nothing; what may become either HTTP; half a head: the connection ends.
    for head in ["", "PRI", "PRI * HTTP/2.0\r\n", "POST / HTTP/1.1\r\nhost: a\r\nx-slow: "] {
        let answer = raw(&gateway, &[head]).await;
        assert!(!answer.contains("200"), "{answer}");
    }
    let answer = raw(&gateway, &["POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n1234"]).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_beyond_its_time_is_answered_504() {
    let gateway = Running::with(|builder| builder.timeout(Duration::from_millis(200))).await;
    let name = name();
    gateway.register(&name, &[("GET", "/")]).await;
    let gate = Gate::new();
    let worker = gated(&name, &gate, "late");
    let begun = Instant::now();
    // The hub says so, or the worker, if it looks at the clock first.
    let said = problem(get(gateway.address, "/").await, 504);
    assert!(said.contains("200ms") || said.contains("deadline has passed"), "{said}");
    assert!(begun.elapsed() >= Duration::from_millis(200));
    gate.open();
    // How long this machine takes for one is not what is asked here.
    until(async || get(gateway.address, "/").await.body() == "late").await;
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_beyond_the_number_of_those_in_hand_is_answered_503() {
    let gateway = Running::with(|builder| builder.timeout(PATIENCE).concurrent_requests(1)).await;
    let name = name();
    gateway.register(&name, &[("GET", "/")]).await;
    let gate = Gate::new();
    let worker = gated(&name, &gate, "in hand");
    let first = tokio::spawn(get(gateway.address, "/"));
    gate.wait_for(1).await;
    assert!(problem(get(gateway.address, "/").await, 503).contains("too many"));
    gate.open();
    assert_eq!(first.await.unwrap().body(), "in hand");
    until(async || get(gateway.address, "/").await.body() == "in hand").await;
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_end_what_is_in_hand_is_answered_and_nothing_new_is_accepted() {
    let mut gateway = Running::start().await;
    let name = name();
    gateway.register(&name, &[("GET", "/")]).await;
    let gate = Gate::new();
    let worker = gated(&name, &gate, "answered");
    let address = gateway.address;
    let in_hand: Vec<_> = (0..2)
        .map(|i| {
            tokio::spawn(async move {
                let mut client = if i == 0 { Client::http1(address).await } else { Client::http2(address).await };
                client.send(Request::get("/").body(Full::default()).unwrap(), address).await
            })
        })
        .collect();
    gate.wait_for(2).await;
    gateway.tell();
    until(async || TcpStream::connect(address).await.is_err()).await;
    gate.open();
    for call in in_hand {
        assert_eq!(call.await.unwrap().body(), "answered");
    }
    gateway.stop().await;
    let left: Vec<_> = std::fs::read_dir("/dev/shm").unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|object| object.to_str().unwrap().contains(&name)), "{left:?}");
    worker.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_longer_than_the_end_may_is_given_up() {
    let mut gateway = Running::with(|builder| builder.drain_timeout(Duration::from_millis(50))).await;
    let name = name();
    gateway.register(&name, &[("GET", "/")]).await;
    let gate = Gate::new();
    let worker = worker(&name, {
        let gate = gate.clone();
        move |_| {
            let gate = gate.clone();
            async move {
                gate.pass().await;
                Response::new(slotbus::Body::empty())
            }
        }
    });
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    gate.wait_for(1).await;
    gateway.tell();
    gateway.stop().await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
    worker.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_says_once_for_which_host_it_is_and_its_target_comes_first() {
    let gateway = Running::start().await;
    let name = name();
    gateway.register(&name, &[("GET", "/a")]).await;
    let worker = worker(&name, echo);
    for head in [
        "GET /a HTTP/1.1\r\nconnection: close\r\n\r\n",
        "GET /a HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n",
    ] {
        let answer = raw(&gateway, &[head]).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    let absolute = "GET http://somebody@a.example/a HTTP/1.1\r\nhost: b.example\r\nconnection: close\r\n\r\n";
    let answer = raw(&gateway, &[absolute]).await;
    assert!(answer.contains("\"host\":\"a.example\""), "{answer}");
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test]
async fn nothing_goes_on_when_a_gateway_is_dropped() {
    // One thread: tasks that were ended are gone when it has been their turn, whatever the clock says.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let gateway = runtime.spawn(Gateway::builder().bind("127.0.0.1:0")).await.unwrap().unwrap();
    let address = gateway.local_addr();
    let (drop_it, dropped) = tokio::sync::oneshot::channel::<()>();
    let tasks_left = runtime.spawn(async {
        let serving = Box::pin(gateway.serve());
        drop(futures::future::select(serving, dropped).await);
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        tokio::runtime::Handle::current().metrics().num_alive_tasks()
    });
    let name = name();
    let routes = serde_json::json!([
        { "method": "GET", "path": "/" },
        { "method": "GET", "path": "/stream", "sse": true },
    ]);
    let registration = serde_json::json!({ "name": name, "routes": routes });
    assert_eq!(crate::setup::post(address, "/internal/register", &registration).await.status(), 200);
    let gate = Gate::new();
    // It takes the client of the stream, and answers nothing else: neither requests, nor that the client has gone.
    let worker = holding(&name, &gate, |body| !body.starts_with(b"{\"sse_lifecycle\":\"connect\""));
    let mut client = Client::http2(address).await;
    let stream = client.open(Request::get("/stream").body(Full::default()).unwrap(), address).await;
    assert_eq!(stream.status(), 200);
    drop((client, stream));
    let mut http1 = TcpStream::connect(address).await.unwrap();
    http1.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let (mut http2, _) = http2(address).await;
    let _in_hand = tokio::spawn(http2.send_request(asks(address, "/")));
    gate.wait_for(3).await;
    drop(drop_it);
    assert_eq!(tasks_left.await.unwrap(), 1, "the one that asks");
    runtime.shutdown_background();
    worker.abort();
}
