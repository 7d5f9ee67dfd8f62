//! A request's body read whole. One that is there at once, as those that came over a bus are, is taken without what axum-core puts
//! around it, and its head is let go for the next request.

use std::future::{Future, Ready, ready};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use axum_core::extract::{FromRequest, Request, rejection::BytesRejection};
use bytes::Bytes;
use futures::future::Either;
use http::Extensions;
use http_body::{Body as _, Frame, SizeHint};

use super::context::CallContext;
use super::limit::DEFAULT;
use super::spare::let_go;
use crate::body::{Body, BoxError, Error};

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

/// Takes the body, if all of it is there and no limit can forbid it. Else it is as it was.
pub(crate) fn take_body(request: &mut Request) -> Option<Bytes> {
    let len = request.body().size_hint().exact().filter(|&len| len <= DEFAULT)?;
    if !has_default_limit(request.extensions()) {
        return None;
    }
    let body = request.body_mut();
    if body.is_end_stream() {
        return Some(Bytes::new());
    }
    // Who waits for the rest polls it again.
    let Poll::Ready(first) = Pin::new(&mut *body).poll_frame(&mut Context::from_waker(Waker::noop())) else {
        return None;
    };
    let put_back = match first? {
        Ok(frame) => match frame.into_data() {
            Ok(data) if data.len() as u64 == len && body.is_end_stream() => return Some(data),
            Ok(data) => Ok(Frame::data(data)),
            Err(frame) => Ok(frame),
        },
        Err(error) => Err(error.into_inner()),
    };
    *body = Body::new(Resumed { first: Some(put_back), rest: mem::take(body) });
    None
}

/// Whether nobody has set another limit, as far as can be seen without asking axum-core, which takes memory.
fn has_default_limit(extensions: &Extensions) -> bool {
    extensions.len() == 1 && extensions.get::<CallContext>().is_some()
}

/// A body of which a frame was taken and put back.
struct Resumed {
    first: Option<Result<Frame<Bytes>, BoxError>>,
    rest: Body,
}

impl http_body::Body for Resumed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => Pin::new(&mut self.rest).poll_frame(cx).map_err(Error::into_inner),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let Self { first, rest } = self;
        let first = first.as_ref().and_then(|first| first.as_ref().ok()).and_then(Frame::data_ref);
        let (first, rest) = (first.map_or(0, |data| data.len() as u64), rest.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + first);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + first);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;

    use axum_core::extract::DefaultBodyLimit;
    use http::{HeaderMap, header};
    use http_body::SizeHint;

    use super::super::spare::{extensions_of, has_spare};
    use super::*;
    use crate::protocol::RequestId;

    #[derive(Clone, Copy)]
    enum Piece {
        Data(usize),
        Trailers,
        BrokenOff,
        Later,
    }

    use Piece::{BrokenOff, Data, Later, Trailers};

    /// Pieces, and the length that they claim to have together.
    struct Claims(&'static [Piece], u64);

    impl http_body::Body for Claims {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            let Some((first, rest)) = self.0.split_first() else { return Poll::Ready(None) };
            self.0 = rest;
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
            self.0.is_empty()
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(self.1)
        }
    }

    fn request(body: Body, on_a_bus: bool) -> Request {
        let mut request = Request::new(body);
        request.headers_mut().insert(header::HOST, "h".parse().unwrap());
        if on_a_bus {
            request.extensions_mut().insert(context());
        }
        request
    }

    fn context() -> CallContext {
        CallContext {
            id: RequestId::new("id").unwrap(),
            hub_pattern: Bytes::new(),
            hub_params: Vec::new(),
            matched: None,
            refusals: None,
            body_limit: None,
            caller: None,
            observed: Weak::new(),
        }
    }

    /// Everything that can be seen of a result.
    fn seen(result: Result<Bytes, BytesRejection>) -> Result<Bytes, (u16, String, String)> {
        result.map_err(|rejection| (rejection.status().as_u16(), rejection.body_text(), format!("{rejection:?}")))
    }

    #[tokio::test]
    async fn a_body_is_read_as_axum_core_reads_it_whatever_it_claims_to_be() {
        const HALF: usize = DEFAULT as usize / 2;
        const BODIES: [(&[Piece], u64); 14] = [
            (&[], 0),
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
            for on_a_bus in [true, false] {
                let request = || request(Body::new(Claims(pieces, len)), on_a_bus);
                let expected = seen(Bytes::from_request(request(), &()).await);
                assert_eq!(seen(whole_body(request()).await), expected, "{number} {on_a_bus}");
            }
        }
    }

    #[tokio::test]
    async fn a_limit_that_somebody_has_set_counts() {
        let is_read = async |pieces, len, limit: DefaultBodyLimit| {
            let mut request = request(Body::new(Claims(pieces, len)), true);
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
            drop(extensions_of(context()));
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
    async fn a_body_that_is_put_back_has_the_length_it_had() {
        let first = Some(Ok(Frame::data(Bytes::from_static(b"12"))));
        let mut request = request(Body::new(Resumed { first, rest: Body::from("345") }), true);
        assert_eq!(take_body(&mut request), None);
        assert_eq!(request.body().size_hint().exact(), Some(5));
        assert_eq!(whole_body(request).await.unwrap(), "12345");
    }
}
