//! How a worker leaves a bus: pumps go home, what is in hand is answered, nothing is written afterwards.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use http::StatusCode;

use super::shared::Shared;
use crate::sync::Flag;

/// How long a detaching worker waits for a hub to read its last overflow objects.
const SETTLE: Duration = Duration::from_secs(1);
/// Stands for a time-out too long to add to the clock.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
/// How often who leaves looks whether it is to be quick.
pub(super) const LISTEN: Duration = Duration::from_millis(20);
/// Pumps get this long to come back from a handler when a shutdown waits for nothing.
const NOTICE: Duration = Duration::from_millis(100);

/// Ends the pumps, waits at most `patience` for requests in hand, answers 503 to the rest, and lets go of the bus.
///
/// `listen` waits as long as it is told and says whether to wait for requests no more.
pub(super) fn leave(
    pumps: Vec<JoinHandle<()>>,
    shared: &Shared,
    patience: Duration,
    mut listen: impl FnMut(Duration) -> bool,
) {
    let start = Instant::now();
    let deadline = start.checked_add(patience).unwrap_or_else(|| start + A_YEAR);
    let attachment = &shared.attachment;
    shared.stop.raise();
    shared.baton.close();
    shared.gauge.close();
    let give_up = deadline.max(start + NOTICE);
    // The holder of the baton may be parked on the bell or on its service's waker: it is woken wherever it is. A
    // ring may wake a worker in another process instead, which looks and parks again; so it is repeated, ever later.
    let mut pause = Duration::from_millis(1);
    let mut cut_short = false;
    while shared.baton.is_held() && !cut_short && Instant::now() < give_up {
        pumps.iter().for_each(|pump| pump.thread().unpark());
        attachment.ring_for_own();
        cut_short = listen(pause);
        pause = (pause * 2).min(LISTEN);
    }
    attachment.stand_aside();
    // What is in hand is answered by handlers on the executor and on the pumps themselves.
    while !cut_short && shared.gauge.in_hand() > 0 && Instant::now() < deadline {
        shared.gauge.wait_empty(deadline.min(Instant::now() + LISTEN));
        attachment.look_after_callers();
        // Nobody would read the answers of a bus that is gone.
        cut_short = listen(Duration::ZERO) || !attachment.bus().is_alive();
    }
    let notice = start + NOTICE;
    while pumps.iter().any(|pump| !pump.is_finished()) && Instant::now() < notice {
        listen(Duration::from_millis(1));
    }
    let left = attachment.leases();
    attachment.revoke(StatusCode::SERVICE_UNAVAILABLE);
    if left > 0 {
        tracing::warn!(bus = %attachment.bus().name(), requests = left, "what was still in hand was answered 503");
    }
    attachment.settle(SETTLE);
    let counts = attachment.counts();
    let (published, dropped, malformed) = (counts.published.get(), counts.dropped.get(), counts.malformed.get());
    tracing::info!(bus = %attachment.bus().name(), published, dropped, malformed, "detached");
    for pump in pumps {
        // A pump inside a handler cannot be ended from outside. It ends by itself after it, finds its lease
        // revoked, and touches nothing.
        if pump.is_finished() {
            let _ = pump.join();
        }
    }
}

/// A retired region that is being left, for as long as its hub waits for answers there.
#[derive(Debug)]
pub(super) struct Lingering {
    thread: JoinHandle<()>,
    hurry: Arc<Flag>,
}

impl Lingering {
    pub(super) fn start(pumps: Vec<JoinHandle<()>>, shared: Arc<Shared>) -> std::io::Result<Self> {
        let hurry = Arc::new(Flag::default());
        let (told, left) = (Arc::clone(&hurry), Arc::clone(&shared));
        let run = move || {
            leave(pumps, &shared, Duration::MAX, |pause| {
                thread::park_timeout(pause);
                told.is_raised()
            });
        };
        let thread = thread::Builder::new().name("slotbus-linger".to_owned()).spawn(run);
        // Without a thread nobody answers for what is in hand later, and the pumps end by themselves.
        let thread = thread.inspect_err(|_| {
            left.stop.raise();
            left.baton.close();
            left.gauge.close();
            left.attachment.revoke(StatusCode::SERVICE_UNAVAILABLE);
        })?;
        Ok(Self { thread, hurry })
    }

    pub(super) fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Answers 503 to what is in hand.
    pub(super) fn hurry(&self) {
        self.hurry.raise();
        self.thread.thread().unpark();
    }

    pub(super) fn join(self) {
        // A panic there is a bug of ours and was printed.
        let _ = self.thread.join();
    }
}
