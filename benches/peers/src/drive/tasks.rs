//! Tasks on a runtime of one thread, each with one call in flight.

use std::cell::RefCell;
use std::future::Future;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use super::ticks::AsyncTicks;
use super::{IDLE_WARM_UP, Meter, SETTLE, START_LIMIT, Sample, Tally, warm_up};
use crate::load::Pace;
use crate::process::Servers;

/// Sends one request at a time.
pub(crate) trait Caller: Send + 'static {
    /// Sends the request; whether the right answer came within [`LIMIT`](super::LIMIT).
    fn call(&mut self) -> impl Future<Output = bool> + Send;
}

thread_local! {
    /// What the callers of this thread found: one for all, since the counters of 32 do not fit into a core's first cache, which costs
    /// a caller as much as a part of its request does.
    static TALLY: RefCell<Tally> = RefCell::new(Tally::new());
}

/// The runtime that all of these clients are driven from: they share its thread.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime can be built")
}

/// Measures `pace` with one task for each caller, and gives the callers back.
pub(crate) async fn drive_tasks<C: Caller>(
    mut callers: Vec<C>,
    pace: Pace,
    length: Duration,
    servers: &Servers,
) -> (Sample, Vec<C>) {
    let start = Instant::now();
    while !callers[0].call().await {
        assert!(start.elapsed() < START_LIMIT, "the server answers nothing");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    match pace {
        Pace::InFlight(_) => {
            let (_, callers) = closed(callers, warm_up(length)).await;
            let meter = Meter::start(servers);
            let (tally, callers) = closed(callers, length).await;
            (meter.stop(&tally), callers)
        }
        Pace::Parked => {
            paced(&mut callers[0], warm_up(length)).await;
            let meter = Meter::start(servers);
            let tally = paced(&mut callers[0], length).await;
            (meter.stop(&tally), callers)
        }
        Pace::Idle => {
            for _ in 0..IDLE_WARM_UP {
                callers[0].call().await;
            }
            tokio::time::sleep(SETTLE).await;
            let meter = Meter::start(servers);
            tokio::time::sleep(length).await;
            (meter.stop(&Tally::new()), callers)
        }
    }
}

/// Every caller sends as soon as it has its answer.
async fn closed<C: Caller>(callers: Vec<C>, length: Duration) -> (Tally, Vec<C>) {
    TALLY.replace(Tally::new());
    let start = Instant::now();
    let task = |mut caller: C| async move {
        let mut now = Instant::now();
        while now - start < length {
            let is_answered = caller.call().await;
            let end = Instant::now();
            TALLY.with_borrow_mut(|tally| tally.count(now, end, is_answered));
            now = end;
            if is_answered {
                // As tokio's own resources do: a task whose calls never wait gives way now and then.
                tokio::task::coop::consume_budget().await;
            } else {
                tokio::task::yield_now().await;
            }
        }
        caller
    };
    let tasks: Vec<_> = callers.into_iter().map(|caller| tokio::spawn(task(caller))).collect();
    let mut callers = Vec::new();
    for task in tasks {
        callers.push(task.await.expect("a caller does not panic"));
    }
    (TALLY.replace(Tally::new()), callers)
}

/// One call each millisecond.
async fn paced<C: Caller>(caller: &mut C, length: Duration) -> Tally {
    let (mut tally, start, ticks) = (Tally::new(), Instant::now(), AsyncTicks::new());
    while start.elapsed() < length {
        ticks.next().await;
        let sent = Instant::now();
        let is_answered = caller.call().await;
        tally.count(sent, Instant::now(), is_answered);
    }
    tally
}
