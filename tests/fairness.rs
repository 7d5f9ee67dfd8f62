//! Callers that share one thread of an executor.

mod support;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use http::Response;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
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

/// Keeps this thread, and those that it starts, on one core.
fn stay_on_one_core() {
    let all = sched_getaffinity(None).unwrap();
    let mut one = CpuSet::new();
    one.set((0..CpuSet::MAX_CPU).find(|&core| all.is_set(core)).unwrap());
    sched_setaffinity(None, &one).unwrap();
}

/// Who was answered, in turn.
#[derive(Default)]
struct Turns {
    answers: [u32; 8],
    last: usize,
    row: u32,
    /// How often in a row one was answered while all had sent requests.
    longest: u32,
}

impl Turns {
    fn count(&mut self, caller: usize) {
        self.answers[caller] += 1;
        self.row = if self.last == caller && !self.answers.contains(&0) { self.row + 1 } else { 1 };
        (self.last, self.longest) = (caller, self.longest.max(self.row));
    }
}

/// The turns of callers that share a core with their worker, unknown to their hub. Keeps this thread there.
async fn turns_on_one_core() -> Turns {
    let name = name();
    // Made first: a hub that sees one core does not spin, and its callers park.
    let hub = Hub::builder(&name).create().unwrap();
    stay_on_one_core();
    let worker = Worker::start(&name, service(|_| async { Response::new(Body::empty()) }));
    hub.call(get_request("/")).await.unwrap();
    let turns = Arc::new(Mutex::new(Turns::default()));
    let callers = [0, 1, 2, 3, 4, 5, 6, 7].map(|caller| {
        let (hub, turns) = (hub.clone(), Arc::clone(&turns));
        tokio::spawn(async move {
            // Nobody goes on when one has enough.
            while turns.lock().unwrap().answers.iter().all(|&answers| answers < 2000) {
                assert_eq!(hub.call(get_request("/")).await.unwrap().status(), 200);
                turns.lock().unwrap().count(caller);
            }
        })
    });
    for caller in callers {
        caller.await.unwrap();
    }
    worker.stop().await;
    std::mem::take(&mut turns.lock().unwrap())
}

/// A worker that is woken on the core of its callers has run by the time they look.
#[test]
fn a_caller_whose_answers_are_there_at_once_leaves_their_turn_to_others() {
    // It looks at what other threads have woken after so many turns of its own tasks.
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().global_queue_interval(31).build();
    let Turns { answers, longest, .. } = executor.unwrap().block_on(turns_on_one_core());
    assert!(longest <= 64, "one had {longest} answers in a row: {answers:?}");
}
