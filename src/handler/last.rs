//! The last argument of a handler: the only one that may read the body.

use std::any::{Any, TypeId};
use std::future::ready;

use axum_core::{
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{FutureExt, future::Either};

use crate::{
    extract::{BytesRejection, Reason, Rejection, StringRejection},
    http::{Refuser, let_go, take_body, take_text},
    response::downcast,
};

/// Takes the last argument out of a request, or the answer if it is refused.
///
/// `Bytes` and `String` are axum-core's, whose rejections are plain text; here they become problems like those of the
/// extractors of this crate.
///
/// For functions without the attribute, and for handlers with an argument that is not taken at once.
///
/// Not an async function: its future would hold the request a second time, and be a kilobyte long.
#[allow(clippy::result_large_err, reason = "a refusal is a whole response, and a handler's answer as it is")]
pub(super) fn last_argument<T, S, M>(mut request: Request, state: &S) -> impl Future<Output = Result<T, Response>>
where
    T: FromRequest<S, M> + 'static,
    S: 'static,
    M: 'static,
{
    if let Some(taken) = take_at_once(&mut request) {
        return Either::Left(ready(Ok(taken)));
    }
    // Only for those two types is anything kept; for others the compiler leaves it out.
    let refuser = reads_bytes::<T::Rejection>().then(|| Refuser::of_reader(&mut request));
    Either::Right(T::from_request(request, state).map(|extracted| {
        extracted.map_err(|rejection| match refuser {
            Some(refuser) => as_problem(refuser, rejection),
            None => rejection.into_response(),
        })
    }))
}

/// `Bytes` or a `String`, of a body that is there; for other types nothing is done.
fn take_at_once<T: 'static>(request: &mut Request) -> Option<T> {
    let (bytes, text) = (TypeId::of::<Bytes>(), TypeId::of::<String>());
    if ![bytes, text].contains(&TypeId::of::<T>()) {
        return None;
    }
    let taken = if TypeId::of::<T>() == bytes {
        downcast(take_body(request)?).ok()
    } else {
        downcast(take_text(request)?).ok()
    };
    let_go(request);
    taken
}

fn reads_bytes<R: 'static>() -> bool {
    [TypeId::of::<BytesRejection>(), TypeId::of::<StringRejection>()].contains(&TypeId::of::<R>())
}

fn as_problem<R: IntoResponse + 'static>(refuser: Refuser, rejection: R) -> Response {
    let rejection: Box<dyn Any> = Box::new(rejection);
    match rejection.downcast::<BytesRejection>() {
        Ok(rejection) => refused(refuser, *rejection),
        Err(rejection) => match rejection.downcast::<StringRejection>() {
            Ok(rejection) => refused(refuser, *rejection),
            Err(rejection) => rejection.downcast::<R>().expect("it was made of one").into_response(),
        },
    }
}

fn refused(refuser: Refuser, reason: impl Reason) -> Response {
    Rejection::by(refuser, reason).into_response()
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use http_body_util::BodyExt;

    use super::*;
    use crate::body::Body;
    use crate::http::context::CallContext;

    /// A request as it comes over a bus.
    fn request(body: &'static [u8]) -> Request {
        let mut request = Request::new(Body::from(body));
        request.extensions_mut().insert(CallContext::of_test());
        request
    }

    fn at_once<T: 'static>(body: &'static [u8]) -> Option<T> {
        take_at_once(&mut request(body))
    }

    #[test]
    fn bytes_and_text_that_are_there_are_taken_at_once_and_nothing_else_is() {
        assert_eq!(at_once::<Bytes>(b"\xff").unwrap(), &b"\xff"[..]);
        assert_eq!(at_once::<Bytes>(b"").unwrap(), "");
        assert_eq!(at_once::<String>(b"text").unwrap(), "text");
        assert_eq!(at_once::<String>(b"").unwrap(), "");
        assert_eq!(at_once::<String>(b"\xff"), None);
        assert_eq!(at_once::<Vec<u8>>(b"text"), None);
    }

    #[tokio::test]
    async fn a_text_that_is_none_is_refused_as_a_problem_about_the_request() {
        let refused = last_argument::<String, (), _>(request(b"\xff"), &()).await.unwrap_err();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        let problem = refused.into_body().collect().await.unwrap().to_bytes();
        let problem = String::from_utf8(problem.into()).unwrap();
        assert!(problem.contains("the body is not utf-8") && problem.contains("id-of-test"), "{problem}");
        assert_eq!(last_argument::<String, (), _>(request(b"text"), &()).await.unwrap(), "text");
    }
}
