//! A request while a handler's arguments are taken out of it one by one, in its future, as they were not all there at once.
//!
//! Where no argument reads the body the request is its head alone, which stays where it is until the last argument is taken:
//! to put it together for that and apart again would move it several times. The attribute does not know which of the two a
//! type is, so it asks as `openapi::probe` does: `(&&&LastOf::<T, S, M>::new()).__slotbus_hold(request)` is the implementation for
//! `&&LastOf` if that is for the type, else that for `&LastOf` if its bounds hold, else that for `LastOf`. The bounds of the second
//! hold where the type needs no body with any state. The first is for [`State`], which asks for a certain state and needs
//! nothing of the request. Others that ask for a certain state are taken out of the whole request.
//!
//! Methods are named so that none of a user's traits has one of that name.

use std::{fmt, marker::PhantomData, mem};

use axum_core::{
    extract::{FromRequest, FromRequestParts, Request},
    response::{IntoResponse, Response},
};
use http::request::Parts;

use super::last::last_argument;
use crate::{body::Body, extract::State, http::reclaim};

/// Drops what the request of a handler without arguments holds.
#[inline]
pub fn let_go(request: &mut Request) {
    crate::http::let_go(request);
}

/// Stands for a handler's last argument `T`, taken with a state `S`; `M` says whether it reads the body.
pub struct LastOf<T, S, M>(PhantomData<fn(S, M) -> T>);

