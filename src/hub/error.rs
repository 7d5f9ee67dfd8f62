//! Why a call brought no response.

use std::time::Duration;

use http::StatusCode;

use super::pool::Closed;
use crate::body::BoxError;
use crate::http::CollectError;
use crate::protocol::{ReplyError, WireError};
use crate::report::reported;
use crate::slot::DispatchError;

/// Why a call brought no response of its handler.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The hub was closed, and no worker has seen the request.
    #[error("the hub was closed")]
    Closed,
    /// The hub was closed when a worker had claimed the request: whether its handler ran is not known.
    #[error("the hub was closed while a worker had the request")]
    Interrupted,
    /// No answer came in time, though a worker has claimed the request: its handler may still run. Or the request's own body was
    /// not there in time, and nothing was sent.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// No worker claimed the request in time, or no slot was free for it: none runs, or all have as much in hand as they take.
    /// Nobody has seen it.
    #[error("no worker has taken the request within {0:?}: none runs on this bus, or all are busy")]
    Unclaimed(Duration),
    /// The request has no place on the wire; it was not sent.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The request's body is longer than the hub's limit; it was not sent.
    #[error("the request body exceeds the limit of {0} bytes")]
    BodyTooLarge(usize),
    /// The request's body failed; nothing was sent.
    #[error("the request body failed")]
    Body(#[source] BoxError),
    /// There was no memory for the request; it was not sent.
    #[error("there is no room in /dev/shm for the request")]
    NoRoom(#[source] BoxError),
    /// The worker died while it ran the request.
    #[error("the worker died while it ran the request")]
    WorkerDied,
    /// A worker of the published kind gave the slot back without an answer.
    #[error("the worker gave the request back without an answer")]
    Abandoned,
    /// The worker's answer is no HTTP response.
    #[error("the worker's answer is no response")]
    Reply(#[from] ReplyError),
}

reported!(CallError);

impl CallError {
    /// The status that tells an HTTP client about it, as a gateway would (RFC 9110 section 15.6).
    ///
    /// 503 is only what no worker has seen, so that it may be sent again elsewhere; so may what is [`Unclaimed`](Self::Unclaimed).
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Closed => StatusCode::SERVICE_UNAVAILABLE,
            Self::TimedOut(_) | Self::Unclaimed(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::Wire(WireError::Method(_)) => StatusCode::NOT_IMPLEMENTED,
            Self::Wire(WireError::BodyTooLarge { .. }) | Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Wire(WireError::HeaderValue(_) | WireError::Target(_)) | Self::Body(_) => StatusCode::BAD_REQUEST,
            Self::Wire(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::NoRoom(_) => StatusCode::INSUFFICIENT_STORAGE,
            Self::Interrupted | Self::WorkerDied | Self::Abandoned | Self::Reply(_) => StatusCode::BAD_GATEWAY,
        }
    }
}

impl CallError {
    /// The variant, as metrics name it.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Interrupted => "interrupted",
            Self::TimedOut(_) => "timed_out",
            Self::Unclaimed(_) => "unclaimed",
            Self::Wire(_) => "wire",
            Self::BodyTooLarge(_) => "body_too_large",
            Self::Body(_) => "body",
            Self::NoRoom(_) => "no_room",
            Self::WorkerDied => "worker_died",
            Self::Abandoned => "abandoned",
            Self::Reply(_) => "reply",
        }
    }
}

impl From<Closed> for CallError {
    fn from(Closed: Closed) -> Self {
        Self::Closed
    }
}

impl From<CollectError> for CallError {
    fn from(error: CollectError) -> Self {
        match error {
            CollectError::TooLarge(limit) => Self::BodyTooLarge(limit),
            CollectError::Body(error) => Self::Body(error),
        }
    }
}

impl From<DispatchError> for CallError {
    fn from(error: DispatchError) -> Self {
        match error {
            DispatchError::Wire(error) => Self::Wire(error),
            DispatchError::NoRoom(error) => Self::NoRoom(error.into()),
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// The region was retired before any worker claimed: the request is nobody's, and may be sent elsewhere.
    Withdrawn,
    /// It failed, and whether a handler ran is not known.
    Failed(CallError),
}

impl From<CallError> for Unanswered {
    fn from(error: CallError) -> Self {
        Self::Failed(error)
    }
}
