//! A hub of a few lines, for what the published one does not do when it is told to.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use slotbus::control::{Health, Registered, Registration, WorkerInfo};
use slotbus::hub::{Hub, SlotState};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Error, HubError, Registered as Worker, until};

/// What the hub has seen, and how it answers.
#[derive(Default)]
struct Book {
    seen: Vec<(Registration, Option<String>)>,
    /// Statuses that the next registrations are answered with.
    refusals: Vec<StatusCode>,
    known: Option<String>,
    /// Whether a registration is forgotten at once.
    forgets: bool,
    /// So many looks at its health are answered 500.
    unwell: usize,
    bus: String,
}

type Shared = Arc<Mutex<Book>>;

async fn register(State(book): State<Shared>, headers: HeaderMap, Json(registration): Json<Registration>) -> Response {
    let mut book = book.lock().unwrap();
    let secret = headers.get("x-hub-secret").map(|secret| secret.to_str().unwrap().to_owned());
    book.seen.push((registration, secret));
    if let Some(status) = book.refusals.pop() {
        return (status, "it has its reasons").into_response();
    }
    let worker_id = format!("worker-{}", book.seen.len());
    book.known = Some(worker_id.clone()).filter(|_| !book.forgets);
    Json(Registered { worker_id, shm_name: book.bus.clone() }).into_response()
}

async fn health(State(book): State<Shared>) -> Result<Json<Health>, StatusCode> {
    let mut book = book.lock().unwrap();
    if let Some(left) = book.unwell.checked_sub(1) {
        book.unwell = left;
        return Err(StatusCode::INTERNAL_SERVER_ERROR);
    }
    let known = book.known.clone();
    let info = |worker_id| WorkerInfo { name: "w".into(), worker_id, route_count: 0, transport: "shm".into() };
    Ok(Json(Health { ok: true, workers: known.into_iter().map(info).collect() }))
}

/// Its address, and what it knows; it gives out the bus `bus`.
async fn hub(bus: &str) -> (String, Shared) {
    let book = Shared::default();
    book.lock().unwrap().bus = format!("slotbus-{bus}");
    let app = axum::Router::new()
        .route("/internal/register", post(register))
        .route("/health", get(health))
        .with_state(Arc::clone(&book));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, app).into_future());
    (url, book)
}

fn name() -> String {
    format!("test-{}", uuid::Uuid::new_v4())
}

