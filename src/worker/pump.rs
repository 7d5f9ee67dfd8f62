//! One pump: a thread that claims a request, polls it once, and goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use http::StatusCode;

use super::baton::Handover;
use super::claim::claim;
use super::flight::{Flight, InHand, log_panicked_drop, panic_message};
use super::shared::Shared;
use super::{BoxError, CallService};
use crate::bus::LIFE_CHECK;
use crate::observe::Watch;
use crate::protocol::{CallError, OutgoingReply};
use crate::slot::{ClaimedSlot, ScanCursor};
use crate::sync::unpark_waker;

/// A first poll longer than this makes the next pump take over at once.
const SLOW: Duration = Duration::from_micros(100);
/// Errors of `poll_ready` in a row that end the worker.
const READY_ERRORS_UNTIL_END: u64 = 3;

/// Why a pump ended.
#[derive(Debug)]
pub(super) enum PumpEnd {
    /// It was told to.
    Stopped,
    /// The bus it was attached to is gone.
    BusGone,
    /// The service failed.
    Service(BoxError),
    /// Foreign code panicked where nothing catches it, for example in `Clone`.
    Panicked,
}

/// One pump's own things.
pub(super) struct Pump<S: CallService> {
    shared: Arc<Shared>,
    /// What a service is cloned from that replaces a broken one.
    template: S,
    service: S,
    /// The request that was claimed last, until the service is called with it.
    request: Option<S::Request>,
    cursor: ScanCursor,
    /// The last flight, which is used again if it ended at its first poll.
    flight: Option<Pin<Box<Flight<S::Future>>>>,
    /// Unparks this pump; made when it runs.
    waker: Waker,
}

/// A request that this pump has claimed, with its place among those in hand.
struct Claimed {
    lease: ClaimedSlot,
    in_hand: InHand,
    /// What the service said when the request was there.
    readiness: Poll<Result<(), BoxError>>,
}

/// Why the service is not called.
enum TurnedAway {
    /// It is no request.
    Fault(CallError),
    /// A published hub asks whether anybody is there.
    Ping,
    /// The published hub's worker has too much in hand.
    Full,
}

impl<S: CallService> Pump<S> {
    pub(super) fn new(shared: Arc<Shared>, template: S) -> Self {
        let (service, cursor, waker) = (template.clone(), ScanCursor::default(), Waker::noop().clone());
        Self { shared, template, service, request: None, cursor, flight: None, waker }
    }

    /// Pumps until the worker stops, its bus is gone or its service fails.
    pub(super) fn run(mut self) -> PumpEnd {
        let shared = Arc::clone(&self.shared);
        let _context = shared.executor.enter();
        self.waker = unpark_waker();
        while let Some(baton) = shared.baton.take() {
            if baton.was_overdue() {
                shared.slow.raise();
            }
            let next = self.next(&shared);
            let slow = next.is_err() || shared.slow.is_raised();
            baton.give_up(if slow { Handover::Now } else { Handover::Later });
            match next {
                Ok(claimed) => {
                    if let Err(error) = self.serve(claimed) {
                        return PumpEnd::Service(error);
                    }
                }
                Err(end) => return end,
            }
        }
        PumpEnd::Stopped
    }

