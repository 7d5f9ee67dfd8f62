//! The life of a worker: attach, pump, drain, and attach again when the hub has gone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use http::StatusCode;

use super::pump::{Pump, PumpEnd, Shared};
use super::{BoxError, CallService, Executor, WorkerOptions};
use crate::bus::{Bus, BusError};
use crate::protocol::BusName;
use crate::slot::Attachment;

/// First and longest pause between two looks for the hub's region.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(500));
/// A header that makes no sense is believed when it still makes none after this time: a published hub may be writing it.
const SECOND_LOOK: Duration = Duration::from_millis(10);
/// How long a detaching worker waits for a hub to read its last overflow objects.
const SETTLE: Duration = Duration::from_secs(1);
/// Stands for a drain time-out too long to add to the clock.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
/// How often a drain looks whether it is to end at once.
const LISTEN: Duration = Duration::from_millis(20);
/// Pumps get this long to come back from a handler when a shutdown waits for nothing.
const NOTICE: Duration = Duration::from_millis(100);

/// Why a worker ended without being told to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkerError {
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error("no hub made bus {name} within {waited:?}")]
    NoHub { name: BusName, waited: Duration },
    #[error("the service failed three times in a row")]
    Service(#[source] BoxError),
    #[error("a thread could not be started")]
    Thread(#[source] std::io::Error),
}

/// A running worker. Dropped, it stops at once: requests in hand are answered 503.
pub(crate) struct Worker {
    events: Sender<Event>,
    supervisor: Option<JoinHandle<()>>,
    done: oneshot::Receiver<Result<(), WorkerError>>,
}

/// What a supervisor waits for.
enum Event {
    Stop(Stop),
    /// A pump of this life ended by itself.
    Ended(Life, PumpEnd),
}

/// How a worker is told to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stop {
    /// Answer what is in hand, for as long as the drain time-out allows.
    Drain,
    /// Answer 503 to what is in hand.
    Now,
}

/// Which attachment of a worker is meant: a pump stuck in a handler may outlive its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Life(u64);

impl Worker {
    /// Starts a worker on threads of its own.
    pub(crate) fn start<S: CallService>(
        options: WorkerOptions,
        service: S,
        executor: Arc<dyn Executor>,
    ) -> Result<Self, WorkerError> {
        let (events, received) = channel();
        let (finished, done) = oneshot::channel();
        let name = format!("slotbus-{}", options.name.name());
        let supervisor = thread::Builder::new().name(name).spawn({
            let events = events.clone();
            move || {
                let supervisor = Supervisor { options, service, executor, events, received };
                let _ = finished.send(supervisor.run());
            }
        });
        Ok(Self { events, supervisor: Some(supervisor.map_err(WorkerError::Thread)?), done })
    }

    /// Stops claiming and answers what is in hand, for as long as the drain time-out allows.
    pub(crate) fn drain(&self) {
        // A supervisor that has ended needs no telling.
        let _ = self.events.send(Event::Stop(Stop::Drain));
    }

    /// Resolves when the worker has ended.
    pub(crate) fn done(&mut self) -> &mut oneshot::Receiver<Result<(), WorkerError>> {
        &mut self.done
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let Self { events, supervisor, done: _ } = self;
        let _ = events.send(Event::Stop(Stop::Now));
        if let Some(supervisor) = supervisor.take() {
            // It catches nothing: a panic there is a bug of ours and was printed.
            let _ = supervisor.join();
        }
    }
}

struct Supervisor<S> {
    options: WorkerOptions,
    service: S,
    executor: Arc<dyn Executor>,
    /// Cloned for pumps.
    events: Sender<Event>,
    received: Receiver<Event>,
}

/// How the pumping on one attachment ended.
enum Ended {
    Stopped,
    BusGone,
}

impl<S: CallService> Supervisor<S> {
    fn run(self) -> Result<(), WorkerError> {
        let mut patience = self.options.connect_timeout;
        let mut life = Life(0);
        while let Some(bus) = self.attach(patience)? {
            // Only the first hub is waited for with a limit: one that went away may take its time to come back.
            patience = None;
            life.0 += 1;
            let geometry = bus.region().geometry();
            let (slots, version) = (geometry.num_slots(), geometry.version().number());
            tracing::info!(bus = %bus.name(), slots, version, extension = geometry.extension().is_some(), "attached");
            let attachment = Arc::new(Attachment::new(bus, self.options.limits, self.options.trust));
            match self.pump(life, attachment)? {
                Ended::Stopped => return Ok(()),
                Ended::BusGone => tracing::info!(bus = %self.options.name, "the hub has gone"),
            }
        }
        Ok(())
    }

