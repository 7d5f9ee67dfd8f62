//! Extractors that wait for nothing, taken out of a request which stays in one piece where it is.
//!
//! Each takes the same as it does from the request's parts, or nothing: then it is asked for those, and says why not.

use std::{
    cell::RefCell,
    pin::pin,
    task::{Context, Poll, Waker},
};

use axum_core::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::request::Parts;
use serde::de::DeserializeOwned;

#[cfg(feature = "headers")]
use super::Header;
use super::{Cancelled, Deadline, Extension, Json, MatchedPath, Path, Query, State, TraceContext};
use crate::{
    http::{allowed_len, take_body, take_text},
    protocol::RequestId,
};

/// An argument that is there at once.
pub trait AtOnce<S>: Sized {
    /// Takes it; a request that it is not taken out of stays as it was.
    fn take(request: &mut Request, state: &S) -> Option<Self>;
}

/// The last argument, if it is there at once.
pub trait LastAtOnce<S, M>: Sized {
    /// Whether it is likely to be there. Asked first, so that no argument is taken in vain, and then a second time.
    fn is_likely(_: &Request) -> bool {
        true
    }

    /// As [`AtOnce::take`].
    fn take(request: &mut Request, state: &S) -> Option<Self>;
}

/// Arguments that are all there at once.
pub trait Arguments<S, M>: Sized {
    /// As [`AtOnce::take`].
    fn take(request: &mut Request, state: &S) -> Option<Self>;
}

macro_rules! arguments {
    ($($argument:ident)*) => {
        impl<S, M, $($argument: AtOnce<S>,)* Last: LastAtOnce<S, M>> Arguments<S, M> for ($($argument,)* Last,) {
            fn take(request: &mut Request, state: &S) -> Option<Self> {
                if !Last::is_likely(request) {
                    return None;
                }
                Some(($($argument::take(request, state)?,)* Last::take(request, state)?,))
            }
        }
    };
}

arguments!();
arguments!(A1);
arguments!(A1 A2);
arguments!(A1 A2 A3);
arguments!(A1 A2 A3 A4);
arguments!(A1 A2 A3 A4 A5);
arguments!(A1 A2 A3 A4 A5 A6);
arguments!(A1 A2 A3 A4 A5 A6 A7);

/// Arguments that need the head alone, which stand anywhere.
macro_rules! of_head {
    ($($({$($parameters:tt)*})? $type:ty: |$request:ident| $take:expr;)*) => {$(
        impl<S $(, $($parameters)*)?> AtOnce<S> for $type {
            #[inline]
            fn take($request: &mut Request, _: &S) -> Option<Self> {
                $take
            }
        }

        impl<S, M $(, $($parameters)*)?> LastAtOnce<S, M> for $type {
            #[inline]
            fn take(request: &mut Request, state: &S) -> Option<Self> {
                AtOnce::take(request, state)
            }
        }
    )*};
}

of_head! {
    {T: DeserializeOwned + Send} Path<T>: |request| Path::find(request.extensions());
    {T: DeserializeOwned} Query<T>: |request| Query::find(request.uri());
    {T: Clone + Send + Sync + 'static} Extension<T>: |request| Extension::find(request.extensions());
    MatchedPath: |request| MatchedPath::of(request.extensions());
    RequestId: |request| RequestId::of(request.extensions());
    Deadline: |request| Deadline::of(request.extensions());
    Cancelled: |request| Some(Cancelled::of(request.extensions()));
    TraceContext: |request| TraceContext::of(request.headers());
}

#[cfg(feature = "headers")]
of_head! {
    {T: headers::Header} Header<T>: |request| Header::find(request.headers());
}

/// Arguments that read the body, of a request whose body is there.
macro_rules! of_body {
    ($($({$($parameters:tt)*})? $type:ty: |$request:ident| $take:expr;)*) => {$(
        impl<S, M $(, $($parameters)*)?> LastAtOnce<S, M> for $type {
            #[inline]
            fn is_likely(request: &Request) -> bool {
                allowed_len(request).is_some()
            }

            #[inline]
            fn take($request: &mut Request, _: &S) -> Option<Self> {
                $take
            }
        }
    )*};
}

of_body! {
    Bytes: |request| take_body(request);
    String: |request| take_text(request);
    {T: DeserializeOwned} Json<T>: |request| Json::take(request);
}

/// Asked for by its own bound: of a state that is not known yet nothing says that a `T` is a part of it.
impl<S, T> AtOnce<S> for State<T>
where
    Self: FromRequestParts<S>,
{
    fn take(_: &mut Request, state: &S) -> Option<Self> {
        thread_local! {
            /// It needs a head and reads nothing of it.
            static ANY: RefCell<Parts> = RefCell::new(http::Request::new(()).into_parts().0);
        }
        let take = |any: &RefCell<Parts>| now(Self::from_request_parts(&mut *any.try_borrow_mut().ok()?, state));
        ANY.try_with(take).ok().flatten()
    }
}

impl<S, M, T> LastAtOnce<S, M> for State<T>
where
    Self: FromRequest<S, M>,
{
    fn take(_: &mut Request, state: &S) -> Option<Self> {
        now(Self::from_request(Request::default(), state))
    }
}

/// What a future that waits for nothing resolves to, if it is no error.
fn now<T, E>(future: impl Future<Output = Result<T, E>>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result.ok(),
        Poll::Pending => None,
    }
}
