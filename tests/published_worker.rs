//! What becomes of a hub of this crate whose published worker loses a slot.

mod support;

use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::Duration;

use http::Response;
use slotbus::Body;
use slotbus::hub::{Hub, SlotState};
use support::{Worker, bytes, get_request, name, service};

/// Bytes of an answer's body: many of them fit into what a region has for all answers of published workers, and then heads alone.
const LEN: usize = 10_000;
/// Callers at a time.
const CALLERS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_a_published_worker_never_answers_costs_no_other_call_and_in_the_end_the_region_is_retired() {
    let name = name();
    let hub = Hub::builder(&name).slots(16).create().unwrap();
    let region = {
        let name = name.clone();
        move || std::fs::metadata(format!("/dev/shm/slotbus-{name}")).map(|file| file.ino()).ok()
    };
    let config = published01::SlotBusConfig::builder().name(&name).build();
    let worker = Arc::new(published01::SlotWorker::open(config).unwrap());
    let receiving = Arc::clone(&worker).start_receive_loop(|worker, slot, request| {
        if request.path != "/lost" {
            worker.send_response(slot, 200, vec![7; LEN], "text/plain", Vec::new()).unwrap();
        }
    });
    let lost = tokio::spawn(hub.call(get_request("/lost")));
    while !hub.slots().contains(&SlotState::Claimed) {
        tokio::task::yield_now().await;
    }
    lost.abort();

    // Nobody serves the next region until a worker of this crate comes for it.
    let first = region();
    let next = tokio::spawn({
        let name = name.clone();
        async move {
            while region() == first {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Worker::start(&name, service(|_| async { Response::new(Body::from("the next one")) }))
        }
    });
    let calling = || {
        let hub = hub.clone();
        tokio::spawn(async move {
            for answered in 0.. {
                match bytes(hub.call(get_request("/")).await.unwrap()).await {
                    body if body == "the next one" => return answered,
                    body => assert_eq!(body, vec![7; LEN]),
                }
            }
            unreachable!("it goes on until there is a next region")
        })
    };
    let callers: Vec<_> = (0..CALLERS).map(|_| calling()).collect();
    let mut answered = 0;
    for caller in callers {
        answered += caller.await.unwrap();
    }
    println!("{answered} calls were answered beside the lost one");
    assert!(answered > 100, "only {answered} calls were answered beside the lost one");
    worker.stop();
    receiving.join().unwrap();
    next.await.unwrap().stop().await;
}