    /// Waits for the hub's bus and opens it; `None` when told to stop.
    fn attach(&self, patience: Option<Duration>) -> Result<Option<Bus>, WorkerError> {
        let start = Instant::now();
        let (mut pause, longest) = BACK_OFF;
        let mut logged = false;
        let mut doubted = false;
        loop {
            let error = match Bus::attach(&self.options.name, self.options.access) {
                Ok(bus) => return Ok(Some(bus)),
                Err(error) if error.is_not_yet() => error,
                Err(error) if error.is_bad_header() && !std::mem::replace(&mut doubted, true) => {
                    thread::sleep(SECOND_LOOK);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            doubted = false;
            let left = patience.map(|patience| patience.saturating_sub(start.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(WorkerError::NoHub { name: self.options.name.clone(), waited: start.elapsed() });
            }
            if !std::mem::replace(&mut logged, true) {
                tracing::info!(bus = %self.options.name, "waiting for a hub: {error}");
            }
            match self.received.recv_timeout(left.map_or(pause, |left| left.min(pause))) {
                Ok(Event::Stop(_)) | Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Ok(Event::Ended(..)) => {}
                Err(RecvTimeoutError::Timeout) => pause = (pause * 2).min(longest),
            }
        }
    }

    /// Pumps on one attachment until told to stop, or until a pump found a reason that ends them all.
    fn pump(&self, life: Life, attachment: Arc<Attachment>) -> Result<Ended, WorkerError> {
        let shared = Arc::new(Shared::new(attachment, Arc::clone(&self.executor), &self.options));
        let mut pumps = self.start_pumps(life, &shared)?;
        let (patience, end) = loop {
            match self.received.recv() {
                Ok(Event::Stop(Stop::Drain)) => break (self.options.drain_timeout, None),
                Ok(Event::Stop(Stop::Now)) | Err(_) => break (Duration::ZERO, None),
                // Nobody would read the answers of a bus that is gone.
                Ok(Event::Ended(of, PumpEnd::BusGone)) if of == life => break (Duration::ZERO, Some(PumpEnd::BusGone)),
                // A pump that was lost is replaced, or a worker would go on with fewer and in the end with none.
                Ok(Event::Ended(of, PumpEnd::Panicked)) if of == life => {
                    tracing::error!(bus = %self.options.name, "a pump panicked and is replaced");
                    pumps.retain(|pump| !pump.is_finished());
                    pumps.push(self.start_pump(life, &shared)?);
                }
                Ok(Event::Ended(of, end)) if of == life => break (self.options.drain_timeout, Some(end)),
                Ok(Event::Ended(..)) => {}
            }
        };
        let stopped_meanwhile = self.stop_pumps(pumps, &shared, patience);
        match end {
            Some(PumpEnd::Service(error)) => Err(WorkerError::Service(error)),
            Some(PumpEnd::BusGone) if !stopped_meanwhile => Ok(Ended::BusGone),
            _ => Ok(Ended::Stopped),
        }
    }

    fn start_pumps(&self, life: Life, shared: &Arc<Shared>) -> Result<Vec<JoinHandle<()>>, WorkerError> {
        let mut pumps = Vec::with_capacity(self.options.pumps);
        while pumps.len() < self.options.pumps {
            match self.start_pump(life, shared) {
                Ok(pump) => pumps.push(pump),
                Err(error) => {
                    self.stop_pumps(pumps, shared, Duration::ZERO);
                    return Err(error);
                }
            }
        }
        Ok(pumps)
    }

    fn start_pump(&self, life: Life, shared: &Arc<Shared>) -> Result<JoinHandle<()>, WorkerError> {
        let pump = Pump::new(Arc::clone(shared), self.service.clone());
        let events = self.events.clone();
        let thread = thread::Builder::new().name("slotbus-pump".to_owned()).spawn(move || {
            let end = catch_unwind(AssertUnwindSafe(|| pump.run())).unwrap_or(PumpEnd::Panicked);
            let _ = events.send(Event::Ended(life, end));
        });
        thread.map_err(WorkerError::Thread)
    }

    /// Ends the pumps, waits at most `patience` for requests in hand, answers 503 to the rest, and lets go of the bus.
    /// True when it was told to stop meanwhile.
    fn stop_pumps(&self, pumps: Vec<JoinHandle<()>>, shared: &Arc<Shared>, patience: Duration) -> bool {
        let start = Instant::now();
        let deadline = start.checked_add(patience).unwrap_or_else(|| start + A_YEAR);
        let attachment = &shared.attachment;
        shared.stop.raise();
        shared.baton.close();
        shared.gauge.close();
        let give_up = deadline.max(start + NOTICE);
        let mut told = None;
        let mut listen = |patience: Duration| {
            if let Ok(Event::Stop(stop)) = self.received.recv_timeout(patience) {
                told = Some(stop);
            }
            told == Some(Stop::Now)
        };
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
        // What is in hand is answered by handlers on the executor and on the pumps themselves.
        while !cut_short && shared.gauge.in_hand() > 0 && Instant::now() < deadline {
            shared.gauge.wait_empty(deadline.min(Instant::now() + LISTEN));
            cut_short = listen(Duration::ZERO);
        }
        let notice = start + NOTICE;
        while pumps.iter().any(|pump| !pump.is_finished()) && Instant::now() < notice {
            listen(Duration::from_millis(1));
        }
        let left = attachment.leases();
        attachment.revoke(StatusCode::SERVICE_UNAVAILABLE);
        if left > 0 {
            tracing::warn!(bus = %attachment.bus().name(), "{left} requests were still in hand and were answered 503");
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
        told.is_some()
    }
}
