//! What a handler's attribute sets for its route alone.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request};
use slotbus::{
    Body, Router, State,
    extract::{DefaultBodyLimit, FromRequestParts},
    handler, routes,
    routing::{HandlerTimedOut, OnDisconnect},
};

use super::{call, get, post, send};

/// Counts when it is dropped.
struct Farewell(Arc<AtomicUsize>);

impl Drop for Farewell {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[handler(GET, "/never", timeout = "10ms")]
async fn never(State(farewells): State<Arc<AtomicUsize>>) {
    let _farewell = Farewell(farewells);
    std::future::pending().await
}

#[tokio::test]
async fn a_handler_that_is_not_done_in_time_is_dropped_and_answered_504() {
    let farewells = Arc::<AtomicUsize>::default();
    let app: Router = Router::new().routes(routes![never]).with_state(Arc::clone(&farewells));
    let said = get(&app, "/never").await.assert_problem(504);
    assert_eq!(said, "the handler was not done within 10ms");
    assert_eq!(farewells.load(Ordering::SeqCst), 1);
    call(&app, Method::HEAD, "/never").await.assert_status(504).assert_text("");
    let app =
        app.map_rejection(|refusal, _| format!("{:?}", refusal.reason::<HandlerTimedOut>().map(HandlerTimedOut::time)));
    get(&app, "/never").await.assert_text("Some(10ms)");
}

#[tokio::test]
async fn a_handler_that_is_done_in_time_answers() {
    #[handler(GET, "/", timeout = "1h")]
    async fn at_once() -> &'static str {
        "at once"
    }
    #[handler(GET, "/later", timeout = "1h")]
    async fn later() -> &'static str {
        tokio::task::yield_now().await;
        "later"
    }
    #[handler(GET, "/plain", timeout = "1ms")]
    fn plain() -> &'static str {
        "plain"
    }
    let app: Router = Router::new().routes(routes![at_once, later, plain]);
    get(&app, "/").await.assert_status(200).assert_text("at once");
    get(&app, "/later").await.assert_status(200).assert_text("later");
    get(&app, "/plain").await.assert_status(200).assert_text("plain");
}

#[test]
fn a_handler_that_never_waits_needs_no_timer_and_so_no_runtime() {
    #[handler(GET, "/", timeout = "1ms")]
    async fn at_once(body: String) -> String {
        body
    }
    let app: Router = Router::new().routes(routes![at_once]);
    futures::executor::block_on(get(&app, "/")).assert_status(200).assert_text("");
}

#[tokio::test]
async fn the_time_of_the_extractors_counts() {
    struct Never;
    impl<S: Send + Sync> FromRequestParts<S> for Never {
        type Rejection = ();
        async fn from_request_parts(_: &mut http::request::Parts, _: &S) -> Result<Self, ()> {
            std::future::pending().await
        }
    }
    #[handler(GET, "/", timeout = "10ms")]
    fn handler(_: Never) {}
    get(&Router::new().routes(routes![handler]), "/").await.assert_problem(504);
}

#[tokio::test]
async fn a_handler_that_uses_up_the_budget_of_its_task_is_stopped_too() {
    #[handler(GET, "/", timeout = "10ms")]
    async fn greedy() {
        loop {
            tokio::task::consume_budget().await;
        }
    }
    let app: Router = Router::new().routes(routes![greedy]);
    tokio::spawn(async move { get(&app, "/").await.assert_problem(504) }).await.unwrap();
}

#[tokio::test]
async fn of_two_time_outs_the_sooner_one_answers() {
    let app: Router = Router::new().routes(routes![never]).with_state(Arc::default());
    let app = app.layer(tower::timeout::TimeoutLayer::new(Duration::from_secs(3600)));
    assert_eq!(get(&app, "/never").await.assert_problem(504), "the handler was not done within 10ms");
}

#[handler(POST, "/short", body_limit = "4B")]
async fn short(body: Bytes) -> String {
    body.len().to_string()
}

#[handler(POST, "/long", body_limit = "3MB")]
async fn long(body: Bytes) -> String {
    body.len().to_string()
}

#[handler(POST, "/usual")]
async fn usual(body: Bytes) -> String {
    body.len().to_string()
}

async fn statuses(app: &Router, body: &str) -> [u16; 3] {
    let [a, b, c] = ["/short", "/usual", "/long"].map(|path| post(app, path, "text/plain", body));
    [a.await, b.await, c.await].map(|answer| answer.status().as_u16())
}

#[tokio::test]
async fn a_body_limit_lowers_and_raises_what_extractors_accept() {
    let app: Router = Router::new().routes(routes![short, usual, long]);
    assert_eq!(statuses(&app, "1234").await, [200, 200, 200]);
    assert_eq!(statuses(&app, "12345").await, [413, 200, 200]);
    let over_the_default = "x".repeat((2 << 20) + 1);
    assert_eq!(statuses(&app, &over_the_default).await, [413, 413, 200]);
    assert_eq!(statuses(&app, &"x".repeat(3_000_000)).await, [413, 413, 200]);
    assert_eq!(statuses(&app, &"x".repeat(3_000_001)).await, [413, 413, 413]);
}

#[tokio::test]
async fn a_body_limit_wins_over_a_layer() {
    let app: Router = Router::new().routes(routes![short, usual, long]).layer(DefaultBodyLimit::max(2));
    assert_eq!(statuses(&app, "123").await, [200, 413, 200]);
    let unlimited: Router = Router::new().routes(routes![short]).layer(DefaultBodyLimit::disable());
    assert_eq!(post(&unlimited, "/short", "text/plain", "12345").await.status(), 413);
}

#[tokio::test]
async fn a_body_of_unknown_length_is_cut_off_at_the_limit() {
    let app: Router = Router::new().routes(routes![short]);
    let chunks = futures::stream::iter(["ab", "cde"].map(Ok::<_, std::io::Error>));
    let request = Request::post("/short").body(Body::from_stream(chunks)).unwrap();
    assert_eq!(send(&app, request).await.status(), 413);
}

#[test]
fn options_are_listed() {
    #[handler(GET, "/all", on_disconnect = cancel, body_limit = "1KiB", timeout = "1m",)]
    async fn all() {}
    #[handler(GET, "/none")]
    async fn none() {}
    let app: Router = Router::new().routes(routes![all, none]);
    let [all, none] = <[_; 2]>::try_from(app.list().map(|route| route.options).collect::<Vec<_>>()).unwrap();
    assert_eq!(all.timeout(), Some(Duration::from_secs(60)));
    assert_eq!(all.body_limit(), Some(1024));
    assert_eq!(all.on_disconnect(), Some(OnDisconnect::Cancel));
    assert_eq!(all.to_string(), "timeout 60s, body_limit 1024, on_disconnect cancel");
    assert!(none.is_empty() && !all.is_empty());
}
