//! The last argument of a handler: the only one that may read the body.

use std::any::{Any, TypeId};

use axum_core::{
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use futures::FutureExt;

use crate::{
    extract::{BytesRejection, Reason, Rejection, StringRejection},
    http::Refuser,
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
    // Only for those two types is anything kept; for others the compiler leaves it out.
    let refuser = reads_bytes::<T::Rejection>().then(|| Refuser::of_reader(&mut request));
    T::from_request(request, state).map(|extracted| {
        extracted.map_err(|rejection| match refuser {
            Some(refuser) => as_problem(refuser, rejection),
            None => rejection.into_response(),
        })
    })
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
