//! Arguments that are there at once, taken before a handler's future is made, which then holds them alone.
//!
//! The head of a request is longer than all else that a handler's future holds: to take it apart for its arguments and carry it in
//! there moves it five times. So where all arguments wait for nothing (`extract::at_once`) the request stays where it is.
//!
//! Arguments that are not to be had this way, for whatever reason, are asked for one by one (`held`), and refused there if they must
//! be. The attribute asks for both ways as `held` says.

use std::{fmt, marker::PhantomData};

use axum_core::extract::Request;

use crate::{extract::Arguments, http::let_go};

/// Stands for all arguments of a handler, a tuple `T`, taken with a state `S`; `M` says whether the last one reads the body.
pub struct ArgumentsOf<T, S, M>(PhantomData<fn(S, M) -> T>);

impl<T, S, M> ArgumentsOf<T, S, M> {
    /// Asks about `T`.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// Takes the arguments at once.
pub trait TakeAtOnce<T, S> {
    /// All of them; else the request is as it was.
    fn __slotbus_take(&self, request: &mut Request, state: &S) -> Option<T>;
}

impl<T: Arguments<S, M>, S, M> TakeAtOnce<T, S> for &ArgumentsOf<T, S, M> {
    #[inline]
    fn __slotbus_take(&self, request: &mut Request, state: &S) -> Option<T> {
        let arguments = T::take(request, state)?;
        let_go(request);
        Some(arguments)
    }
}

/// Leaves the arguments to be asked for one by one.
pub trait TakeLater<T, S> {
    /// None.
    fn __slotbus_take(&self, request: &mut Request, state: &S) -> Option<T>;
}

impl<T, S, M> TakeLater<T, S> for ArgumentsOf<T, S, M> {
    #[inline]
    fn __slotbus_take(&self, _: &mut Request, _: &S) -> Option<T> {
        None
    }
}

impl<T, S, M> fmt::Debug for ArgumentsOf<T, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArgumentsOf").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use axum_core::extract::FromRequest;
    use bytes::Bytes;
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::{
        RequestId,
        body::Body,
        extract::{Extension, Json, Path, Query, State},
        http::{context::CallContext, limit_body},
    };

    /// A POST of `body` as it comes over a bus.
    fn request(body: &'static [u8]) -> Request {
        let mut request = Request::new(Body::from(body));
        *request.uri_mut() = "/things?page=2".parse().unwrap();
        request.headers_mut().insert(http::header::CONTENT_TYPE, "application/json".parse().unwrap());
        request.extensions_mut().insert(CallContext::of_test());
        request
    }

    /// As the attribute asks, for any arguments and any state.
    macro_rules! take {
        ($($argument:ty),*; $request:expr) => {
            (&&ArgumentsOf::<($($argument,)*), u8, ()>::new()).__slotbus_take($request, &7)
        };
    }

    fn take_state<M>(asked: &mut Request) -> Option<(RequestId, State<u8>)>
    where
        State<u8>: FromRequest<u8, M>,
    {
        (&&ArgumentsOf::<(RequestId, State<u8>), u8, M>::new()).__slotbus_take(asked, &7)
    }

    fn body(request: Request) -> Bytes {
        futures::executor::block_on(request.into_body().collect()).unwrap().to_bytes()
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Page {
        page: u8,
    }

    #[test]
    fn arguments_that_are_there_are_taken_and_the_request_is_let_go() {
        let mut asked = request(b"[1]");
        let (Query(page), State(state), id, Json(list)) =
            take!(Query<Page>, State<u8>, RequestId, Json<Vec<u8>>; &mut asked).unwrap();
        assert_eq!((page, state, id.as_str(), list), (Page { page: 2 }, 7, "id-of-test", vec![1]));
        assert!(asked.headers().is_empty() && asked.extensions().is_empty() && body(asked).is_empty());
        let mut asked = request(b"text");
        assert_eq!(take!(String; &mut asked).unwrap().0, "text");
        assert_eq!(take!(Bytes; &mut request(b"\xff")).unwrap().0, &b"\xff"[..]);
        // The body goes with the rest when nobody asks for it.
        let mut asked = request(b"unread");
        assert_eq!(take_state(&mut asked).unwrap().1.0, 7);
        assert!(body(asked).is_empty());
    }

    #[test]
    fn a_request_of_which_an_argument_is_not_there_at_once_stays_as_it_was() {
        fn stays<T>(mut asked: Request, take: impl FnOnce(&mut Request) -> Option<T>) {
            let told = |asked: &Request| {
                let id = RequestId::of(asked.extensions()).map(|id| id.to_string());
                (asked.uri().clone(), asked.headers().clone(), asked.extensions().len(), id)
            };
            let before = told(&asked);
            assert!(take(&mut asked).is_none());
            assert_eq!(told(&asked), before);
            assert_eq!(body(asked), &b"\xff"[..]);
        }
        stays(request(b"\xff"), |asked| take!(Query<Page>, String; asked));
        stays(request(b"\xff"), |asked| take!(RequestId, Json<u8>; asked));
        stays(request(b"\xff"), |asked| take!(Query<u8>, Bytes; asked));
        stays(request(b"\xff"), |asked| take!(Extension<u8>; asked));
        stays(request(b"\xff"), |asked| take!(Path<u8>, Bytes; asked));
        // Nothing is known of whether these wait.
        stays(request(b"\xff"), |asked| take!(http::Method, Bytes; asked));
        stays(request(b"\xff"), |asked| take!(Option<Query<Page>>; asked));
        // A limit of the body is for axum-core to find.
        let mut limited = request(b"\xff");
        limit_body(&mut limited, 1);
        stays(limited, |asked| take!(Bytes; asked));
    }

    thread_local! {
        static MADE: RefCell<Vec<u8>> = RefCell::default();
    }

    /// Notes that it is made.
    struct Noted<const N: u8>;

    impl<'de, const N: u8> serde::Deserialize<'de> for Noted<N> {
        fn deserialize<D: serde::Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
            MADE.with_borrow_mut(|made| made.push(N));
            serde::de::IgnoredAny::deserialize(value).map(|_| Self)
        }
    }

    #[test]
    fn arguments_are_made_once_and_in_their_order_and_none_in_vain_where_a_limit_is_for_others_to_find() {
        let made = || MADE.take();
        assert!(take!(Query<Noted<1>>, Query<Noted<2>>, Json<Noted<3>>; &mut request(b"[]")).is_some());
        assert_eq!(made(), [1, 2, 3]);
        let mut limited = request(b"[]");
        limit_body(&mut limited, 10);
        assert!(take!(Query<Noted<1>>, Json<Noted<2>>; &mut limited).is_none());
        assert!(made().is_empty());
    }
}