    /// Waits, as the holder of the baton, for room, for the service and for a request, and claims it.
    fn next(&mut self, shared: &Shared) -> Result<Claimed, PumpEnd> {
        let published = shared.attachment.is_published_hub();
        loop {
            if shared.stop.is_raised() {
                return Err(PumpEnd::Stopped);
            }
            // A service that is not ready, or a worker that is full, leaves requests READY for another worker. A
            // published hub would take that for death, since its pings look like any request: there we claim.
            if !published && !self.wait_for_room()? {
                continue;
            }
            match self.poll_ready() {
                Poll::Ready(Ok(())) => {}
                // It is asked again, as another clone, when there is a request to tell it to.
                Poll::Ready(Err(error)) => {
                    self.service = self.template.clone();
                    tracing::debug!(bus = %shared.attachment.bus().name(), "the service is not ready: {error}");
                }
                Poll::Pending if published => {}
                Poll::Pending => {
                    self.park_until_woken()?;
                    continue;
                }
            }
            let Self { service, template, cursor, .. } = self;
            // What a service has reserved for a request, as a place in a limit that others share, is not kept while none comes.
            if let Some(lease) = claim(shared, cursor, || *service = template.clone())? {
                // Counted before the baton goes on, so that the next holder sees it.
                let in_hand = shared.gauge.enter();
                // Once more: what was said before may have been long ago, and some services decide by it what becomes of the request.
                // Before the next holder asks, who may get what this request is to have.
                let readiness = self.poll_ready();
                return Ok(Claimed { lease, in_hand, readiness });
            }
        }
    }

    /// Waits until another request may be in hand; false when the wait was ended for another reason.
    fn wait_for_room(&self) -> Result<bool, PumpEnd> {
        let Shared { gauge, concurrency, attachment, .. } = &*self.shared;
        if gauge.in_hand() < *concurrency {
            return Ok(true);
        }
        attachment.stand_aside();
        if gauge.wait_for_room(*concurrency, Instant::now() + LIFE_CHECK) {
            return Ok(true);
        }
        if attachment.bus().is_alive() { Ok(false) } else { Err(PumpEnd::BusGone) }
    }

    fn poll_ready(&mut self) -> Poll<Result<(), BoxError>> {
        let Self { service, waker, .. } = self;
        match catch_unwind(AssertUnwindSafe(|| service.poll_ready(&mut Context::from_waker(waker)))) {
            Ok(ready) => ready,
            Err(panic) => {
                self.service = self.template.clone();
                Poll::Ready(Err(format!("poll_ready panicked: {}", panic_message(&*panic)).into()))
            }
        }
    }

    /// Parks until the service's waker, or a shutdown, unparks this thread. `poll_ready` is asked again in any case.
    fn park_until_woken(&self) -> Result<(), PumpEnd> {
        self.shared.attachment.stand_aside();
        std::thread::park_timeout(LIFE_CHECK);
        if self.shared.attachment.bus().is_alive() { Ok(()) } else { Err(PumpEnd::BusGone) }
    }

    /// Sees to one claimed request; an error ends the worker.
    fn serve(&mut self, Claimed { mut lease, in_hand, readiness }: Claimed) -> Result<(), BoxError> {
        if let Err(why) = self.screen(&mut lease) {
            self.turn_away(lease, why);
            return Ok(());
        }
        match readiness {
            Poll::Ready(Ok(())) => {
                if self.shared.ready_errors.get() != 0 {
                    self.shared.ready_errors.set(0);
                }
                self.start(lease, in_hand);
            }
            Poll::Pending => self.start_when_ready(lease, in_hand),
            Poll::Ready(Err(error)) => return self.fail(lease, error),
        }
        Ok(())
    }

    /// Reads the request and puts it in its place; an error says what is to be answered without the service.
    fn screen(&mut self, lease: &mut ClaimedSlot) -> Result<(), TurnedAway> {
        let Shared { attachment, gauge, concurrency, .. } = &*self.shared;
        // Before a long body is copied.
        let watch = Watch::begin().map(|watch| (watch, lease.sent_at()));
        let mut read = lease.read();
        let Ok(call) = &mut read else { return Err(TurnedAway::Fault(read.unwrap_err())) };
        if call.is_ping() {
            return Err(TurnedAway::Ping);
        }
        // A request counts as in hand a moment longer than its slot is claimed; a quick caller is not to pay for that.
        let full = || gauge.in_hand() > *concurrency && attachment.claimed() > *concurrency;
        if attachment.is_published_hub() && full() {
            return Err(TurnedAway::Full);
        }
        self.service.request(call, &mut self.request).map_err(TurnedAway::Fault)?;
        if let (Some((watch, sent_at)), Some(request)) = (watch, &mut self.request) {
            lease.tell(S::observe(request, watch, attachment.meters(), sent_at));
        }
        Ok(())
    }

