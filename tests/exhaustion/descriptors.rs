//! No descriptor left: what needs a new object fails by name, what does not goes on.

use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use http::{Request, Response, StatusCode};
use slotbus::Body;
use slotbus::hub::{CallError, Hub, SlotState};
use tokio::sync::Semaphore;

use super::support::process::{play, role};
use super::support::{Worker, bytes, get_request, name, service};
use super::{echo_or_make, post, small_ones_succeed, whole};

/// Runs its arguments with 64 descriptors at most.
const FEW: [&str; 3] = ["sh", "-c", "ulimit -n 64; exec \"$0\" \"$@\""];

async fn play_with_few(test: &'static str) {
    let text = tokio::task::spawn_blocking(move || play(&FEW, test, "few")).await.unwrap();
    text.lines().filter(|line| line.contains("few: ")).for_each(|line| println!("{line}"));
}

/// Takes every descriptor that is left.
fn take_all() -> Vec<File> {
    let mut taken = Vec::new();
    loop {
        match File::open("/dev/null") {
            Ok(file) => taken.push(file),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
                return taken;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_descriptor_long_bodies_are_507_and_small_requests_go_on() {
    if role().is_none() {
        let test = "descriptors::without_a_descriptor_long_bodies_are_507_and_small_requests_go_on";
        return play_with_few(test).await;
    }
    let begin = Instant::now();
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::start(&name, echo_or_make());
    // The first answer shows that the worker has what it needs.
    small_ones_succeed(&hub).await;
    let taken = take_all();
    for _ in 0..10 {
        let error = hub.call(post("/echo", 200_000)).await.unwrap_err();
        assert!(matches!(error, CallError::NoRoom(_)) && error.status() == 507, "{error:?}");
        assert!(whole(&error).contains("Too many open files"), "{}", whole(&error));
        assert_eq!(hub.call(get_request("/200000")).await.unwrap().status(), StatusCode::INSUFFICIENT_STORAGE);
        small_ones_succeed(&hub).await;
    }
    let error = whole(&Hub::builder("another").create().unwrap_err());
    assert!(error.contains("Too many open files"), "{error}");
    drop(taken);
    assert_eq!(bytes(hub.call(post("/echo", 200_000)).await.unwrap()).await.len(), 200_000);
    println!("few: all outcomes in {:?}", begin.elapsed());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_request_that_its_worker_has_no_descriptor_for_is_answered_500() {
    if role().is_none() {
        let test = "descriptors::a_long_request_that_its_worker_has_no_descriptor_for_is_answered_500";
        return play_with_few(test).await;
    }
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let (started, finish) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let held = service({
        let (started, finish) = (Arc::clone(&started), Arc::clone(&finish));
        move |request: Request<Body>| {
            let (started, finish) = (Arc::clone(&started), Arc::clone(&finish));
            async move {
                started.add_permits(1);
                finish.acquire().await.unwrap().forget();
                Response::new(request.into_body())
            }
        }
    });
    let worker = Worker::with(&name, held, |serve| serve.concurrency_limit(1));
    let first = tokio::spawn(hub.call(get_request("/")));
    started.acquire().await.unwrap().forget();
    // Written while there are descriptors, read when there are none.
    let long = tokio::spawn(hub.call(post("/", 200_000)));
    while !hub.slots().contains(&SlotState::Ready) {
        tokio::task::yield_now().await;
    }
    let taken = take_all();
    finish.add_permits(1);
    assert_eq!(first.await.unwrap().unwrap().status(), 200);
    let response = long.await.unwrap().unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let problem = String::from_utf8(bytes(response).await.to_vec()).unwrap();
    assert!(problem.contains("could not be read"), "{problem}");
    drop(taken);
    finish.add_permits(1);
    assert_eq!(hub.call(post("/", 200_000)).await.unwrap().status(), 200);
    worker.stop().await;
}
