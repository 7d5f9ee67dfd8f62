//! The life of a worker: attach, pump, drain, and attach again when the hub has gone.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use futures::channel::oneshot;

use super::events::{Event, Inbox, Life, Stop, Teller, inbox};
use super::flight::panic_message;
use super::leave::{LISTEN, Lingering, leave};
use super::pump::{Pump, PumpEnd};
use super::shared::Shared;
use super::watch::Watch;
use super::{BoxError, CallService, Executor, WorkerOptions};
use crate::bus::{Bus, BusError, Lookout, Standing, Stir, end_with_parent};
use crate::protocol::BusName;
use crate::slot::Attachment;

/// First and longest pause between two looks for the hub's region.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(200));
/// A header that makes no sense is believed when it still makes none after this time: a published hub may be writing it.
const SECOND_LOOK: Duration = Duration::from_millis(10);
/// Why a worker ended without being told to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkerError {
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error("no hub made bus {name} within {waited:?}")]
    NoHub { name: BusName, waited: Duration },
    #[error("the service failed three times in a row")]
    Service(#[source] BoxError),
    #[error("the service cannot be cloned: {0}")]
    Clone(String),
    #[error("no event descriptor is to be had")]
    Alarm(#[source] std::io::Error),
    #[error("a thread could not be started")]
    Thread(#[source] std::io::Error),
}

/// A running worker. Dropped, it stops at once: requests in hand are answered 503.
pub(crate) struct Worker {
    teller: Teller,
    supervisor: Option<JoinHandle<()>>,
    done: oneshot::Receiver<Result<(), WorkerError>>,
}

impl Worker {
    /// Starts a worker on threads of its own.
    pub(crate) fn start<S: CallService>(
        options: WorkerOptions,
        service: S,
        executor: Arc<dyn Executor>,
    ) -> Result<Self, WorkerError> {
        let (teller, inbox) = inbox().map_err(WorkerError::Alarm)?;
        let (finished, done) = oneshot::channel();
        let name = format!("slotbus-{}", options.name.name());
        let supervisor = thread::Builder::new().name(name).spawn({
            let teller = teller.clone();
            move || {
                let supervisor = Supervisor {
                    options,
                    service,
                    executor,
                    teller,
                    inbox,
                    hurry: Cell::new(false),
                    told: Cell::new(None),
                };
                let _ = finished.send(supervisor.run());
            }
        });
        Ok(Self { teller, supervisor: Some(supervisor.map_err(WorkerError::Thread)?), done })
    }

    /// Stops claiming and answers what is in hand, for as long as the drain time-out allows.
    pub(crate) fn drain(&self) {
        self.teller.tell(Event::Stop(Stop::Drain));
    }

    /// Resolves when the worker has ended.
    pub(crate) fn done(&mut self) -> &mut oneshot::Receiver<Result<(), WorkerError>> {
        &mut self.done
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let Self { teller, supervisor, done: _ } = self;
        teller.tell(Event::Stop(Stop::Now));
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
    teller: Teller,
    inbox: Inbox,
    /// It was told to stop without waiting for what is in hand.
    hurry: Cell<bool>,
    /// When it was first told to stop: the drain time-out counts from there.
    told: Cell<Option<Instant>>,
}

/// How the pumping on one attachment ended.
enum Ended {
    Stopped,
    BusGone,
    /// The hub has another region; what is in hand is still to be answered here.
    Retired(Vec<JoinHandle<()>>, Arc<Shared>),
}

impl<S: CallService> Supervisor<S> {
    fn run(self) -> Result<(), WorkerError> {
        if let Some(parent) = self.options.kept_by {
            end_with_parent(parent);
        }
        let mut lingering = Vec::new();
        let result = self.serve(&mut lingering);
        self.wait_for(lingering);
        result
    }

    /// Serves one life of the bus after another; what a retired one leaves unfinished is lingering.
    fn serve(&self, lingering: &mut Vec<Lingering>) -> Result<(), WorkerError> {
        let mut patience = self.options.connect_timeout;
        let mut life = Life(0);
        while let Some(bus) = self.attach(patience, life.0 > 0)? {
            // Only the first hub is waited for with a limit: one that went away may take its time to come back.
            patience = None;
            life.0 += 1;
            let geometry = bus.region().geometry();
            let (slots, version) = (geometry.num_slots(), geometry.version().number());
            tracing::info!(bus = %bus.name(), slots, version, extension = geometry.extension().is_some(), "attached");
            let attachment = Arc::new(Attachment::new(bus, self.options.limits, self.options.trust));
            match self.pump(life, attachment)? {
                Ended::Stopped => return Ok(()),
                Ended::Retired(pumps, shared) => {
                    tracing::info!(bus = %self.options.name, "the hub has retired the region for another");
                    lingering.retain(|one| !one.is_over());
                    lingering.push(Lingering::start(pumps, shared).map_err(WorkerError::Thread)?);
                }
                Ended::BusGone => tracing::info!(bus = %self.options.name, "the hub has gone"),
            }
        }
        Ok(())
    }

    /// Waits for the hub's bus and opens it; `None` when told to stop.
    ///
    /// What cannot be opened ends a worker that has just started, since somebody must look at it. One that `has_served` waits:
    /// the name was good, and the next hub makes it so again.
    fn attach(&self, patience: Option<Duration>, has_served: bool) -> Result<Option<Bus>, WorkerError> {
        let start = Instant::now();
        let lookout = Lookout::for_names().ok();
        let (first, longest) = BACK_OFF;
        let mut pause = first;
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
                Err(error) if has_served => error,
                Err(error) => return Err(error.into()),
            };
            doubted = false;
            let left = patience.map(|patience| patience.saturating_sub(start.elapsed()));
            if let (Some(waited), Some(Duration::ZERO)) = (patience, left) {
                return Err(WorkerError::NoHub { name: self.options.name.clone(), waited });
            }
            if !std::mem::replace(&mut logged, true) {
                tracing::info!(bus = %self.options.name, "waiting for a hub: {error}");
            }
            let wait = left.map_or(pause, |left| left.min(pause));
            match self.inbox.wait(lookout.as_ref(), Some(wait)) {
                Stir::Hint => pause = first,
                Stir::Rung | Stir::Late => pause = (pause * 2).min(longest),
            }
            while let Some(event) = self.inbox.take() {
                if let Event::Stop(stop) = event {
                    self.note(stop);
                    return Ok(None);
                }
            }
        }
    }

    /// Pumps on one attachment until told to stop, or until a pump found a reason that ends them all.
    fn pump(&self, life: Life, attachment: Arc<Attachment>) -> Result<Ended, WorkerError> {
        let shared = Arc::new(Shared::new(
            attachment,
            Arc::clone(&self.executor),
            Arc::clone(self.inbox.alarm()),
            &self.options,
        ));
        let mut pumps = self.start_pumps(life, &shared)?;
        let mut watch = Watch::over(&shared);
        let (patience, end) = loop {
            let Some(event) = self.inbox.take() else {
                let stir = self.inbox.wait(watch.lookout(), watch.patience());
                match watch.look(stir) {
                    Standing::Live => continue,
                    Standing::Draining => return Ok(Ended::Retired(pumps, Arc::clone(&shared))),
                    // Nobody would read the answers of a bus that is gone.
                    Standing::Gone => break (Duration::ZERO, Some(PumpEnd::BusGone)),
                }
            };
            match event {
                Event::Stop(stop) => {
                    self.note(stop);
                    let patience = if stop == Stop::Now { Duration::ZERO } else { self.options.drain_timeout };
                    break (patience, None);
                }
                Event::Ended(of, _) if of != life => {}
                Event::Ended(_, PumpEnd::BusGone) if shared.attachment.bus().standing() == Standing::Draining => {
                    return Ok(Ended::Retired(pumps, Arc::clone(&shared)));
                }
                Event::Ended(_, PumpEnd::BusGone) => break (Duration::ZERO, Some(PumpEnd::BusGone)),
                // A pump that was lost is replaced, or a worker would go on with fewer and in the end with none.
                Event::Ended(_, PumpEnd::Panicked) => {
                    tracing::error!(bus = %self.options.name, "a pump panicked and is replaced");
                    pumps.retain(|pump| !pump.is_finished());
                    match self.start_pump(life, &shared) {
                        Ok(pump) => pumps.push(pump),
                        Err(error) => {
                            self.leave(pumps, &shared, Duration::ZERO);
                            return Err(error);
                        }
                    }
                }
                Event::Ended(_, end) => break (self.options.drain_timeout, Some(end)),
            }
        };
        let stopped_meanwhile = self.leave(pumps, &shared, patience);
        match end {
            Some(PumpEnd::Service(error)) => Err(WorkerError::Service(error)),
            Some(PumpEnd::BusGone) if !stopped_meanwhile => Ok(Ended::BusGone),
            _ => Ok(Ended::Stopped),
        }
    }

    fn start_pumps(&self, life: Life, shared: &Arc<Shared>) -> Result<Vec<JoinHandle<()>>, WorkerError> {
        let mut pumps = Vec::new();
        while pumps.len() < self.options.pumps {
            match self.start_pump(life, shared) {
                Ok(pump) => pumps.push(pump),
                Err(error) => {
                    self.leave(pumps, shared, Duration::ZERO);
                    return Err(error);
                }
            }
        }
        Ok(pumps)
    }

    fn start_pump(&self, life: Life, shared: &Arc<Shared>) -> Result<JoinHandle<()>, WorkerError> {
        // Foreign code: a panic of it is the service's failure and not the end of this thread, whom the pumps count on.
        let template = catch_unwind(AssertUnwindSafe(|| self.service.clone()))
            .map_err(|panic| WorkerError::Clone(panic_message(&*panic).to_owned()))?;
        let (shared, teller) = (Arc::clone(shared), self.teller.clone());
        let thread = thread::Builder::new().name("slotbus-pump".to_owned()).spawn(move || {
            let pump = AssertUnwindSafe(|| Pump::new(shared, template).run());
            let end = catch_unwind(pump).unwrap_or(PumpEnd::Panicked);
            teller.tell(Event::Ended(life, end));
        });
        thread.map_err(WorkerError::Thread)
    }

    /// Leaves the bus at once for whoever is told to stop; true when it was told so meanwhile.
    fn leave(&self, pumps: Vec<JoinHandle<()>>, shared: &Arc<Shared>, patience: Duration) -> bool {
        let mut told = false;
        leave(pumps, shared, patience, |pause| {
            told |= self.listen(pause);
            told && self.hurry.get()
        });
        told
    }

    fn note(&self, stop: Stop) {
        self.hurry.set(self.hurry.get() || stop == Stop::Now);
        self.told.set(self.told.get().or_else(|| Some(Instant::now())));
    }

    /// Waits for `pause`; whether it was told to stop meanwhile.
    fn listen(&self, pause: Duration) -> bool {
        self.inbox.wait(None, Some(pause));
        let mut told = false;
        while let Some(event) = self.inbox.take() {
            if let Event::Stop(stop) = event {
                self.note(stop);
                told = true;
            }
        }
        told
    }

    /// Waits until nothing is left of retired regions, at most for the drain time-out.
    fn wait_for(&self, lingering: Vec<Lingering>) {
        let deadline = self.told.get().unwrap_or_else(Instant::now).checked_add(self.options.drain_timeout);
        while lingering.iter().any(|one| !one.is_over()) {
            let late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            self.listen(LISTEN);
            if self.hurry.get() || late {
                lingering.iter().for_each(Lingering::hurry);
            }
        }
        lingering.into_iter().for_each(Lingering::join);
    }
}