    /// Answers a request that the service is not called for.
    #[cold]
    fn turn_away(&mut self, lease: ClaimedSlot, why: TurnedAway) {
        match why {
            TurnedAway::Fault(error) => lease.refuse(&error),
            TurnedAway::Ping => drop(lease.answer(OutgoingReply::bare(StatusCode::OK))),
            TurnedAway::Full => {
                let detail = format!("the worker has {} requests in hand", self.shared.concurrency);
                lease.problem(StatusCode::SERVICE_UNAVAILABLE, &detail);
            }
        }
        // The service was asked whether it is ready and is not called: what it has reserved goes with this clone.
        self.service = self.template.clone();
    }

    /// Calls the service and polls its future once, here; what is not done then goes to the executor.
    fn start(&mut self, lease: ClaimedSlot, in_hand: InHand) {
        // A handler that keeps the baton lying is noticed by the deputy; only whether handlers are quick again is measured.
        let start = self.shared.slow.is_raised().then(Instant::now);
        let mut flight = self.flight.take().unwrap_or_else(Flight::empty);
        if flight.as_mut().begin(lease, in_hand, || self.service.call(&mut self.request)) {
            self.flight = self.launch(flight);
        } else {
            self.service = self.template.clone();
        }
        if start.is_some_and(|start| start.elapsed() <= SLOW) {
            self.shared.slow.lower();
        }
    }

    /// Waits for the service on the executor: the request is claimed, because its hub must not wait or the service has changed its mind.
    fn start_when_ready(&mut self, lease: ClaimedSlot, in_hand: InHand) {
        let mut request = self.request.take();
        let mut service = std::mem::replace(&mut self.service, self.template.clone());
        let future = async move {
            let future = match std::future::poll_fn(|cx| service.poll_ready(cx)).await {
                Ok(()) => service.call(&mut request),
                Err(error) => return S::error(&request.expect("it was screened"), error),
            };
            // Its place is not kept while it runs.
            drop(request);
            future.await
        };
        let mut flight = Flight::empty();
        if flight.as_mut().begin(lease, in_hand, || future) {
            self.launch(flight);
        }
    }

    /// Polls a flight once; the flight, if it has ended.
    fn launch<F>(&self, mut flight: Pin<Box<Flight<F>>>) -> Option<Pin<Box<Flight<F>>>>
    where
        F: Future<Output = OutgoingReply> + Send + 'static,
    {
        // No wake-up can get lost: the executor polls again, and that poll registers its own waker.
        let mut context = Context::from_waker(Waker::noop());
        let ended = catch_unwind(AssertUnwindSafe(|| {
            if flight.as_mut().poll(&mut context).is_pending() {
                self.shared.has_unfinished();
                self.shared.executor.spawn(flight);
                return None;
            }
            flight.as_mut().clear();
            Some(flight)
        }));
        ended.unwrap_or_else(|panic| {
            // The request is answered, by the lease if not by the handler; what panicked was a drop or the executor.
            log_panicked_drop(&*panic);
            None
        })
    }

    /// Answers the request that met an error of `poll_ready` and replaces this clone of the service.
    fn fail(&mut self, lease: ClaimedSlot, error: BoxError) -> Result<(), BoxError> {
        let before = self.shared.ready_errors.next();
        self.service = self.template.clone();
        if before + 1 >= READY_ERRORS_UNTIL_END {
            let detail = format!("the service failed {READY_ERRORS_UNTIL_END} times in a row");
            lease.problem(StatusCode::INTERNAL_SERVER_ERROR, &detail);
            return Err(error);
        }
        lease.answer(S::error(&self.request.take().expect("it was screened"), error));
        Ok(())
    }
}
