//! A request's body read whole. One that is there at once, as those that came over a bus are, is taken without what axum-core puts
//! around it, and its head is let go for the next request.

use std::future::{Future, Ready, ready};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use axum_core::extract::{FromRequest, Request, rejection::BytesRejection};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, future::Either, stream};
use http::Extensions;
use http_body::{Body as _, Frame};
use http_body_util::{BodyStream, StreamBody};

use super::context::CallContext;
use super::limit::DEFAULT;
use super::spare::let_go;
use crate::body::{Body, Error};

/// Reads the body, up to the limit that axum-core goes by.
pub(crate) fn whole_body(
    mut request: Request,
) -> Either<Ready<Result<Bytes, BytesRejection>>, impl Future<Output = Result<Bytes, BytesRejection>>> {
    match take_body(&mut request) {
        Some(body) => {
            let_go(&mut request);
            Either::Left(ready(Ok(body)))
        }
        None => Either::Right(Bytes::from_request(request, &())),
    }
}

/// The length of the body, if it is known and no limit can forbid it.
pub(crate) fn allowed_len(request: &Request) -> Option<u64> {
    let len = request.body().size_hint().exact().filter(|&len| len <= DEFAULT)?;
    has_default_limit(request.extensions()).then_some(len)
}

/// Takes the body, if all of it is there and no limit can forbid it. Else the same frames are still to come.
pub(crate) fn take_body(request: &mut Request) -> Option<Bytes> {
    let len = allowed_len(request)?;
    let body = request.body_mut();
    if body.is_end_stream() {
        return Some(Bytes::new());
    }
    // Who waits for the rest polls it again.
    let Poll::Ready(first) = Pin::new(&mut *body).poll_frame(&mut Context::from_waker(Waker::noop())) else {
        return None;
    };
    let first = match first {
        None => return Some(Bytes::new()),
        Some(Err(error)) => Err(error),
        Some(Ok(frame)) => match frame.into_data() {
            Ok(data) if data.len() as u64 == len && body.is_end_stream() => return Some(data),
            Ok(data) => Ok(Frame::data(data)),
            Err(frame) => Ok(frame),
        },
    };
    // Put back. The length that it claimed matters to nobody any more.
    let frames = stream::iter([first]).chain(BodyStream::new(mem::take(body)));
    *body = Body::new(StreamBody::new(frames.map_err(Error::into_inner)));
    None
}

/// Takes the body as a text, if all of it is there and it is one.
pub(crate) fn take_text(request: &mut Request) -> Option<String> {
    match String::from_utf8(take_body(request)?.into()) {
        Ok(text) => Some(text),
        Err(error) => {
            *request.body_mut() = error.into_bytes().into();
            None
        }
    }
}

/// Whether nobody has set another limit. Any other extension may be one: asking axum-core takes memory.
fn has_default_limit(extensions: &Extensions) -> bool {
    extensions.len() == 1 && extensions.get::<CallContext>().is_some()
}

#[cfg(test)]
mod tests {
    use axum_core::extract::DefaultBodyLimit;
    use http::{HeaderMap, header};
    use http_body::SizeHint;

    use super::super::spare::{extensions_of, has_spare};
    use super::*;
    use crate::body::BoxError;
    use crate::protocol::RequestId;

    #[derive(Clone, Copy)]
    enum Piece {
        Data(usize),
        Trailers,
        BrokenOff,
        Later,
    }

    use Piece::{BrokenOff, Data, Later, Trailers};

    /// Pieces, and the length that they claim to have together. Must not be polled after its end.
    struct Claims {
        pieces: &'static [Piece],
        len: u64,
        /// Whether it tells that it is at its end before it is polled once more.
        tells: bool,
        ended: bool,
    }

    impl Claims {
        fn body(pieces: &'static [Piece], len: u64, tells: bool) -> Body {
            Body::new(Self { pieces, len, tells, ended: false })
        }
    }

    impl http_body::Body for Claims {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            assert!(!self.ended, "polled after its end");
            let Some((first, rest)) = self.pieces.split_first() else {
                self.ended = true;
                return Poll::Ready(None);
            };
            self.pieces = rest;
            Poll::Ready(Some(match *first {
                Data(len) => Ok(Frame::data(vec![7; len].into())),
                Trailers => Ok(Frame::trailers(HeaderMap::new())),
                BrokenOff => Err("broken off".into()),
                Later => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }))
        }

