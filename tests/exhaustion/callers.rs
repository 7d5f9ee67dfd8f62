//! More callers than anybody expected.

use std::time::{Duration, Instant};

use http::{Request, Response, StatusCode};
use slotbus::Body;
use slotbus::hub::{CallError, Hub, SlotState};

use super::post;
use super::support::process::{play, role};
use super::support::{Worker, bytes, name, service};

/// The most memory that this process had so far, in KiB.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_callers_of_a_slow_worker_all_end_with_an_answer_or_a_time_out() {
    const CALLERS: usize = 10_000;
    if role().is_none() {
        let test = "callers::ten_thousand_callers_of_a_slow_worker_all_end_with_an_answer_or_a_time_out";
        let text = tokio::task::spawn_blocking(move || play(&[], test, "many")).await.unwrap();
        return text.lines().filter(|line| line.contains("many: ")).for_each(|line| println!("{line}"));
    }
    let name = name();
    let hub = Hub::builder(&name).timeout(Duration::from_secs(2)).create().unwrap();
    let slow = service(|request: Request<Body>| async move {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Response::new(request.into_body())
    });
    let worker = Worker::start(&name, slow);
    assert_eq!(hub.call(post("/", 1)).await.unwrap().status(), 200);
    let (begin, before) = (Instant::now(), most_memory());
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let hub = hub.clone();
            tokio::spawn(async move {
                let body = caller.to_le_bytes().repeat(128);
                let request = Request::post("/").body(Body::from(body.clone())).unwrap();
                match hub.call(request).await {
                    // The worker ends a handler at the deadline too, and may be the first to say so.
                    Ok(response) if response.status() == StatusCode::GATEWAY_TIMEOUT => false,
                    Ok(response) => {
                        assert_eq!(response.status(), 200);
                        assert!(bytes(response).await == body, "the answer of another caller");
                        true
                    }
                    Err(error) => {
                        assert!(matches!(error, CallError::TimedOut(_) | CallError::Unclaimed(_)), "{error:?}");
                        assert_eq!(error.status(), StatusCode::GATEWAY_TIMEOUT);
                        false
                    }
                }
            })
        })
        .collect();
    let (mut answered, mut timed_out) = (0, 0);
    for caller in callers {
        *(if caller.await.unwrap() { &mut answered } else { &mut timed_out }) += 1;
    }
    let after = most_memory();
    println!(
        "many: {CALLERS} callers, 32 slots: {answered} answered, {timed_out} timed out in {:?}; \
         VmHWM {before} KiB before, {after} KiB after",
        begin.elapsed()
    );
    assert_eq!(answered + timed_out, CALLERS);
    // A caller takes a task, its request and a place in a queue: 16 KiB are many times that.
    assert!(after - before < CALLERS as u64 * 16, "{} KiB more", after - before);
    while hub.slots().iter().any(|&slot| slot != SlotState::Free) {
        tokio::task::yield_now().await;
    }
    assert_eq!(hub.call(post("/", 1)).await.unwrap().status(), 200);
    worker.stop().await;
}