async fn answers(bus: &Hub) {
    let request = http::Request::get("/double/21").body(slotbus::Body::empty()).unwrap();
    let answer = bus.call(request).await.unwrap();
    assert_eq!(slotbus::body::to_bytes(answer.into_body(), 100).await.unwrap(), "42");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_registers_its_routes_with_head_ping_and_streams_and_shows_its_secret() {
    let name = name();
    let bus = Hub::builder(&name).create().unwrap();
    let (url, book) = hub(&name).await;
    let worker = Worker::with("w", &url, |worker| worker.secret("open sesame"));
    answers(&bus).await;
    let (registration, secret) = book.lock().unwrap().seen[0].clone();
    assert_eq!((registration.name.as_str(), secret.as_deref()), ("w", Some("open sesame")));
    let routes = registration.routes.iter().map(|route| (route.method.as_str(), route.path.as_str(), route.sse));
    let mut routes: Vec<_> = routes.collect();
    routes.sort_unstable();
    let expected = [
        ("GET", "/__ping__", false),
        ("GET", "/double/{number}", false),
        ("GET", "/held", false),
        ("GET", "/stream/{topic}", true),
        ("HEAD", "/double/{number}", false),
        ("HEAD", "/held", false),
        ("POST", "/echo", false),
    ];
    assert_eq!(routes, expected);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_in_no_debug_output() {
    let worker = slotbus::serve(super::app().0).name("w").hub("").secret("open sesame");
    assert!(!format!("{worker:?}").contains("sesame"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_registration_ends_the_worker_with_what_the_hub_said() {
    let (url, book) = hub("none").await;
    book.lock().unwrap().refusals.push(StatusCode::BAD_REQUEST);
    let error = slotbus::serve(super::app().0).name("w").hub(&url).await.unwrap_err();
    assert!(matches!(error, Error::Hub(HubError::Refused { .. })));
    assert_eq!(error.to_string(), format!("the hub at {url} answered 400 Bad Request: it has its reasons"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_not_well_yet_is_asked_again() {
    let name = name();
    let bus = Hub::builder(&name).create().unwrap();
    let (url, book) = hub(&name).await;
    book.lock().unwrap().refusals.extend([StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE]);
    let worker = Worker::start("w", &url);
    answers(&bus).await;
    assert_eq!(book.lock().unwrap().seen.len(), 3);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_the_hub_forgot_registers_again_and_follows_to_another_bus() {
    let (first, second) = (name(), name());
    let bus = Hub::builder(&first).create().unwrap();
    let (url, book) = hub(&first).await;
    let worker = Worker::start("w", &url);
    answers(&bus).await;
    book.lock().unwrap().known = None;
    until("another registration", async || book.lock().unwrap().seen.len() == 2).await;
    answers(&bus).await;

    // What is in hand on the first bus is answered there.
    let in_hand = tokio::spawn(bus.call(http::Request::get("/held").body(slotbus::Body::empty()).unwrap()));
    until("a claimed request", async || bus.slots().contains(&SlotState::Claimed)).await;
    let other = Hub::builder(&second).create().unwrap();
    {
        let mut book = book.lock().unwrap();
        book.bus = format!("slotbus-{second}");
        book.known = None;
    }
    answers(&other).await;
    assert_eq!(book.lock().unwrap().seen.len(), 3);
    super::LET_GO.add_permits(1);
    assert_eq!(in_hand.await.unwrap().unwrap().status(), StatusCode::OK);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_drains_does_not_register_again() {
    let name = name();
    let bus = Hub::builder(&name).create().unwrap();
    let (url, book) = hub(&name).await;
    let worker = Worker::start("w", &url);
    let in_hand = tokio::spawn(bus.call(http::Request::get("/held").body(slotbus::Body::empty()).unwrap()));
    until("a claimed request", async || bus.slots().contains(&SlotState::Claimed)).await;
    let stopped = tokio::spawn(worker.stop());
    book.lock().unwrap().known = None;
    // Longer than it takes to look and to register.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    super::LET_GO.add_permits(1);
    stopped.await.unwrap();
    assert_eq!(in_hand.await.unwrap().unwrap().status(), StatusCode::OK);
    assert_eq!(book.lock().unwrap().seen.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_unwell_for_a_while_is_not_registered_with_again() {
    let name = name();
    let bus = Hub::builder(&name).create().unwrap();
    let (url, book) = hub(&name).await;
    let worker = Worker::start("w", &url);
    answers(&bus).await;
    book.lock().unwrap().unwell = 2;
    until("two looks", async || book.lock().unwrap().unwell == 0).await;
    // The next look finds it well again.
    book.lock().unwrap().unwell = 1;
    until("one look more", async || book.lock().unwrap().unwell == 0).await;
    assert_eq!(book.lock().unwrap().seen.len(), 1);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_that_do_not_last_are_followed_by_longer_pauses() {
    let (url, book) = hub("none").await;
    book.lock().unwrap().forgets = true;
    let started = Instant::now();
    let worker = Worker::start("w", &url);
    until("a fifth registration", async || book.lock().unwrap().seen.len() == 5).await;
    // Four looks, a second apart, and the pauses.
    assert!(started.elapsed() >= Duration::from_millis(4000 + 50 + 100 + 200 + 400), "{:?}", started.elapsed());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_before_the_hub_is_there_ends_the_worker() {
    let worker = Worker::start("w", "http://127.0.0.1:9");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_goes_on_where_it_is_while_its_hub_gives_a_region_that_is_none() {
    let name = name();
    let bus = Hub::builder(&name).create().unwrap();
    let (url, book) = hub(&name).await;
    let worker = Worker::start("w", &url);
    answers(&bus).await;
    for odd in ["nodash", "slotbus-a/b"] {
        let before = book.lock().unwrap().seen.len();
        {
            let mut book = book.lock().unwrap();
            (book.bus, book.known) = (odd.to_owned(), None);
        }
        until("two registrations more", async || book.lock().unwrap().seen.len() >= before + 2).await;
        answers(&bus).await;
        book.lock().unwrap().bus = format!("slotbus-{name}");
        let known = async || {
            let book = book.lock().unwrap();
            book.known == Some(format!("worker-{}", book.seen.len()))
        };
        until("a registration that lasts", known).await;
    }
    worker.stop().await;
    book.lock().unwrap().bus = "nodash".to_owned();
    let error = slotbus::serve(super::app().0).name("w").hub(url).await.unwrap_err();
    assert!(matches!(&error, Error::Hub(HubError::Region(region)) if region == "nodash"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_speaks_no_http_at_the_address_is_named_and_not_asked_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut clients = Vec::new();
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            client.read_buf(&mut Vec::new()).await.unwrap();
            // An alert, as of one who expects TLS.
            client.write_all(&[21, 3, 1, 0, 2, 2, 70]).await.unwrap();
            clients.push(client);
        }
    });
    let serve = slotbus::serve(super::app().0).name("w").hub(&url).into_future();
    let error = tokio::time::timeout(super::PATIENCE, serve).await.expect("it is final").unwrap_err();
    assert!(error.to_string().starts_with(&format!("what is at {url} is no hub")), "{error}");
}
