//! Who waits for the answer: until when, and whether still.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::{Extensions, StatusCode, request::Parts};

use super::{Reason, Rejection};
use crate::http::Deadline;
use crate::http::context::CallContext;
use crate::protocol::{Caller, News};

/// A future that is ready when the caller has given up, its deadline has passed or its hub has gone: within 20 ms, while
/// the handler is not done.
///
/// A handler is dropped then, so this is for what it has started elsewhere, and for handlers that
/// [finish](crate::routing::OnDisconnect::Finish) in any case. It never resolves for a request that is answered.
///
/// ```
/// # use slotbus::{Cancelled, handler};
/// #[handler(POST, "/render")]
/// async fn render(cancelled: Cancelled) -> String {
///     let job = tokio::spawn(async move {
///         tokio::select! {
///             () = cancelled => "nobody waits any more".to_owned(),
///             () = tokio::time::sleep(std::time::Duration::from_secs(60)) => "done".to_owned(),
///         }
///     });
///     job.await.unwrap_or_default()
/// }
/// ```
pub struct Cancelled(Option<Arc<News>>);

impl Cancelled {
    /// That of the request with these extensions. For layers; a handler takes it as an argument.
    pub fn of(extensions: &Extensions) -> Self {
        // Asked for now: when somebody waits for it the request may be over, and nobody left to tell.
        Self(CallContext::caller_in(extensions).map(Caller::news))
    }
}

impl Future for Cancelled {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &self.0 {
            Some(news) => news.poll(cx),
            None => Poll::Pending,
        }
    }
}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cancelled")
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Cancelled {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}

/// The request has no deadline: its hub does not tell any. Answered 500.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the request has no deadline: take Option<Deadline> behind a hub that tells none")]
pub struct DeadlineMissing;

/// What [`Deadline`] is refused with.
pub type DeadlineRejection = Rejection<DeadlineMissing>;

impl Reason for DeadlineMissing {
    fn status(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Deadline {
    type Rejection = DeadlineRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Self::of(&parts.extensions).ok_or_else(|| Rejection::new(DeadlineMissing, parts))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Deadline {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}
