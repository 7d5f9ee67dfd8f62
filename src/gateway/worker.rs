//! The workers of one name: their bus, and whether any of them lives.

use std::fmt;
use std::time::Duration;

use futures::future::{Either, select};
use http::{Request, Response};
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::body::{Body, BoxError};
use crate::control::PING_PATH;
use crate::hub::{CallError, Hub, RetryIdempotent, Route, Sent, SlotState};
use crate::sync::{Counter, Flag};

/// How long a worker has for the answer to a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a request that waits for an answer looks whether there is anybody to give it.
const LOOK: Duration = Duration::from_millis(500);

/// The workers of one name, which share its bus.
pub(super) struct Worker {
    hub: Hub,
    /// A worker of this crate was seen to hold its lock. Then its absence is proof.
    proves: Flag,
    /// How many requests were answered, pings included.
    answered: Counter,
    /// How often other processes took the place of those that were here.
    generation: Counter,
}

/// Why a request was not answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    #[error(transparent)]
    Call(#[from] CallError),
    /// Its worker has gone and none has come for a second. Nobody has seen the request.
    #[error("no worker of {0} is attached")]
    NoWorker(String),
    /// The same, and who has gone had claimed the request.
    #[error("the worker of {0} that had the request is gone, and no other has come")]
    Left(String),
}

impl Worker {
    pub(super) fn new(hub: Hub) -> Self {
        Self { hub, proves: Flag::default(), answered: Counter::default(), generation: Counter::default() }
    }

    /// The name that workers register.
    pub(super) fn name(&self) -> &str {
        self.hub.name().name()
    }

    /// The region, as workers are told it.
    pub(super) fn region(&self) -> String {
        self.hub.name().to_string()
    }

    /// Closes the bus; for threads that may block.
    pub(super) fn close(&self) {
        self.hub.close();
    }

    /// Whether its bus is no more.
    pub(super) fn is_closed(&self) -> bool {
        self.hub.is_closed()
    }

    /// Whether a worker of this crate is attached.
    pub(super) fn is_attached(&self) -> bool {
        let attached = self.hub.has_workers();
        if attached {
            self.proves.raise();
        }
        attached
    }

    /// Whether nobody is there to answer: the workers were of this crate, and none is left, or the bus is no more.
    pub(super) fn has_gone(&self) -> bool {
        self.is_closed() || !self.is_attached() && self.proves.is_raised()
    }

    /// Another worker has registered. Where nobody holds a lock it takes the place of who was there, and that those have gone says
    /// nothing of it.
    pub(super) fn expects_another(&self) {
        if !self.is_attached() {
            self.proves.lower();
            self.generation.add(1);
        }
    }

    /// Says, by being another one, that the processes are others.
    pub(super) fn generation(&self) -> u64 {
        self.generation.get()
    }

    /// How many requests were answered so far.
    pub(super) fn answered(&self) -> u64 {
        self.answered.get()
    }

    /// Whether the bus serves whoever comes next: somebody answers there, or no slot of it is kept by who may be dead.
    pub(super) async fn is_worth_keeping(&self) -> bool {
        // One that is busy may not come to the ping in time, and answers others meanwhile.
        let before = self.answered();
        !self.is_closed()
            && (self.is_attached() || self.is_unused() || self.answers_a_ping().await || self.answered() != before)
    }

    fn is_unused(&self) -> bool {
        self.hub.slots().iter().all(|slot| *slot == SlotState::Free)
    }

    /// Whether a worker answers a ping, whatever it says.
    pub(super) async fn answers_a_ping(&self) -> bool {
        let mut ping = Request::new(Body::empty());
        *ping.uri_mut() = http::Uri::from_static(PING_PATH);
        ping.extensions_mut().insert(Route { pattern: PING_PATH.to_owned(), params: Vec::new() });
        let answered = tokio::time::timeout(PING_TIMEOUT, self.hub.call(ping)).await;
        let answered = matches!(answered, Ok(Ok(_)));
        if answered {
            self.answered.add(1);
        }
        answered
    }

    /// Sends a request; again at most `retries` times when its worker died over it and it may be carried out twice.
    pub(super) async fn call<B>(
        &self,
        request: Request<B>,
        retries: usize,
        timeout: Duration,
    ) -> Result<Response<Body>, Unanswered>
    where
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let sent = Sent::default();
        let calling = async {
            if retries == 0 {
                return self.hub.call_noting(request, sent.clone()).await;
            }
            let send = service_fn(|request: Request<Body>| self.hub.call_noting(request, sent.clone()));
            let service = ServiceBuilder::new().retry(RetryIdempotent::times(retries)).service(send);
            // All attempts have the time of one.
            let calling = service.oneshot(request.map(Body::new));
            tokio::time::timeout(timeout, calling).await.unwrap_or(Err(CallError::TimedOut(timeout)))
        };
        let answered = {
            let calling = std::pin::pin!(calling);
            match select(calling, std::pin::pin!(self.nobody())).await {
                Either::Left((answered, _)) => Some(answered),
                // Dropped here, it takes back what nobody has claimed.
                Either::Right(((), _)) => None,
            }
        };
        let name = || self.name().to_owned();
        let answered = answered.ok_or_else(|| match sent.is_seen() {
            true => Unanswered::Left(name()),
            false => Unanswered::NoWorker(name()),
        })?;
        match &answered {
            Ok(_) => {
                self.answered.add(1);
                // Whoever has answered is still there to be seen, or was no worker of this crate, whose absence proves nothing.
                if !self.is_attached() {
                    self.proves.lower();
                }
            }
            // Only the death of a worker of this crate is ever known.
            Err(CallError::WorkerDied) => self.proves.raise(),
            Err(_) => {}
        }
        // Nobody has seen the last attempt; one before it somebody has.
        Ok(answered.map_err(|error| match error {
            CallError::Closed if sent.is_seen() => CallError::Interrupted,
            CallError::Unclaimed(after) if sent.is_seen() => CallError::TimedOut(after),
            error => error,
        })?)
    }

    /// Ends when it is proven that nobody has been there to answer for a second.
    async fn nobody(&self) {
        let mut missed = 0;
        while missed < 2 {
            tokio::time::sleep(LOOK).await;
            missed = if self.has_gone() { missed + 1 } else { 0 };
        }
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("bus", self.hub.name()).finish_non_exhaustive()
    }
}
