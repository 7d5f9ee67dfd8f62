//! A hundred thousand requests that end in every way a request can: no slot is lost over any of them.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::{Request, Response};
use slotbus::hub::{CallError, Hub, SlotState};
use slotbus::{Body, Deadline};
use support::{Worker, bytes, name, service};

const REQUESTS: u64 = 100_000;
const IN_FLIGHT: u64 = 64;

/// How many requests ended how.
#[derive(Debug, Default)]
struct Ends {
    answered: AtomicU64,
    panicked: AtomicU64,
    timed_out: AtomicU64,
    given_up: AtomicU64,
}

/// What a handler is asked to do; the rest of the path is a number of its own.
const WAYS: [&str; 8] = ["echo", "yield", "panic", "panic-later", "slow", "slower", "stuck", "long"];

fn handler()
-> impl tower::Service<Request<Body>, Response = Response<Body>, Error = std::convert::Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    service(|request: Request<Body>| async move {
        let path = request.uri().path().to_owned();
        match path.split('/').nth(1).unwrap() {
            "panic" => panic!("as asked"),
            "panic-later" => {
                tokio::task::yield_now().await;
                panic!("as asked, later");
            }
            "yield" => tokio::task::yield_now().await,
            "slow" => tokio::time::sleep(Duration::from_micros(300)).await,
            "slower" => tokio::time::sleep(Duration::from_millis(3)).await,
            "stuck" => std::future::pending().await,
            "long" => return Response::new(Body::from(path.repeat(12_000))),
            _ => {}
        }
        Response::new(Body::from(path))
    })
}

/// Sends one request, and ends it in a way that follows from its number.
async fn one(hub: &Hub, number: u64, ends: &Ends) {
    // Neighbouring numbers have nothing in common.
    let dice = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    // One in eight sits until somebody ends it, so few are asked to.
    let way = match WAYS[(dice % 8) as usize] {
        "stuck" if !(dice / 8).is_multiple_of(16) => "echo",
        "long" if !(dice / 8).is_multiple_of(16) => "yield",
        way => way,
    };
    let path = format!("/{way}/{number}");
    let mut request = Request::post(&path).body(Body::from("x".repeat((dice % 300) as usize))).unwrap();
    if (dice / 256).is_multiple_of(4) || way == "stuck" {
        let patience = Duration::from_micros(200 + dice / 1024 % 3000);
        request.extensions_mut().insert(Deadline(Instant::now() + patience));
    }
    let call = hub.call(request);
    // One in four gives up, some before they are sent.
    let given_up = match dice / 4096 % 16 {
        0 => {
            drop(call);
            None
        }
        1..4 => tokio::time::timeout(Duration::from_micros(dice / 65536 % 2000), call).await.ok(),
        _ => Some(call.await),
    };
    let counter = match given_up {
        None => &ends.given_up,
        Some(Err(CallError::TimedOut(_) | CallError::Unclaimed(_))) => &ends.timed_out,
        Some(Err(error)) => panic!("{path}: {error}"),
        Some(Ok(response)) => match response.status().as_u16() {
            200 => {
                let body = bytes(response).await;
                let whole = if way == "long" { path.repeat(12_000) } else { path.clone() };
                assert!(body == whole, "{path} was answered {:?}", &body[..body.len().min(60)]);
                &ends.answered
            }
            500 if way.starts_with("panic") => &ends.panicked,
            504 => &ends.timed_out,
            status => panic!("{path} was answered {status}"),
        },
    };
    counter.fetch_add(1, Ordering::Relaxed);
}

async fn all_slots_are_free(hub: &Hub) {
    while hub.slots().iter().any(|&slot| slot != SlotState::Free) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Panics that are asked for are not worth a line each.
fn keep_quiet() {
    let loud = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let asked_for = panic.payload().downcast_ref::<&str>().is_some_and(|text| text.starts_with("as asked"));
        if !asked_for {
            loud(panic);
        }
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_handlers_that_panic_at_once_cost_no_slot() {
    keep_quiet();
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::start(&name, handler());
    for way in ["panic", "panic-later"] {
        let calls = (0..32).map(|n| hub.call(support::get_request(&format!("/{way}/{n}"))));
        for answer in futures::future::join_all(calls).await {
            assert_eq!(answer.unwrap().status(), 500);
        }
        all_slots_are_free(&hub).await;
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_requests_that_end_in_every_way_cost_no_slot() {
    keep_quiet();
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::start(&name, handler());
    let (next, ends) = (Arc::new(AtomicU64::new(0)), Arc::new(Ends::default()));
    let callers: Vec<_> = (0..IN_FLIGHT)
        .map(|_| {
            let (hub, next, ends) = (hub.clone(), Arc::clone(&next), Arc::clone(&ends));
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= REQUESTS {
                        return;
                    }
                    one(&hub, number, &ends).await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    println!("{ends:?}");
    all_slots_are_free(&hub).await;
    // Every slot works: as many at once as there are.
    let calls = (0..32).map(|n| hub.call(support::get_request(&format!("/yield/{n}"))));
    for (n, answer) in futures::future::join_all(calls).await.into_iter().enumerate() {
        assert_eq!(bytes(answer.unwrap()).await, format!("/yield/{n}"));
    }
    worker.stop().await;
}