        fn is_end_stream(&self) -> bool {
            self.tells && self.pieces.is_empty()
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(self.len)
        }
    }

    fn request(body: Body, on_a_bus: bool) -> Request {
        let mut request = Request::new(body);
        request.headers_mut().insert(header::HOST, "h".parse().unwrap());
        if on_a_bus {
            request.extensions_mut().insert(CallContext::of_test());
        }
        request
    }

    /// Everything that can be seen of a result.
    fn seen(result: Result<Bytes, BytesRejection>) -> Result<Bytes, (u16, String, String)> {
        result.map_err(|rejection| (rejection.status().as_u16(), rejection.body_text(), format!("{rejection:?}")))
    }

    #[tokio::test]
    async fn a_body_is_read_as_axum_core_reads_it_whatever_it_claims_to_be() {
        const HALF: usize = DEFAULT as usize / 2;
        const BODIES: [(&[Piece], u64); 15] = [
            (&[], 0),
            (&[], 5),
            (&[Data(5)], 5),
            (&[Data(2), Data(3), Trailers], 5),
            (&[Data(HALF), Data(HALF)], DEFAULT),
            (&[Data(HALF), Data(HALF), Data(1)], DEFAULT + 1),
            (&[Data(HALF), Data(HALF), Data(1)], 5),
            (&[Data(2 * HALF + 1)], 5),
            (&[Data(2 * HALF + 1)], DEFAULT + 1),
            (&[Data(5), Data(1)], 5),
            (&[Trailers], 0),
            (&[Data(2), BrokenOff], 5),
            (&[Data(2)], 5),
            (&[Data(2), Later, Data(3)], 5),
            (&[Later, BrokenOff], 5),
        ];
        for (number, (pieces, len)) in BODIES.into_iter().enumerate() {
            for (on_a_bus, tells) in [(true, true), (true, false), (false, true), (false, false)] {
                let request = || request(Claims::body(pieces, len, tells), on_a_bus);
                let expected = seen(Bytes::from_request(request(), &()).await);
                assert_eq!(seen(whole_body(request()).await), expected, "{number} {on_a_bus} {tells}");
            }
        }
    }

    #[tokio::test]
    async fn a_limit_that_somebody_has_set_counts() {
        let is_read = async |pieces, len, limit: DefaultBodyLimit| {
            let mut request = request(Claims::body(pieces, len, true), true);
            limit.apply(&mut request);
            whole_body(request).await.is_ok()
        };
        assert!(!is_read(&[Data(5)], 5, DefaultBodyLimit::max(4)).await);
        assert!(is_read(&[Data(5)], 5, DefaultBodyLimit::max(5)).await);
        const LONG: u64 = DEFAULT + 1;
        assert!(is_read(&[Data(LONG as usize)], LONG, DefaultBodyLimit::disable()).await);
    }

    #[tokio::test]
    async fn the_head_of_a_request_whose_body_is_there_is_let_go_before_the_body_is_handed_out() {
        for body in ["12345", ""] {
            drop(extensions_of(RequestId::new("id").unwrap(), |_| {}));
            assert!(!has_spare());
            let mut request = request(Body::from(body), true);
            let value = Bytes::from(vec![b'v'; 9]);
            request.headers_mut().insert("x", http::HeaderValue::from_maybe_shared(value.clone()).unwrap());
            let whole = whole_body(request);
            assert!(value.is_unique() && has_spare(), "nobody else has it any more, and the maps are kept");
            assert_eq!(whole.await.unwrap(), body);
        }
    }

    #[tokio::test]
    async fn a_limit_within_the_body_is_told_as_what_it_is() {
        let limited = || request(Body::new(http_body_util::Limited::new(Body::from("12345"), 3)), true);
        let expected = seen(Bytes::from_request(limited(), &()).await);
        assert_eq!(expected.as_ref().unwrap_err().0, 413);
        assert_eq!(seen(whole_body(limited()).await), expected);
    }
}
