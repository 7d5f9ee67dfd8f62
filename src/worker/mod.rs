//! Pumps: threads that wait for requests, claim one at a time, and see to its answer.
//!
//! ```text
//!   supervisor ── attaches, starts pumps, waits for stop or the hub's end, drains, attaches again
//!     pump ── takes the baton ─► service ready? room? ─► ring ─► claim ─► hands the baton on
//!                                                                  └► first poll here ─► answer
//!                                                                       └ pending: to the executor, with its lease
//! ```
//!
//! What stays true: at most one pump, the holder of the baton, waits on the bell; a claimed slot is in a lease until it
//! is answered; user code runs under `catch_unwind` and inside the executor's context. May use `bus` and `slot`; speaks
//! `Call` and `OutgoingReply`, and knows neither tokio nor http's request and response.

mod baton;
mod claim;
mod events;
mod flight;
mod leave;
mod pump;
mod shared;
mod supervise;
mod waiting_room;
mod watch;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

pub(crate) use self::supervise::{Worker, WorkerError};
pub(crate) use crate::bus::Access;
use crate::observe::{Observation, Watch, WorkerMeters};
use crate::protocol::{BusName, Call, CallError, Limits, OutgoingReply};
pub(crate) use crate::slot::TrustedPeers;

/// A failure of a service.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What pumps run: a tower service as the layer above presents it.
pub(crate) trait CallService: Clone + Send + 'static {
    /// A call in the service's own terms.
    type Request: Send + 'static;
    /// Resolves to the answer.
    type Future: Future<Output = OutgoingReply> + Send + 'static;

    /// Makes a request of a call, if it is one, and puts it in its place, from which `call` takes it: requests are long, and stay
    /// where they were made. What the call holds is taken out of it.
    fn request(&self, call: &mut Call, place: &mut Option<Self::Request>) -> Result<(), CallError>;

    /// Begins to observe a request, so that whoever chooses its route can tell which.
    fn observe(request: &mut Self::Request, watch: Watch, meters: &WorkerMeters, sent_at: Option<u64>) -> Observation;

    /// Whether a request may be run.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>>;

    /// Runs the request in `place`; `poll_ready` has said yes before.
    ///
    /// # Panics
    /// When there is none.
    fn call(&mut self, place: &mut Option<Self::Request>) -> Self::Future;

    /// The answer to a request that met `error` of the service.
    fn error(request: &Self::Request, error: BoxError) -> OutgoingReply;
}

/// A future that answers its request when it ends.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where unfinished futures go.
pub(crate) trait Executor: Send + Sync + 'static {
    /// Runs `task` to its end. A task that is dropped instead answers its request 500.
    fn spawn(&self, task: Task);

    /// Makes this the context of the calling thread until the guard is dropped.
    fn enter(&self) -> Box<dyn ContextGuard + '_>;
}

/// Keeps an executor's context entered.
pub(crate) trait ContextGuard {}

impl<T> ContextGuard for T {}

/// How a worker works.
#[derive(Debug, Clone)]
pub(crate) struct WorkerOptions {
    pub(crate) name: BusName,
    /// Threads that claim.
    pub(crate) pumps: usize,
    /// The most requests in hand at once; `None` for as many as there are slots.
    pub(crate) concurrency: Option<usize>,
    /// How long a pump spins before it parks.
    pub(crate) spin: Duration,
    /// How long to wait for the hub's region; `None` for ever.
    pub(crate) connect_timeout: Option<Duration>,
    /// How long a shutdown waits for requests in hand.
    pub(crate) drain_timeout: Duration,
    /// What is accepted, and how much memory bodies take.
    pub(crate) limits: Limits,
    /// Whose buses are believed.
    pub(crate) access: Access,
    /// Long request bodies are lent instead of copied.
    pub(crate) trust: Option<TrustedPeers>,
    /// The process that keeps this one running, with which it ends.
    pub(crate) kept_by: Option<u32>,
}
