//! Options of handlers as their callers see them: over a bus, and under another server.
#![cfg(all(feature = "macros", feature = "tokio"))]

mod support;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt as _;
use slotbus::hub::{Hub, SlotState};
use slotbus::routing::OnDisconnect;
use slotbus::{Body, RequestId, Router, State, handler, routes};
use support::{Worker, bytes, get_request, name};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tower::util::MapRequestLayer;

/// Says what becomes of a handler: whether it ran to its end.
struct Fate {
    tell: UnboundedSender<bool>,
    finished: bool,
}

impl Drop for Fate {
    fn drop(&mut self) {
        let Self { tell, finished } = self;
        let _ = tell.send(*finished);
    }
}

/// What the handlers here share: whom to tell, and what to wait for.
#[derive(Clone)]
struct App {
    tell: UnboundedSender<bool>,
    go_on: tokio::sync::watch::Receiver<bool>,
}

impl App {
    async fn wait(mut self) -> &'static str {
        let mut fate = Fate { tell: self.tell, finished: false };
        self.go_on.wait_for(|go_on| *go_on).await.unwrap();
        fate.finished = true;
        "done"
    }
}

fn app() -> (App, tokio::sync::watch::Sender<bool>, UnboundedReceiver<bool>) {
    let (tell, told) = unbounded_channel();
    let (sender, go_on) = tokio::sync::watch::channel(false);
    (App { tell, go_on }, sender, told)
}

#[handler(GET, "/limited", timeout = "10ms")]
async fn limited(State(app): State<App>) -> &'static str {
    app.wait().await
}

#[handler(GET, "/finish", on_disconnect = finish)]
async fn finish(State(app): State<App>) -> &'static str {
    app.wait().await
}

#[handler(GET, "/cancel", on_disconnect = cancel)]
async fn cancel(State(app): State<App>) -> &'static str {
    app.wait().await
}

async fn until(hub: &Hub, done: impl Fn(&[SlotState]) -> bool) {
    while !done(&hub.slots()) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_out_names_the_request_and_ends_the_handler() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let (state, _keep, mut told) = app();
    let seen = Arc::<Mutex<Option<RequestId>>>::default();
    let note = Arc::clone(&seen);
    let router: Router = Router::new().routes(routes![limited]).with_state(state).layer(MapRequestLayer::new(
        move |request: Request<Body>| {
            *note.lock().unwrap() = RequestId::of(request.extensions());
            request
        },
    ));
    let worker = Worker::start(&name, router);
    let response = hub.call(get_request("/limited")).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (504, &"application/problem+json".parse().unwrap())
    );
    let problem: serde_json::Value = serde_json::from_slice(&bytes(response).await).unwrap();
    let id = seen.lock().unwrap().unwrap().to_string();
    assert_eq!((&problem["status"], &problem["request_id"]), (&504.into(), &id.into()));
    assert_eq!(told.recv().await, Some(false), "it was dropped");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_out_works_under_another_server() {
    let (state, _keep, mut told) = app();
    let router: Router = Router::new().routes(routes![limited]).with_state(state);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/limited", listener.local_addr().unwrap());
    let server = tokio::spawn(axum::serve(listener, tower::make::Shared::new(router)).into_future());
    let executor = hyper_util::rt::TokioExecutor::new();
    let client = hyper_util::client::legacy::Client::builder(executor).build_http::<Body>();
    let response = client.request(get_request(&url)).await.unwrap();
    assert_eq!(response.status(), 504);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&problem["status"], problem.get("request_id")), (&504.into(), None));
    assert_eq!(told.recv().await, Some(false), "it was dropped");
    server.abort();
}

/// Whether the handler of `path` runs to its end after its caller has given up.
async fn runs_on(path: &str, layer: OnDisconnect) -> bool {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let (state, go_on, mut told) = app();
    let router: Router = Router::new().routes(routes![finish, cancel]).with_state(state).layer(layer);
    let worker = Worker::start(&name, router);
    let call = tokio::spawn(hub.call(get_request(path)));
    until(&hub, |slots| slots.contains(&SlotState::Claimed)).await;
    call.abort();
    until(&hub, |slots| slots.iter().all(|&slot| slot == SlotState::Free)).await;
    go_on.send_replace(true);
    let finished = told.recv().await.unwrap();
    worker.stop().await;
    finished
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_attribute_says_of_callers_that_give_up_wins_over_a_layer() {
    for layer in [OnDisconnect::Cancel, OnDisconnect::Finish] {
        assert!(runs_on("/finish", layer).await);
        assert!(!runs_on("/cancel", layer).await);
    }
}

#[handler(POST, "/usual")]
async fn usual(body: Bytes) -> String {
    body.len().to_string()
}

#[handler(POST, "/more", body_limit = "50B")]
async fn more(body: Bytes) -> String {
    body.len().to_string()
}

#[handler(POST, "/most", body_limit = "4KiB")]
async fn most(body: Bytes) -> String {
    body.len().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_limit_wins_over_that_of_the_worker_but_not_over_what_the_bus_carries() {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let router: Router = Router::new().routes(routes![usual, more, most]);
    let worker = Worker::with(&name, router, |serve| serve.body_limit(10).message_limit(1000));
    for (len, statuses) in
        [(10, [200, 200, 200]), (11, [413, 200, 200]), (50, [413, 200, 200]), (51, [413, 413, 200]), (1001, [413; 3])]
    {
        for (path, status) in ["/usual", "/more", "/most"].into_iter().zip(statuses) {
            let request = Request::post(path).body(Body::from(vec![0; len])).unwrap();
            assert_eq!(hub.call(request).await.unwrap().status(), status, "{len} bytes to {path}");
        }
    }
    worker.stop().await;
}
