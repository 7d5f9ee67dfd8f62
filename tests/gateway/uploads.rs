//! Bodies on their way in: they keep nobody else from the workers.

use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use slotbus::testing::Gate;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::setup::{PATIENCE, Running, get, problem, send, worker};
use crate::support::{Worker, name};

/// Registers a worker that answers with what was sent; `/gated` when the gate lets it pass.
async fn echo_worker(gateway: &Running, gate: &Gate) -> Worker {
    let (name, gate) = (name(), gate.clone());
    gateway.register(&name, &[("POST", "/"), ("GET", "/"), ("GET", "/gated")]).await;
    worker(&name, move |request| {
        let gate = gate.clone();
        async move {
            if request.uri().path() == "/gated" {
                gate.pass().await;
            }
            Response::new(request.into_body())
        }
    })
}

/// A request with a body of five bytes, none of which is sent before the gateway asks for them.
async fn asks_first(gateway: &Running) -> TcpStream {
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    let head = "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn is_asked_for_its_body(stream: &mut TcpStream) {
    let mut go_on = [0; 25];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut go_on)).await.unwrap().unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_its_body_slowly_keeps_out_others_that_send_and_nobody_else() {
    let gateway = Running::with(|builder| builder.concurrent_requests(1).concurrent_uploads(1)).await;
    let worker = echo_worker(&gateway, &Gate::new()).await;
    let mut slow = asks_first(&gateway).await;
    is_asked_for_its_body(&mut slow).await;
    slow.write_all(b"1").await.unwrap();
    assert_eq!(get(gateway.address, "/").await.status(), 200);
    let other = Request::post("/").body(Full::from("other")).unwrap();
    assert!(problem(send(gateway.address, other).await, 503).contains("bodies"));
    slow.write_all(b"2345").await.unwrap();
    let answer = rest(&mut slow).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("12345"), "{answer}");
    let other = Request::post("/").body(Full::from("other")).unwrap();
    assert_eq!(send(gateway.address, other).await.body(), "other");
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_body_is_asked_for_while_its_request_has_no_place() {
    let gateway = Running::with(|builder| builder.timeout(PATIENCE).concurrent_requests(1)).await;
    let gate = Gate::new();
    let worker = echo_worker(&gateway, &gate).await;
    let in_hand = tokio::spawn(get(gateway.address, "/gated"));
    gate.wait_for(1).await;
    let answer = rest(&mut asks_first(&gateway).await).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    gate.open();
    assert_eq!(in_hand.await.unwrap().status(), 200);
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_there_in_its_requests_time_is_answered_408() {
    let gateway = Running::with(|builder| builder.timeout(Duration::from_millis(300)).read_timeout(PATIENCE)).await;
    let worker = echo_worker(&gateway, &Gate::new()).await;
    let mut stream = asks_first(&gateway).await;
    is_asked_for_its_body(&mut stream).await;
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("300ms"), "{answer}");
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_arrives_as_it_was_sent_in_whatever_pieces() {
    let gateway = Running::start().await;
    let worker = echo_worker(&gateway, &Gate::new()).await;
    let (mut sender, connection) = {
        let stream = hyper_util::rt::TokioIo::new(TcpStream::connect(gateway.address).await.unwrap());
        hyper::client::conn::http1::handshake(stream).await.unwrap()
    };
    tokio::spawn(connection);
    for lengths in [&[][..], &[1], &[5000, 3, 4, 70_000, 1], &[1, 2, 3, 100_000]] {
        let pieces: Vec<_> = lengths.iter().enumerate().map(|(i, length)| vec![i as u8; *length]).collect();
        let frames =
            pieces.clone().into_iter().map(|piece| Ok::<_, hyper::Error>(http_body::Frame::data(piece.into())));
        let body = http_body_util::StreamBody::new(futures::stream::iter(frames));
        let body: http_body_util::combinators::UnsyncBoxBody<bytes::Bytes, _> = body.boxed_unsync();
        sender.ready().await.unwrap();
        let answer = sender.send_request(Request::post("/").header("host", "a").body(body).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), pieces.concat());
    }
    worker.stop().await;
    gateway.stop().await;
}
