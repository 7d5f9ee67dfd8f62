//! Callers that share one thread of an executor.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use http::Response;
use slotbus::Body;
use slotbus::hub::Hub;
use support::{Worker, get_request, name, service};

/// How many answers each of 32 callers on this thread has when all have `enough` or one has `most`, and how many turns another task.
async fn turns_of_32_callers(enough: u32, most: u32) -> (Vec<u32>, u32) {
    let name = name();
    let hub = Hub::builder(&name).create().unwrap();
    let worker = Worker::start(&name, service(|_| async { Response::new(Body::empty()) }));
    let (content, turns) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let bystander = tokio::spawn({
        let turns = Arc::clone(&turns);
        async move {
            loop {
                turns.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        }
    });
    let callers = [(); 32].map(|()| {
        let (hub, content) = (hub.clone(), Arc::clone(&content));
        tokio::spawn(async move {
            let mut answers = 0;
            while content.load(Ordering::SeqCst) < 32 {
                assert_eq!(hub.call(get_request("/")).await.unwrap().status(), 200);
                answers += 1;
                // The last of them counts for all: nobody goes on.
                let counts = if answers == most { 32 } else { u32::from(answers == enough) };
                content.fetch_add(counts, Ordering::SeqCst);
            }
            answers
        })
    });
    let answers = futures::future::join_all(callers).await.into_iter().map(Result::unwrap).collect();
    bystander.abort();
    worker.stop().await;
    (answers, turns.load(Ordering::SeqCst))
}

#[tokio::test]
async fn of_32_callers_on_one_thread_each_has_its_turn_and_so_have_other_tasks() {
    const ENOUGH: u32 = 300;
    // Where other processes keep both cores, callers park in turn and one may be ahead; one calm attempt is enough.
    for _ in 0..10 {
        let (answers, turns) = turns_of_32_callers(ENOUGH, 20 * ENOUGH).await;
        if turns >= 100 && answers.iter().all(|&answers| answers >= ENOUGH) {
            return;
        }
        println!("{answers:?} answers, {turns} turns of another task");
    }
    panic!("some callers starve others, or what else there is to do");
}
