//! What `slotbus::testing` promises to other people's tests.
#![cfg(feature = "macros")]

mod bus;
mod client;
mod faults;
mod gate;
mod processes;

use std::task::{Context, Poll};

use http::{Request, Response};
use slotbus::{Body, Deadline, Path, RequestId, Router, handler, routes};

#[handler(GET, "/hello/{name}")]
async fn hello(Path(name): Path<String>) -> String {
    format!("hello, {name}")
}

#[handler(POST, "/echo")]
async fn echo(body: bytes::Bytes) -> bytes::Bytes {
    body
}

#[handler(GET, "/id")]
async fn id(id: RequestId) -> String {
    id.to_string()
}

#[handler(GET, "/left")]
async fn left(deadline: Deadline) -> String {
    deadline.remaining().as_secs().to_string()
}

/// Never ends.
#[handler(GET, "/forever")]
async fn forever() {
    std::future::pending().await
}

#[handler(GET, "/panics")]
async fn panics() {
    panic!("on purpose")
}

/// Answers with the headers of the request.
#[handler(GET, "/headers")]
async fn headers(headers: http::HeaderMap) -> (http::HeaderMap, &'static str) {
    (headers, "")
}

fn app() -> Router {
    Router::new().routes(routes![hello, echo, id, left, forever, panics, headers])
}

/// What a panic of `f` says.
fn panic_of<T>(f: impl FnOnce() -> T) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).map(drop).expect_err("it should panic");
    panic.downcast_ref::<String>().cloned().or_else(|| Some((*panic.downcast_ref::<&str>()?).to_owned())).unwrap()
}

/// How many objects in `/dev/shm` belong to the bus of this name.
fn objects(name: &str) -> usize {
    let objects = std::fs::read_dir("/dev/shm").unwrap().flatten();
    objects.filter(|object| object.file_name().to_string_lossy().contains(name)).count()
}

/// A body too long for a slot.
fn long() -> Body {
    Body::from(vec![7; 200_000])
}

/// Never ready.
#[derive(Clone)]
struct Unready;

impl tower::Service<Request<Body>> for Unready {
    type Response = Response<Body>;
    type Error = std::io::Error;
    type Future = std::future::Ready<Result<Response<Body>, std::io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), std::io::Error>> {
        Poll::Ready(Err(std::io::Error::other("disk on fire")))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        unreachable!("it is never ready")
    }
}
