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
    http::{self, Refuser, take_body},
    response::downcast,
};

/// Takes the last argument out of a request, or the answer if it is refused.
///
/// `Bytes` and `String` are axum-core's, whose rejections are plain text; here they become problems like those of the
/// extractors of this crate.
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
    let body = take_body(request)?;
    let taken = if TypeId::of::<T>() == bytes {
        downcast(body).ok()
    } else {
        match String::from_utf8(body.into()) {
            Ok(text) => downcast(text).ok(),
            Err(error) => {
                *request.body_mut() = error.into_bytes().into();
                return None;
            }
        }
    };
    http::let_go(request);
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
