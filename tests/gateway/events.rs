//! Event streams: those of a path, and that of everything.

use std::time::Duration;

use bytes::Bytes;
use futures::channel::mpsc;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::{Value, json};
use slotbus::testing::Gate;

use crate::setup::{Client, PATIENCE, Running, holding, post, problem, until, worker};
use crate::support::name;

/// Reads a stream until it has shown `text`; all that came.
async fn read_until(stream: &mut Incoming, text: &str) -> String {
    let mut seen = String::new();
    let reading = async {
        while !seen.contains(text) {
            let frame = stream.frame().await.expect("the stream is open").unwrap();
            seen.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap();
    seen
}

async fn listen(gateway: &Running, path: &str) -> (Client, Response<Incoming>) {
    let mut client = Client::http1(gateway.address).await;
    let request = Request::get(path).header("last-event-id", "41").body(Full::default()).unwrap();
    let response = client.open(request, gateway.address).await;
    (client, response)
}

/// Registers a worker with a stream at `/rooms/{room}/events`; what it is told comes out of the channel. It refuses the room `full`.
async fn stream_worker(
    gateway: &Running,
    name: &str,
) -> (crate::support::Worker, mpsc::UnboundedReceiver<(Value, Value)>) {
    let routes = json!([{ "method": "GET", "path": "/rooms/{room}/events", "sse": true }]);
    gateway.register_as(&json!({ "name": name, "routes": routes })).await;
    let (told, heard) = mpsc::unbounded();
    let worker = worker(name, move |request| {
        let told = told.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body: Value = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
            if body["params"]["room"] == "slow" && body["sse_lifecycle"] == "connect" {
                told.unbounded_send((json!("begun"), json!(null))).unwrap();
                // Longer than the handler of a request is left that nobody waits for.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            if body["sse_lifecycle"] == "disconnect" {
                // A gateway that ends has to wait for it.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            let status = if body["params"]["room"] == "full" { 409 } else { 200 };
            let last = parts.headers.get("last-event-id").map(|id| id.to_str().unwrap().to_owned());
            told.unbounded_send((body, json!([parts.method.as_str(), parts.uri.path(), last]))).unwrap();
            Response::builder().status(status).body("as the worker says".into()).unwrap()
        }
    });
    (worker, heard)
}

async fn next<T>(heard: &mut mpsc::UnboundedReceiver<T>) -> T {
    tokio::time::timeout(PATIENCE, futures::StreamExt::next(heard)).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_gets_what_is_pushed_to_its_path_and_its_worker_hears_of_its_coming_and_going() {
    let gateway = Running::start().await;
    let name = name();
    let (worker, mut heard) = stream_worker(&gateway, &name).await;
    let (client, mut response) = listen(&gateway, "/rooms/7/events").await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let (body, head) = next(&mut heard).await;
    assert_eq!(body, json!({ "sse_lifecycle": "connect", "params": { "room": "7" } }));
    assert_eq!(head, json!(["GET", "/rooms/7/events", "41"]));
    let mut head = Client::http1(gateway.address).await;
    let head = head.send(Request::head("/rooms/7/events").body(Full::default()).unwrap(), gateway.address).await;
    assert_eq!(head.headers()["content-type"], "text/event-stream", "and the worker is told nothing");
    for push in [
        json!({ "path": "/rooms/7/events", "event_type": "said", "data": "first\nline" }),
        json!({ "pattern": "/rooms/{room}/events", "params": { "room": "7" }, "event_type": "said", "data": "second" }),
    ] {
        assert_eq!(post(gateway.address, "/internal/sse-push", &push).await.status(), 200);
    }
    let seen = read_until(response.body_mut(), "second\n\n").await;
    assert_eq!(seen, "event: said\ndata: first\ndata: line\n\nevent: said\ndata: second\n\n");
    let elsewhere = json!({ "path": "/rooms/8/events", "event_type": "said", "data": "" });
    assert!(problem(post(gateway.address, "/internal/sse-push", &elsewhere).await, 404).contains("/rooms/8/events"));
    drop((client, response));
    let (body, _) = next(&mut heard).await;
    assert_eq!(body, json!({ "sse_lifecycle": "disconnect", "params": { "room": "7" } }));
    let gone = json!({ "path": "/rooms/7/events", "event_type": "said", "data": "" });
    problem(post(gateway.address, "/internal/sse-push", &gone).await, 404);
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_hears_of_a_client_that_left_at_once_first_that_it_came_and_then_that_it_left() {
    let gateway = Running::start().await;
    let name = name();
    let (worker, mut heard) = stream_worker(&gateway, &name).await;
    let mut client = Client::http1(gateway.address).await;
    let address = gateway.address;
    let opening = tokio::spawn(async move {
        let request = Request::get("/rooms/slow/events").body(Full::default()).unwrap();
        client.open(request, address).await
    });
    assert_eq!(next(&mut heard).await.0, "begun");
    opening.abort();
    for what in ["connect", "disconnect"] {
        assert_eq!(next(&mut heard).await.0["sse_lifecycle"], what);
    }
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_may_refuse_a_client() {
    let gateway = Running::start().await;
    let name = name();
    let (worker, mut heard) = stream_worker(&gateway, &name).await;
    let (_client, response) = listen(&gateway, "/rooms/full/events").await;
    assert_eq!(response.status(), 409);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "as the worker says");
    next(&mut heard).await;
    let gone = json!({ "path": "/rooms/full/events", "event_type": "said", "data": "" });
    problem(post(gateway.address, "/internal/sse-push", &gone).await, 404);
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_emitted_reaches_everybody_and_the_channel_it_names() {
    let gateway = Running::start().await;
    let (_all, mut all) = listen(&gateway, "/events").await;
    let (_channel, mut channel) = listen(&gateway, "/events/a%20b").await;
    for (event_type, data) in [("one", "no json"), ("two", r#"{"channel":"other"}"#), ("three", r#"{"channel":"a b"}"#)]
    {
        let event = json!({ "source": "w", "event_type": event_type, "data": data });
        assert_eq!(post(gateway.address, "/internal/emit", &event).await.body(), "{}");
    }
    let seen = read_until(all.body_mut(), "three").await;
    assert!(
        seen.starts_with("event: one\ndata: {\"source\":\"w\",\"event_type\":\"one\",\"data\":\"no json\"}\n\n"),
        "{seen}"
    );
    let seen = read_until(channel.body_mut(), "three").await;
    assert!(seen.starts_with("event: three\n"), "{seen}");
    let forged = json!({ "source": "w", "event_type": "a\ndata: forged", "data": "" });
    problem(post(gateway.address, "/internal/emit", &forged).await, 400);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_stream_has_heartbeats_and_ends_with_the_gateway_which_tells_the_worker() {
    let mut gateway = Running::with(|builder| builder.heartbeat(Duration::from_millis(20))).await;
    let name = name();
    let (worker, mut heard) = stream_worker(&gateway, &name).await;
    let (_client, mut response) = listen(&gateway, "/rooms/7/events").await;
    assert_eq!(read_until(response.body_mut(), ":\n\n:\n\n").await, ":\n\n:\n\n");
    next(&mut heard).await;
    gateway.tell();
    let rest: Result<Bytes, _> = response.into_body().collect().await.map(|body| body.to_bytes());
    assert!(rest.is_ok(), "it ends as a body does: {rest:?}");
    gateway.stop().await;
    assert_eq!(next(&mut heard).await.0["sse_lifecycle"], "disconnect");
    worker.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_streams_are_opened_than_may_be() {
    let gateway = Running::with(|builder| builder.event_streams(1)).await;
    let (_client, first) = listen(&gateway, "/events").await;
    problem(crate::setup::get(gateway.address, "/events").await, 503);
    drop((_client, first));
    until(async || listen(&gateway, "/events").await.1.status() == 200).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_its_place_until_its_worker_has_heard_that_its_client_has_gone() {
    let gateway = Running::with(|builder| builder.event_streams(1)).await;
    let (name, gate) = (name(), Gate::new());
    gateway.register_as(&json!({ "name": name, "routes": [{ "method": "GET", "path": "/a", "sse": true }] })).await;
    let worker = holding(&name, &gate, |body| body.starts_with(b"{\"sse_lifecycle\":\"disconnect\""));
    drop(listen(&gateway, "/a").await);
    gate.wait_for(1).await;
    assert!(problem(crate::setup::get(gateway.address, "/events").await, 503).contains("too many"));
    gate.open();
    until(async || listen(&gateway, "/events").await.1.status() == 200).await;
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_takes_the_place_of_another_hears_of_its_clients_and_gets_them() {
    for new_bus in [false, true] {
        let gateway = Running::start().await;
        let name = name();
        let (worker, mut heard) = stream_worker(&gateway, &name).await;
        let (client, mut response) = listen(&gateway, "/rooms/7/events").await;
        next(&mut heard).await;
        worker.stop().await;
        if new_bus {
            std::fs::remove_file(format!("/dev/shm/hub-{name}")).unwrap();
            until(async || gateway.health(&name).await.is_empty()).await;
        }
        let (worker, mut heard) = stream_worker(&gateway, &name).await;
        let (body, head) = next(&mut heard).await;
        assert_eq!(body, json!({ "sse_lifecycle": "connect", "params": { "room": "7" } }));
        assert_eq!(head, json!(["GET", "/rooms/7/events", "41"]));
        let push = json!({ "path": "/rooms/7/events", "event_type": "said", "data": "from the next" });
        assert_eq!(post(gateway.address, "/internal/sse-push", &push).await.status(), 200);
        read_until(response.body_mut(), "from the next\n\n").await;
        drop((client, response));
        assert_eq!(next(&mut heard).await.0["sse_lifecycle"], "disconnect");
        worker.stop().await;
        gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_of_a_name_is_not_told_of_clients_that_the_first_one_has() {
    let gateway = Running::start().await;
    let name = name();
    let (worker, mut heard) = stream_worker(&gateway, &name).await;
    let (client, response) = listen(&gateway, "/rooms/7/events").await;
    next(&mut heard).await;
    let routes = json!([{ "method": "GET", "path": "/rooms/:number/events", "sse": true }]);
    gateway.register_as(&json!({ "name": name, "routes": routes })).await;
    drop((client, response));
    let (body, _) = next(&mut heard).await;
    assert_eq!(body, json!({ "sse_lifecycle": "disconnect", "params": { "number": "7" } }), "as the route is now");
    worker.stop().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_its_route_goes_or_the_next_worker_refuses_its_client() {
    let gateway = Running::start().await;
    let name = name();
    let (first, mut heard) = stream_worker(&gateway, &name).await;
    let (_client, response) = listen(&gateway, "/rooms/7/events").await;
    next(&mut heard).await;
    gateway.register(&name, &[]).await;
    let rest = tokio::time::timeout(PATIENCE, response.into_body().collect()).await.unwrap();
    assert!(rest.is_ok(), "it ends as a body does: {rest:?}");
    assert_eq!(next(&mut heard).await.0["sse_lifecycle"], "disconnect");
    let routes = json!([{ "method": "GET", "path": "/rooms/{room}/events", "sse": true }]);
    gateway.register_as(&json!({ "name": name, "routes": routes })).await;
    let (_client, response) = listen(&gateway, "/rooms/7/events").await;
    first.stop().await;
    gateway.register_as(&json!({ "name": name, "routes": routes })).await;
    let next = worker(&name, |_| async { Response::builder().status(403).body("".into()).unwrap() });
    tokio::time::timeout(PATIENCE, response.into_body().collect()).await.unwrap().unwrap();
    next.stop().await;
    gateway.stop().await;
}
