//! The argument of a handler of a stream: whether a client came or went.

use axum_core::extract::{FromRequest, Request};
use bytes::Bytes;
use http::StatusCode;

use crate::control::SseLifecycle;
use crate::extract::{Reason, Rejection};

/// The request is none that a hub tells of its clients by. Answered 400.
#[derive(Debug, thiserror::Error)]
#[error("this is a stream of events, which a client opens at the hub")]
pub struct NoLifecycle(#[source] Option<serde_json::Error>);

/// What an argument [`SseLifecycle`] is refused with.
pub type SseLifecycleRejection = Rejection<NoLifecycle>;

impl Reason for NoLifecycle {
    fn status(&self) -> StatusCode {
        StatusCode::BAD_REQUEST
    }
}

/// Of a handler of one of the patterns that [`ServeBehindHub::streams`](super::ServeBehindHub::streams) was given.
impl<S: Send + Sync> FromRequest<S> for SseLifecycle {
    type Rejection = SseLifecycleRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        // Hubs send it without a content type.
        let (parts, body) = request.into_parts();
        let body = Bytes::from_request(Request::from_parts(parts.clone(), body), state).await;
        let body = body.map_err(|_| Rejection::new(NoLifecycle(None), &parts))?;
        serde_json::from_slice(&body).map_err(|error| Rejection::new(NoLifecycle(Some(error)), &parts))
    }
}
