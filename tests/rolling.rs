//! One worker process after another, under load.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use http::{Request, Response};
use rustix::process::Signal;
use slotbus::Body;
use slotbus::hub::Hub;
use support::process::{Process, role};
use support::{bytes, name, service};

const REPLACEMENTS: usize = 10;
const CALLERS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn replacing_the_worker_process_under_load_fails_no_request() {
    const TEST: &str = "replacing_the_worker_process_under_load_fails_no_request";
    if let Some(name) = role() {
        // Half of the requests are in hand for a while, so that there is something to drain.
        let echo = service(|request: Request<Body>| async move {
            if request.uri().path() == "/slow" {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            Response::new(request.into_body())
        });
        let serve = slotbus::serve(echo).name(name).with_graceful_shutdown(async {
            // The signal's handler stands from now on, and only then may anybody send one.
            let stopped = slotbus::shutdown_signal();
            println!("ready");
            stopped.await;
        });
        return serve.await.unwrap();
    }
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicU64::new(0));
    let mut worker = Process::start(TEST, &name);
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (hub, over, answered) = (hub.clone(), Arc::clone(&over), Arc::clone(&answered));
            tokio::spawn(async move {
                for n in 0u64.. {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    let path = if n % 2 == 0 { "/slow" } else { "/" };
                    let nonce = format!("{caller} {n}");
                    let response = hub.call(Request::post(path).body(Body::from(nonce.clone())).unwrap()).await;
                    let response = response.unwrap_or_else(|error| panic!("request {nonce} failed: {error}"));
                    assert_eq!(response.status(), 200, "request {nonce}");
                    assert_eq!(bytes(response).await, nonce);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..REPLACEMENTS {
        let next = Process::start(TEST, &name);
        let before = answered.load(Ordering::Relaxed);
        let former = std::mem::replace(&mut worker, next);
        former.signal(Signal::TERM);
        assert!(former.wait().success(), "it has answered what it had and ended by itself");
        // Some more, so that the next replacement meets traffic too.
        while answered.load(Ordering::Relaxed) < before + 50 * CALLERS as u64 {
            tokio::task::yield_now().await;
        }
    }
    over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    println!("{} requests over {REPLACEMENTS} replacements, 0 failed", answered.load(Ordering::Relaxed));
    worker.signal(Signal::TERM);
    assert!(worker.wait().success());
}
