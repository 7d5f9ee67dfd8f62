//! A worker behind a hub that speaks HTTP: the published program `slotbus-hub` itself, started, killed and started again, and for
//! what that does not do a small one in here.
#![cfg(feature = "register")]

mod fake;
mod real;

use std::time::{Duration, Instant};

use slotbus::control::{HubError, Lifecycle, SseLifecycle};
use slotbus::register::ServeBehindHub;
use slotbus::{Body, Error, Extension, Path, Router, handler, routes};
use tokio::sync::{mpsc, oneshot};

/// Longer than anything takes here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

#[handler(GET, "/double/{number}")]
async fn double(Path(number): Path<u64>) -> String {
    (2 * number).to_string()
}

#[handler(POST, "/echo")]
async fn echo(body: bytes::Bytes) -> bytes::Bytes {
    body
}

/// Lets one request to `/held` go on.
static LET_GO: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(0);

#[handler(GET, "/held")]
async fn held() -> &'static str {
    LET_GO.acquire().await.unwrap().forget();
    "let go"
}

#[handler(GET, "/stream/{topic}")]
async fn stream(Extension(told): Extension<mpsc::UnboundedSender<SseLifecycle>>, lifecycle: SseLifecycle) {
    let _ = told.send(lifecycle);
}

/// What tells of the clients of `/stream/{topic}`.
type Told = mpsc::UnboundedReceiver<SseLifecycle>;

fn app() -> (Router, Told) {
    let (tell, told) = mpsc::unbounded_channel();
    let layer = tower::util::MapRequestLayer::new(move |mut request: http::Request<Body>| {
        request.extensions_mut().insert(tell.clone());
        request
    });
    (Router::new().routes(routes![double, echo, held, stream]).layer(layer), told)
}

/// A worker that is registered under `name`, on a task.
struct Registered {
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<Result<(), Error>>,
    told: Told,
}

impl Registered {
    fn start(name: &str, url: &str) -> Self {
        Self::with(name, url, |worker| worker)
    }

    fn with(name: &str, url: &str, options: impl FnOnce(ServeBehindHub<Router>) -> ServeBehindHub<Router>) -> Self {
        let (app, told) = app();
        let (stop, stopped) = oneshot::channel::<()>();
        let worker = options(slotbus::serve(app).name(name).hub(url).streams(["/stream/{topic}"]));
        let worker = worker.with_graceful_shutdown(async { drop(stopped.await) });
        Self { stop, task: tokio::spawn(worker.into_future()), told }
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        self.task.await.unwrap().unwrap();
    }
}

async fn told(told: &mut Told) -> (Lifecycle, String) {
    let lifecycle = tokio::time::timeout(PATIENCE, told.recv()).await.expect("it is told").unwrap();
    (lifecycle.sse_lifecycle, lifecycle.params["topic"].clone())
}

/// Asks until it is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < end, "{what} did not come true");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_an_error_that_says_why() {
    let fails = async |url: &str| slotbus::serve(app().0).name("w").hub(url).await.unwrap_err().to_string();
    assert!(fails("https://example.org").await.contains("TLS is not spoken here"));
    assert!(fails("127.0.0.1:3200").await.contains("does not begin with http://"));
    assert!(fails("http://").await.contains("is no address of a hub"));
    assert!(fails("http://127.0.0.1:70000").await.contains("is no address of a hub"));
    let password = fails("http://somebody:secret@127.0.0.1:3200").await;
    assert!(password.contains("do not belong into it") && !password.contains("secret@"), "{password}");
}

#[tokio::test]
async fn a_hub_that_nobody_starts_is_waited_for_as_long_as_one_was_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let patience = Duration::from_millis(200);
    let started = Instant::now();
    let error = slotbus::serve(app().0).name("w").connect_timeout(patience).hub(&url).await.unwrap_err();
    assert!(matches!(&error, Error::Hub(HubError::NotReached { waited, .. }) if *waited == patience), "{error}");
    assert!(started.elapsed() >= patience);
}
