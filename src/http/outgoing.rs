//! From HTTP to the bus: responses become replies, requests become calls.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::{Method, StatusCode, request, response};
use http_body::Body as HttpBody;
use pin_project_lite::pin_project;

use crate::body::BoxError;
use crate::protocol::{Length, OutgoingCall, OutgoingReply, RequestId, Route, Segments, WireError};
use crate::response::take_back;

/// Why a body was not collected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CollectError {
    #[error("the body exceeds the limit of {0} bytes")]
    TooLarge(usize),
    #[error("the body failed")]
    Body(#[source] BoxError),
}

pin_project! {
    /// Collects a body's frames, as they are, up to a limit. Trailers have no place on the wire and are left out.
    pub(crate) struct BodyCollector<B> {
        #[pin]
        body: B,
        collected: Segments,
        limit: usize,
    }
}

impl<B> BodyCollector<B>
where
    B: HttpBody,
    B::Error: Into<BoxError>,
{
    /// Starts collecting at most `limit` bytes.
    pub(crate) fn new(body: B, limit: usize) -> Self {
        Self { body, collected: Segments::default(), limit }
    }
}

impl<B> Future for BodyCollector<B>
where
    B: HttpBody,
    B::Error: Into<BoxError>,
{
    type Output = Result<Segments, CollectError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        while let Some(frame) = ready!(this.body.as_mut().poll_frame(cx)) {
            let frame = frame.map_err(|error| CollectError::Body(error.into()))?;
            if let Ok(mut data) = frame.into_data() {
                if data.remaining() > *this.limit - this.collected.len() {
                    return Poll::Ready(Err(CollectError::TooLarge(*this.limit)));
                }
                // No copy for `Bytes`, which is what bodies are made of nearly always.
                this.collected.push(data.copy_to_bytes(data.remaining()));
            }
        }
        Poll::Ready(Ok(std::mem::take(this.collected)))
    }
}

/// Whether a response of this status to this method has a body at all (RFC 9110 sections 6.4.1 and 9.3.2).
#[inline]
pub(crate) fn has_body(method: &Method, status: StatusCode) -> bool {
    method != Method::HEAD && status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED
}

/// Makes a reply of a response's head, of at most `header_limit` headers, and its collected body.
#[inline]
pub(crate) fn reply_of(
    parts: response::Parts,
    body: Segments,
    method: &Method,
    header_limit: usize,
) -> Result<OutgoingReply, WireError> {
    let length = match parts.status {
        StatusCode::NO_CONTENT => Length::LeftOut,
        status if has_body(method, status) => Length::Of(body.len()),
        _ => Length::Kept,
    };
    let reply = OutgoingReply::new(parts.status, &parts.headers, length, body, header_limit);
    take_back(parts);
    reply
}

/// Makes a call of a request's head, of at most `header_limit` headers, which has no body yet. A [`RequestId`] or a [`Route`] among
/// the extensions is used.
#[inline]
pub(crate) fn request_to_call(
    parts: &mut request::Parts,
    header_limit: usize,
    id: impl FnOnce() -> RequestId,
) -> Result<OutgoingCall, WireError> {
    let request::Parts { method, uri, headers, extensions, .. } = parts;
    let id = extensions.get().copied().unwrap_or_else(id);
    let route = extensions.remove::<Route>().unwrap_or_default();
    OutgoingCall::new(id, method, uri, &route, headers, header_limit)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;
    use http::header::CONTENT_LENGTH;
    use http_body_util::{BodyExt, Full, StreamBody};

    use super::*;

    fn parts(build: impl FnOnce(response::Builder) -> response::Builder) -> response::Parts {
        build(Response::builder()).body(()).unwrap().into_parts().0
    }

    #[tokio::test]
    async fn frames_are_collected_up_to_the_limit_and_not_beyond() {
        let frames = || {
            let frames =
                ["ab", "", "cd"].map(|data| Ok::<_, std::io::Error>(http_body::Frame::data(Bytes::from(data))));
            StreamBody::new(futures::stream::iter(frames))
        };
        let collected = BodyCollector::new(frames(), 4).await.unwrap();
        assert_eq!(collected.iter().collect::<Vec<_>>().concat(), b"abcd");
        let error = BodyCollector::new(frames(), 3).await.unwrap_err();
        assert_eq!(error.to_string(), "the body exceeds the limit of 3 bytes");
    }

    #[tokio::test]
    async fn frames_of_few_bytes_take_no_more_memory_than_what_is_in_them() {
        let lens = [vec![1; 10_000], vec![2000, 1, 3000, 1, 1, 1500], vec![1; 3]].concat();
        let pieces = lens.iter().scan(0_u8, |last, &len| {
            *last = last.wrapping_add(1);
            Some(Bytes::from(vec![*last; len]))
        });
        let pieces: Vec<_> = pieces.collect();
        let frames = pieces.iter().cloned().map(|data| Ok::<_, std::io::Error>(http_body::Frame::data(data)));
        let collected = BodyCollector::new(StreamBody::new(futures::stream::iter(frames)), 1 << 20).await.unwrap();
        assert_eq!(collected.iter().collect::<Vec<_>>().concat(), pieces.concat());
        assert_eq!(collected.len(), lens.iter().sum::<usize>());
        let parts = collected.iter().count();
        assert!(parts <= 8, "{parts} parts");
    }

    #[tokio::test]
    async fn a_failing_body_is_an_error_with_its_cause() {
        let body = Full::new(Bytes::new()).map_err(|never| match never {}).boxed();
        assert!(BodyCollector::new(body, 1).await.is_ok());
        let frames = futures::stream::iter([Err::<http_body::Frame<Bytes>, _>(std::io::Error::other("gone"))]);
        let error = BodyCollector::new(StreamBody::new(frames), 1).await.unwrap_err();
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "gone");
    }

    #[test]
    fn only_a_body_that_is_sent_has_its_length_corrected() {
        let length = |method: Method, status: u16, len: usize| {
            let parts = parts(|b| b.status(status).header(CONTENT_LENGTH, "7"));
            let body = Segments::from(Bytes::from(vec![0; len]));
            let reply = reply_of(parts, body, &method, 256).unwrap();
            let meta: crate::protocol::ResponseMeta = postcard::from_bytes(reply.meta()).unwrap();
            meta.headers.first().map(|(_, value)| value.clone())
        };
        assert_eq!(length(Method::GET, 200, 3).as_deref(), Some("3"));
        assert_eq!(length(Method::HEAD, 200, 0).as_deref(), Some("7"), "what a GET would have");
        assert_eq!(length(Method::GET, 304, 0).as_deref(), Some("7"));
        assert_eq!(length(Method::GET, 204, 0), None);
    }

    #[test]
    fn a_header_the_wire_cannot_carry_is_an_error() {
        let parts = parts(|b| b.header("x", &b"\xff"[..]));
        let error = reply_of(parts, Segments::default(), &Method::GET, 256).unwrap_err();
        assert_eq!(error.to_string(), "the value of header x is not utf-8, which the wire requires");
    }
}
