//! One request, from its claim to its answer.

use std::cell::LazyCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use tracing::field::Empty;
use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};
use tracing::span::Entered;
use tracing::{Level, Span};

use super::metered::{METERED, RequestMeter, WorkerMeters};
use super::trace_context::TraceIds;
use crate::protocol::RequestId;
use crate::signal::monotonic_nanos;

/// Somebody wants to know of a request that was just claimed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watch {
    /// Nanoseconds of CLOCK_MONOTONIC.
    claimed_at: u64,
}

/// A request as it is first seen.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) id: Option<RequestId>,
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a HeaderMap,
}

/// Whether a span at DEBUG may be listened to.
#[inline]
fn is_listened_to() -> bool {
    Level::DEBUG <= STATIC_MAX_LEVEL && Level::DEBUG <= LevelFilter::current()
}

impl Watch {
    /// Looks at the clock, if anybody wants to know.
    #[inline]
    pub(crate) fn begin() -> Option<Self> {
        (METERED || is_listened_to()).then(|| Self { claimed_at: monotonic_nanos() })
    }

    /// Begins the span and the measuring. `sent_at` is when the request was READY, in nanoseconds of CLOCK_MONOTONIC.
    ///
    /// Cold: the way past it is the one to keep short.
    #[cold]
    pub(crate) fn observe(self, meters: &WorkerMeters, sent_at: Option<u64>, subject: &Subject<'_>) -> Observation {
        let Self { claimed_at } = self;
        // The hub's word is not trusted to lie in the past.
        let queued = sent_at.map(|sent_at| Duration::from_nanos(claimed_at.saturating_sub(sent_at)));
        let span = span(subject, queued);
        if !METERED && span.is_disabled() {
            return Observation::default();
        }
        let meter = meters.request(subject.method, queued);
        Observation(Some(Arc::new(Observed { span, claimed_at, meter })))
    }
}

/// The span of a request. Names are those of OpenTelemetry's semantic conventions for HTTP, where they have one.
fn span(subject: &Subject<'_>, queued: Option<Duration>) -> Span {
    let Subject { id, method, path, headers } = subject;
    // Looked for only if this span is wanted; others at its level may be.
    let ids = LazyCell::new(|| TraceIds::of(headers));
    tracing::debug_span!(
        target: "slotbus",
        parent: None,
        "request",
        http.request.method = method.as_str(),
        url.path = path,
        http.route = Empty,
        http.response.status_code = Empty,
        request_id = id.as_ref().map(tracing::field::display),
        trace_id = ids.map(|ids| tracing::field::display(ids.trace)),
        parent_id = ids.map(|ids| tracing::field::display(ids.parent)),
        queue_time_ns = queued.map(nanos),
        latency_ns = Empty,
    )
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A request that is looked at, or not.
///
/// Its lease holds one and tells what became of it, the future that runs it another and is polled inside the span.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observation(Option<Arc<Observed>>);

impl Observation {
    /// Whether anybody looks.
    pub(crate) fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// Makes the span the current one until the guard is dropped.
    #[inline]
    pub(crate) fn enter(&self) -> Option<Entered<'_>> {
        self.0.as_ref().map(|observed| observed.span.enter())
    }

    /// For the request's context. It does not keep the span open.
    pub(crate) fn witness(&self) -> Weak<Observed> {
        self.0.as_ref().map_or_else(Weak::new, Arc::downgrade)
    }

    /// The request is answered with `status`; `None` when the answer came too late, so that nobody reads it.
    #[inline]
    pub(crate) fn ended(&self, status: Option<StatusCode>) {
        if let Some(observed) = &self.0 {
            observed.ended(status);
        }
    }
}

/// What is seen of one request.
#[derive(Debug)]
pub(crate) struct Observed {
    span: Span,
    claimed_at: u64,
    meter: RequestMeter,
}

impl Observed {
    /// The request goes to the route with this pattern.
    pub(crate) fn matched(&self, pattern: &str) {
        self.span.record("http.route", pattern);
        self.meter.matched(pattern);
    }

    #[cold]
    fn ended(&self, status: Option<StatusCode>) {
        let Self { span, claimed_at, meter } = self;
        // Subscribers and recorders are foreign code, and a lease ends in its drop too. A panic was printed.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let latency = Duration::from_nanos(monotonic_nanos().saturating_sub(*claimed_at));
            span.record("latency_ns", nanos(latency));
            if let Some(status) = status {
                span.record("http.response.status_code", status.as_u16());
                meter.answered(status, latency);
            }
        }));
    }
}
