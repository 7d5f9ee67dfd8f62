//! What happens when something is used up: a heap, an arena, the slots, `/dev/shm`, descriptors. Every request ends with a
//! fitting answer or error, nothing is killed by a signal, and what was short is enough again afterwards.
//!
//! Times and memory are printed with `--nocapture`; nothing is proven by a time.

#[path = "../support/mod.rs"]
mod support;

mod callers;
mod descriptors;
mod full;
mod memory;

use std::error::Error;
use std::time::Duration;

use http::{Request, Response};
use slotbus::Body;
use slotbus::hub::Hub;
use support::{bytes, service};

/// When a test gives up; nothing is proven by it.
const GIVE_UP: Duration = Duration::from_secs(60);

/// An error with its causes, in one line.
fn whole(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn post(path: &str, len: usize) -> Request<Body> {
    Request::post(path).body(Body::from(vec![7; len])).unwrap()
}

/// Answers `/echo` with the request's body, and any number as a path with so many bytes.
fn echo_or_make()
-> impl tower::Service<Request<Body>, Response = Response<Body>, Error = std::convert::Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    service(|request: Request<Body>| async move {
        match request.uri().path()[1..].parse() {
            Ok(len) => Response::new(Body::from(vec![9; len])),
            Err(_) => Response::new(request.into_body()),
        }
    })
}

/// Expects small requests to be answered as ever, each of many slots in its turn.
async fn small_ones_succeed(hub: &Hub) {
    for _ in 0..50 {
        assert_eq!(bytes(hub.call(post("/echo", 100)).await.unwrap()).await.len(), 100);
    }
}
