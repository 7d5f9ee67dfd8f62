//! What a router logs when it is asked first, and of a handler that cannot be called.

use std::{
    io,
    sync::{Arc, Mutex},
    task::{Context, Waker},
};

use futures::FutureExt as _;
use http::Request;
use slotbus::{Body, Extension, Path, Router, handler, routes};
use tower::{Service as _, ServiceExt as _};
use tracing::Level;

/// What was logged, line by line.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `f` logs.
fn logged(level: Level, f: impl FnOnce()) -> Vec<String> {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(level).without_time().with_ansi(false);
    tracing::subscriber::with_default(subscriber.with_writer(move || writer.clone()).finish(), f);
    let bytes = log.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
}

fn ask_readiness(app: &mut Router) {
    let mut context = Context::from_waker(Waker::noop());
    assert!(tower::Service::<Request<Body>>::poll_ready(app, &mut context).is_ready());
}

/// The start page.
#[handler(GET, "/")]
async fn index() {}

#[handler(DELETE, "/users/{id}", timeout = "2s", on_disconnect = finish, body_limit = "1KiB")]
async fn remove(Path(_): Path<u32>) {}

/// Takes a file.
#[handler(POST, "/upload", body_limit = "10MiB")]
async fn upload(_: String) {}

#[test]
fn the_routes_are_logged_once_below_each_other_before_the_first_request() {
    let mut app: Router = Router::new().routes(routes![index, remove, upload]);
    let mut clone = app.clone();
    let lines = logged(Level::INFO, || ask_readiness(&mut app));
    let later = logged(Level::INFO, || {
        ask_readiness(&mut app);
        ask_readiness(&mut clone);
        drop(clone.call(Request::get("/").body(Body::empty()).unwrap()));
    });
    assert_eq!(later, [""; 0]);
    assert_eq!(
        lines,
        [
            " INFO slotbus::routing::announce: GET     /            framework::start::index   The start page.",
            " INFO slotbus::routing::announce: DELETE  /users/{id}  framework::start::remove  \
             [timeout 2s, body_limit 1024, on_disconnect finish]",
            " INFO slotbus::routing::announce: POST    /upload      framework::start::upload  \
             Takes a file.  [body_limit 10485760]",
        ]
    );
}

#[test]
fn a_router_that_is_called_without_being_asked_whether_it_is_ready_logs_too() {
    let lines = logged(Level::INFO, || {
        let mut app: Router = Router::new().routes(routes![index]);
        drop(app.call(Request::get("/").body(Body::empty()).unwrap()));
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
}

#[test]
fn an_argument_that_the_program_owes_is_logged_with_its_route() {
    #[handler(GET, "/users/{id}")]
    async fn user(_: Extension<u32>) {}
    let lines = logged(Level::ERROR, || {
        let app: Router = Router::new().nest("/v1", Router::new().routes(routes![user]));
        let answer = app.oneshot(Request::get("/v1/users/7").body(Body::empty()).unwrap()).now_or_never();
        assert_eq!(answer.unwrap().unwrap().status(), 500);
    });
    let [line] = <[String; 1]>::try_from(lines).unwrap();
    let why = "the request has no extension of type `u32`: is its layer missing?";
    assert!(line.contains("an argument of the handler cannot be made") && line.contains(why), "{line}");
    assert!(line.contains("route=\"/v1/users/{id}\""), "{line}");
}

#[test]
fn a_type_that_does_not_fit_the_pattern_below_a_prefix_is_logged_before_the_first_request() {
    #[handler(GET, "/users/{id}")]
    async fn pair(_: Path<(String, u32)>) {}
    // It is told, and not refused.
    #[handler(GET, "/list")]
    async fn list(_: Option<Path<u32>>) {}
    let below = |prefix: &str| {
        let mut app: Router = Router::new().nest(prefix, Router::new().routes(routes![index, pair, remove, list]));
        logged(Level::ERROR, || ask_readiness(&mut app))
    };
    let [line] = <[String; 1]>::try_from(below("/plain")).unwrap();
    let wrong = "takes 2 parameters, and `/plain/users/{id}` has 1: its `Path` is always refused";
    assert!(line.contains("::pair` (GET /users/{id}, ") && line.contains(wrong), "{line}");
    let [line] = <[String; 1]>::try_from(below("/t/{tenant}")).unwrap();
    assert!(line.contains("::remove` (") && line.contains("takes 1 parameters"), "{line}");
}
