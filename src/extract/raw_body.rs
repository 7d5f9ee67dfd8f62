//! The body as it came.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum_core::extract::{FromRequest, Request};
use bytes::Bytes;
use futures::Stream;
use http_body::Body as _;

use crate::body::Body;

/// The body of the request as it came: not read yet, and without the [`DefaultBodyLimit`](super::DefaultBodyLimit) that
/// `Bytes`, `String`, [`Json`](super::Json) and [`Form`](super::Form) hold to.
///
/// It is what the argument [`Body`] is, under a name that says that nothing has looked at it, and it is a [`Stream`] of
/// `Bytes` by itself. From a bus the body is there in one piece before the handler starts, at most
/// [`message_limit`](crate::Serve::message_limit) bytes long (64 MiB unless set); that limit, and those of layers such as
/// tower-http's `RequestBodyLimit`, are the only ones. [`to_bytes`](crate::body::to_bytes) reads all of it up to a limit of one's
/// own.
///
/// ```
/// use futures::TryStreamExt;
/// use slotbus::extract::RawBody;
///
/// #[slotbus::handler(POST, "/count")]
/// async fn count(mut body: RawBody) -> Result<String, http::StatusCode> {
///     let mut count = 0;
///     while let Some(bytes) = body.try_next().await.map_err(|_| http::StatusCode::BAD_REQUEST)? {
///         count += bytes.len();
///     }
///     Ok(format!("{count} bytes"))
/// }
/// ```
#[derive(Debug)]
#[must_use]
pub struct RawBody(pub Body);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        Ok(Self(request.into_body()))
    }
}

impl Stream for RawBody {
    type Item = Result<Bytes, axum_core::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            // Trailers are left out.
            match ready!(Pin::new(&mut self.0).poll_frame(cx)?) {
                None => return Poll::Ready(None),
                Some(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
            }
        }
    }
}
