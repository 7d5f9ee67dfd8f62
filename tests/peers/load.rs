//! Sends a plan's requests through a hub and checks every answer.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::echo::{Answer, Ask};
use crate::plan::{Phase, Plan};
use crate::report::Report;

/// What became of a request.
pub(crate) enum Outcome {
    Answered(Answer),
    /// Nobody answered; why, as far as the hub knows.
    Lost(String),
}

/// A hub, ours or a published one.
pub(crate) trait Caller: Send + Sync + 'static {
    /// Sends `ask` under `id` and waits for the answer, at most `give_up`.
    fn call(&self, id: Uuid, ask: &Ask, give_up: Duration) -> impl Future<Output = Outcome> + Send;

    /// A phase begins: nothing is in flight.
    fn begin(&self) {}

    /// A phase ended: nothing is in flight.
    fn end(&self) {}

    /// How many dispatches of this phase were refused by the hub itself and repeated.
    fn refused(&self) -> u64 {
        0
    }

    /// Whether an answer saying so tells that the hub removed an overflow object too early.
    fn is_failed_open(&self, _answer: &Answer) -> bool {
        false
    }

    /// Whether request `id` of this phase was lost or wrongly answered because the hub gave its bytes to another one.
    fn shared_heap(&self, _id: Uuid, _lost: bool) -> bool {
        false
    }
}

/// Waits until a worker answers. Not counted.
pub(crate) fn warm_up<C: Caller>(caller: &C, give_up: Duration) {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let ask = Ask::new(u64::MAX, 0, 0);
        while let Outcome::Lost(_) = caller.call(Uuid::new_v4(), &ask, give_up).await {}
    });
}

/// Runs all phases of a plan.
pub(crate) fn run<C: Caller>(caller: &Arc<C>, plan: Plan, collapsed: bool) -> Report {
    let mut report = Report::default();
    let mut first = 0;
    for phase in plan.phases {
        caller.begin();
        report.add(run_phase(caller, plan, phase, first, collapsed));
        caller.end();
        first += plan.requests(phase);
    }
    report
}

/// A request whose answer was not what it should be.
struct Suspect {
    id: Uuid,
    lost: bool,
    failed_open: bool,
    complaint: String,
}

/// What the tasks of a phase share.
struct Progress {
    next: AtomicU64,
    lost: AtomicU64,
    start: Instant,
}

fn run_phase<C: Caller>(caller: &Arc<C>, plan: Plan, phase: &'static Phase, first: u64, collapsed: bool) -> Report {
    let mut builder = if phase.threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    let runtime = builder.worker_threads(phase.threads).enable_time().build().expect("a runtime");
    let progress = Arc::new(Progress { next: AtomicU64::new(0), lost: AtomicU64::new(0), start: Instant::now() });
    let suspects: Vec<Suspect> = runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..phase.in_flight {
            let (caller, progress) = (Arc::clone(caller), Arc::clone(&progress));
            tasks.spawn_on(
                async move { one_at_a_time(&*caller, &plan, phase, first, &progress, collapsed).await },
                runtime.handle(),
            );
        }
        tasks.join_all().await.into_iter().flatten().collect()
    });
    let Progress { next, start, .. } = &*progress;
    let requests = next.load(Ordering::Relaxed).min(plan.requests(phase));
    let seconds = start.elapsed().as_secs_f64();
    let mut report = Report { requests, seconds, refused: caller.refused(), ..Report::default() };
    for suspect in suspects {
        let counter = match suspect {
            Suspect { failed_open: true, .. } => &mut report.failed_open,
            Suspect { id, lost, .. } if caller.shared_heap(id, lost) => &mut report.shared_heap,
            Suspect { lost: true, .. } => &mut report.lost,
            _ => &mut report.wrong,
        };
        *counter += 1;
        report.complain(&format!("{} in flight, {} threads: {}", phase.in_flight, phase.threads, suspect.complaint));
    }
    report
}

async fn one_at_a_time<C: Caller>(
    caller: &C,
    plan: &Plan,
    phase: &Phase,
    first: u64,
    progress: &Progress,
    collapsed: bool,
) -> Vec<Suspect> {
    let mut suspects = Vec::new();
    let Progress { next, lost, start } = progress;
    let goes_on = || lost.load(Ordering::Relaxed) < plan.most_lost && start.elapsed() < plan.longest_phase;
    while goes_on() {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= plan.requests(phase) {
            break;
        }
        // Seven methods and a number of bodies that 7 does not divide: every method meets every body.
        let (body, answer) = phase.bodies[number as usize % phase.bodies.len()];
        let ask = Ask::new(first + number, body, answer);
        let id = Uuid::new_v4();
        let suspect = match caller.call(id, &ask, plan.give_up).await {
            Outcome::Answered(answer) => {
                let failed_open = caller.is_failed_open(&answer);
                let complaint = ask.check(&answer, collapsed).err();
                complaint.map(|complaint| Suspect { id, lost: false, failed_open, complaint })
            }
            Outcome::Lost(why) => {
                lost.fetch_add(1, Ordering::Relaxed);
                let complaint = format!("{} {} was lost: {why}", ask.method, ask.path);
                Some(Suspect { id, lost: true, failed_open: false, complaint })
            }
        };
        suspects.extend(suspect);
    }
    suspects
}
