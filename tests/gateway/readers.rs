//! Clients that take their answers slowly or not at all, and connections on which nothing is asked for.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use slotbus::testing::Gate;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::setup::{Client, PATIENCE, Running, get, problem, until, worker};
use crate::support::{Worker, name};

/// More than the buffers of two sockets take.
const LONG: usize = 48 << 20;

/// Registers a worker that answers `/long` with [`LONG`] bytes and anything else with none.
async fn long_worker(gateway: &Running) -> Worker {
    let name = name();
    gateway.register(&name, &[("GET", "/long"), ("GET", "/short")]).await;
    worker(&name, |request| async move {
        let length = if request.uri().path() == "/long" { LONG } else { 0 };
        Response::new(Bytes::from(vec![b'x'; length]).into())
    })
}

/// Asks for the long answer and takes its head only.
async fn head_of_long(gateway: &Running, http2: bool) -> (Client, Response<Incoming>) {
    let mut client = if http2 { Client::http2(gateway.address).await } else { Client::http1(gateway.address).await };
    let request = Request::get("/long").body(Full::default()).unwrap();
    let response = client.open(request, gateway.address).await;
    assert_eq!(response.status(), 200);
    (client, response)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_its_place_until_its_client_has_taken_it() {
    let gateway = Running::with(|builder| builder.concurrent_requests(1)).await;
    let worker = long_worker(&gateway).await;
    for http2 in [false, true] {
        let (_client, response) = head_of_long(&gateway, http2).await;
        assert!(problem(get(gateway.address, "/short").await, 503).contains("too many"));
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes().len(), LONG);
        until(async || get(gateway.address, "/short").await.status() == 200).await;
        // One that goes away without it gives the place back too.
        drop(head_of_long(&gateway, http2).await);
        until(async || get(gateway.address, "/short").await.status() == 200).await;
    }
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_of_its_answer_loses_its_connection() {
    let options = |builder: slotbus::gateway::GatewayBuilder| builder.concurrent_requests(1);
    let gateway = Running::with(|builder| options(builder).write_timeout(Duration::from_millis(500))).await;
    let worker = long_worker(&gateway).await;
    for http2 in [false, true] {
        let (_client, response) = head_of_long(&gateway, http2).await;
        until(async || get(gateway.address, "/short").await.status() == 200).await;
        let rest = tokio::time::timeout(PATIENCE, response.into_body().collect()).await.unwrap();
        assert!(rest.is_err(), "it is cut off");
    }
    worker.stop().await;
    gateway.stop().await;
}

/// A connection of HTTP/2 by hand, for its end to be seen.
pub(crate) async fn http2(
    address: SocketAddr,
) -> (hyper::client::conn::http2::SendRequest<Full<Bytes>>, JoinHandle<Result<(), hyper::Error>>) {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    (sender, tokio::spawn(connection))
}

pub(crate) fn asks(address: SocketAddr, path: &str) -> Request<Full<Bytes>> {
    Request::get(format!("http://{address}{path}")).body(Full::default()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_http2_without_requests_is_ended_and_one_with_a_request_is_not() {
    let gateway = Running::with(|builder| builder.read_timeout(Duration::from_millis(500))).await;
    let name = name();
    gateway.register(&name, &[("GET", "/gated"), ("GET", "/")]).await;
    let gate = Gate::new();
    let worker = worker(&name, {
        let gate = gate.clone();
        move |request| {
            let gate = gate.clone();
            async move {
                if request.uri().path() == "/gated" {
                    gate.pass().await;
                }
                Response::new("answered".into())
            }
        }
    });
    let (mut busy, busy_ends) = http2(gateway.address).await;
    let in_hand = busy.send_request(asks(gateway.address, "/gated"));
    gate.wait_for(1).await;
    // These are quiet for longer than the limit: one that has asked, and one that never does.
    for path in [Some("/"), None] {
        let (mut idle, ends) = http2(gateway.address).await;
        if let Some(path) = path {
            assert_eq!(idle.send_request(asks(gateway.address, path)).await.unwrap().status(), 200);
        }
        let ended = tokio::time::timeout(PATIENCE, ends).await.unwrap().unwrap();
        assert!(ended.is_ok(), "by GOAWAY, not by a reset: {ended:?}");
    }
    gate.open();
    let answer = tokio::time::timeout(PATIENCE, in_hand).await.unwrap().unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "answered");
    let ended = tokio::time::timeout(PATIENCE, busy_ends).await.unwrap().unwrap();
    assert!(ended.is_ok(), "{ended:?}");
    worker.stop().await;
    gateway.stop().await;
}
