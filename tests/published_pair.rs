//! The published pair under the same blows as this crate, for comparison: what becomes of callers and slots when a worker or a
//! handler dies. It prints what it finds, and asserts only what this crate does.

mod support;

use std::sync::Arc;
use std::time::Duration;

use slotbus::Body;
use slotbus::hub::{CallError, Hub, SlotState};
use support::process::{Process, role, wait_to_be_killed};
use support::{Worker, get_request, name, service};

/// Requests that are in hand when their worker is killed, and handlers that panic.
const BLOWS: usize = 4;
/// How long callers are given to learn of it.
const PATIENCE: Duration = Duration::from_secs(1);

/// What became of the blows of one pair: callers without any end after [`PATIENCE`], and slots that are not free then.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    hanging: usize,
    slots_lost: usize,
}

macro_rules! published_pair {
    ($worker:ident, $blow:ident, $published:ident) => {
        /// A worker whose handlers never answer, or panic.
        fn $worker(name: &str) -> ! {
            let config = $published::SlotBusConfig::builder().name(name).build();
            let worker = Arc::new($published::SlotWorker::open(config).unwrap());
            worker.start_receive_loop(|_, _, request| {
                // The published loop runs handlers on its own thread, so a real one spawns, and there a panic ends the task.
                std::thread::spawn(move || assert!(!request.path.contains("panic"), "as asked"));
            });
            wait_to_be_killed();
        }

        async fn $blow(test: &str, path: &str, kill: bool) -> Outcome {
            let name = name();
            let hub = $published::SlotBus::create($published::SlotBusConfig::builder().name(&name).build()).unwrap();
            hub.start_response_watcher();
            let worker = Process::start(test, &format!("{} {name}", stringify!($published)));
            let meta = || $published::types::RequestMeta {
                path: path.to_owned(),
                route_pattern: path.to_owned(),
                path_params: Vec::new(),
                query: None,
                headers: Vec::new(),
            };
            let send = |_| hub.dispatch(&uuid::Uuid::new_v4().to_string(), "GET", &meta(), b"").unwrap();
            let calls: Vec<_> = (0..BLOWS).map(send).collect();
            let taken = |word: u32| hub.slot_diagnostics().iter().filter(|(_, status)| *status == word).count();
            while taken(slotbus::types::SLOT_CLAIMED) < BLOWS {
                tokio::task::yield_now().await;
            }
            if kill {
                worker.kill();
            }
            let ends = calls.into_iter().map(|call| tokio::time::timeout(PATIENCE, call));
            let hanging = futures::future::join_all(ends).await.iter().filter(|end| end.is_err()).count();
            let slots_lost = taken(slotbus::types::SLOT_CLAIMED);
            hub.stop();
            Outcome { hanging, slots_lost }
        }
    };
}

published_pair!(worker_0_1_2, blow_0_1_2, published01);
published_pair!(worker_0_2_1, blow_0_2_1, published02);

async fn a_blow_to_ours(test: &str, path: &str, kill: bool) -> Outcome {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Process::start(test, &format!("ours {name}"));
    let calls: Vec<_> = (0..BLOWS).map(|_| tokio::spawn(hub.call(get_request(path)))).collect();
    if kill {
        while hub.slots().iter().filter(|&&slot| slot == SlotState::Claimed).count() < BLOWS {
            tokio::task::yield_now().await;
        }
        worker.kill();
    }
    let mut hanging = 0;
    for call in calls {
        match tokio::time::timeout(Duration::from_secs(20), call).await {
            Ok(ended) => match ended.unwrap() {
                Ok(response) => assert_eq!(response.status(), 500),
                Err(error) => assert!(kill && matches!(error, CallError::WorkerDied), "{error}"),
            },
            Err(_) => hanging += 1,
        }
    }
    Outcome { hanging, slots_lost: hub.slots().iter().filter(|&&slot| slot != SlotState::Free).count() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_worker_and_a_panic_cost_our_callers_an_error_and_no_slot_unlike_those_of_the_published_pair() {
    const TEST: &str =
        "a_dead_worker_and_a_panic_cost_our_callers_an_error_and_no_slot_unlike_those_of_the_published_pair";
    if let Some(role) = role() {
        match role.split_once(' ').unwrap() {
            ("published01", name) => worker_0_1_2(name),
            ("published02", name) => worker_0_2_1(name),
            (_, name) => {
                let _worker = Worker::start(
                    name,
                    service(|request| async move {
                        assert!(!request.uri().path().contains("panic"), "as asked");
                        std::future::pending::<http::Response<Body>>().await
                    }),
                );
                wait_to_be_killed();
            }
        }
    }
    for (what, path, kill) in [("a worker killed with", "/stuck", true), ("handlers that panic,", "/panic", false)] {
        let published = [blow_0_1_2(TEST, path, kill).await, blow_0_2_1(TEST, path, kill).await];
        let ours = a_blow_to_ours(TEST, path, kill).await;
        println!(
            "{what} {BLOWS} requests, after {PATIENCE:?}: 0.1.2 {:?}, 0.2.1 {:?}, ours {ours:?}",
            published[0], published[1]
        );
        assert_eq!(ours, Outcome { hanging: 0, slots_lost: 0 });
    }
}