impl<T, S, M> LastOf<T, S, M> {
    /// Asks about `T`.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// Holds the head of a request for the arguments before a [`State`].
pub trait HoldForState<T, S, M> {
    /// Lets the body go.
    fn __slotbus_hold(&self, request: &mut Request) -> HeadForState<T, S, M>;
}

impl<T, S, M> HoldForState<T, S, M> for &&LastOf<State<T>, S, M> {
    fn __slotbus_hold(&self, request: &mut Request) -> HeadForState<T, S, M> {
        let (parts, _) = mem::take(request).into_parts();
        HeadForState { head: Head { parts, last: PhantomData }, last: PhantomData }
    }
}

/// Holds the head of a request.
pub trait HoldHead<T, S> {
    /// Lets the body go.
    fn __slotbus_hold(&self, request: &mut Request) -> Head<T, S>;
}

impl<T: FromRequestParts<S>, S, M> HoldHead<T, S> for &LastOf<T, S, M> {
    fn __slotbus_hold(&self, request: &mut Request) -> Head<T, S> {
        let (parts, _) = mem::take(request).into_parts();
        Head { parts, last: PhantomData }
    }
}

/// Holds a request with its body.
pub trait HoldWhole<T, S, M> {
    /// Keeps all of it.
    fn __slotbus_hold(&self, request: &mut Request) -> Whole<T, S, M>;
}

impl<T: FromRequest<S, M>, S, M> HoldWhole<T, S, M> for LastOf<T, S, M> {
    fn __slotbus_hold(&self, request: &mut Request) -> Whole<T, S, M> {
        Whole { held: Held::Joined(mem::take(request)), last: PhantomData }
    }
}

/// The head of a request whose last argument needs no more.
pub struct Head<T, S> {
    parts: Parts,
    last: PhantomData<fn(S) -> T>,
}

impl<T, S> Drop for Head<T, S> {
    fn drop(&mut self) {
        reclaim(&mut self.parts);
    }
}

impl<T, S> Head<T, S> {
    /// What arguments are taken out of.
    pub fn __slotbus_parts(&mut self) -> &mut Parts {
        &mut self.parts
    }
}

impl<T: FromRequestParts<S>, S> Head<T, S> {
    /// Takes the last argument, or the answer if it is refused.
    ///
    /// # Errors
    /// The answer.
    #[allow(clippy::result_large_err, reason = "a refusal is a whole response, and a handler's answer as it is")]
    pub fn __slotbus_last(&mut self, state: &S) -> impl Future<Output = Result<T, Response>> {
        let taken = T::from_request_parts(&mut self.parts, state);
        async { taken.await.map_err(IntoResponse::into_response) }
    }
}

/// The head of a request whose last argument is a [`State`].
pub struct HeadForState<T, S, M> {
    head: Head<State<T>, S>,
    last: PhantomData<fn(M)>,
}

impl<T, S, M> HeadForState<T, S, M> {
    /// What arguments are taken out of.
    pub fn __slotbus_parts(&mut self) -> &mut Parts {
        self.head.__slotbus_parts()
    }
}

impl<T, S, M> HeadForState<T, S, M>
where
    State<T>: FromRequest<S, M>,
{
    /// Takes the state. That is known to be a last argument alone, which takes a request: any will do.
    ///
    /// # Errors
    /// None.
    #[allow(clippy::result_large_err, reason = "as the last arguments of others")]
    pub fn __slotbus_last(&mut self, state: &S) -> impl Future<Output = Result<State<T>, Response>> {
        let taken = State::from_request(Request::default(), state);
        async { taken.await.map_err(IntoResponse::into_response) }
    }
}

/// A whole request.
pub struct Whole<T, S, M> {
    held: Held,
    last: PhantomData<fn(S, M) -> T>,
}

enum Held {
    Joined(Request),
    /// An argument was taken out of the head.
    Split(Parts, Body),
    /// The last argument was taken.
    Gone,
}

impl Held {
    fn take(&mut self) -> Self {
        mem::replace(self, Self::Gone)
    }
}

impl<T, S, M> Whole<T, S, M> {
    /// What arguments before the last are taken out of.
    pub fn __slotbus_parts(&mut self) -> &mut Parts {
        self.held = match self.held.take() {
            Held::Joined(request) => {
                let (parts, body) = request.into_parts();
                Held::Split(parts, body)
            }
            other => other,
        };
        match &mut self.held {
            Held::Split(parts, _) => parts,
            Held::Joined(_) | Held::Gone => unreachable!("the last argument is taken last"),
        }
    }
}

impl<T, S, M> Whole<T, S, M>
where
    T: FromRequest<S, M> + 'static,
    S: 'static,
    M: 'static,
{
    /// Takes the last argument, or the answer if it is refused.
    ///
    /// # Errors
    /// The answer.
    #[allow(clippy::result_large_err, reason = "a refusal is a whole response, and a handler's answer as it is")]
    pub fn __slotbus_last(&mut self, state: &S) -> impl Future<Output = Result<T, Response>> {
        last_argument(
            match self.held.take() {
                Held::Joined(request) => request,
                Held::Split(parts, body) => Request::from_parts(parts, body),
                Held::Gone => unreachable!("the last argument is taken once"),
            },
            state,
        )
    }
}

macro_rules! debug {
    ($($name:ident<$($parameter:ident),*>)*) => {$(
        impl<$($parameter),*> fmt::Debug for $name<$($parameter),*> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

debug!(LastOf<T, S, M> Head<T, S> HeadForState<T, S, M> Whole<T, S, M>);

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};

    use super::*;
    use crate::extract::Path;

    fn request() -> Request {
        Request::new(Body::empty())
    }

    /// What is made of a certain state.
    struct OfState;

    impl FromRequestParts<u8> for OfState {
        type Rejection = std::convert::Infallible;

        async fn from_request_parts(_: &mut Parts, _: &u8) -> Result<Self, Self::Rejection> {
            Ok(Self)
        }
    }

    /// As the attribute asks, for any state; that it compiles is the proof.
    #[allow(clippy::needless_borrow, reason = "it is how the attribute asks about any type")]
    fn is_held<S, M, N, O>()
    where
        S: Send + Sync,
        State<u8>: FromRequest<S, M>,
        Bytes: FromRequest<S, N>,
        OfState: FromRequest<S, O>,
    {
        let _: HeadForState<u8, S, M> = (&&&LastOf::<State<u8>, S, M>::new()).__slotbus_hold(&mut request());
        let _: Head<Path<String>, S> = (&&&LastOf::<Path<String>, S, ()>::new()).__slotbus_hold(&mut request());
        let _: Head<HeaderMap, S> = (&&&LastOf::<HeaderMap, S, ()>::new()).__slotbus_hold(&mut request());
        let _: Whole<OfState, S, O> = (&&&LastOf::<OfState, S, O>::new()).__slotbus_hold(&mut request());
        let _: Whole<Bytes, S, N> = (&&&LastOf::<Bytes, S, N>::new()).__slotbus_hold(&mut request());
    }

    #[test]
    fn only_the_head_is_kept_for_who_needs_no_body_with_any_state() {
        is_held::<u8, _, _, _>();
    }

    #[tokio::test]
    async fn a_whole_request_gives_its_parts_and_then_the_last_argument() {
        let mut held = LastOf::<Bytes, (), _>::new().__slotbus_hold(&mut Request::new(Body::from("body")));
        assert_eq!(held.__slotbus_parts().method, Method::GET);
        held.__slotbus_parts().headers.insert("x", http::HeaderValue::from_static("1"));
        assert_eq!(held.__slotbus_parts().headers.len(), 1);
        assert_eq!(held.__slotbus_last(&()).await.unwrap(), "body");
        assert!(matches!(held.held, Held::Gone));
    }
}
