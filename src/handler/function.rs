//! Plain async functions and closures as handlers, for places without a route: a router's fallback.

use std::mem;

use axum_core::{
    extract::{FromRequest, FromRequestParts, Request},
    response::IntoResponse,
};

use super::{ResponseFuture, Shared, last::last_argument};

/// An async function or closure of up to eight extractors.
///
/// `A` stands for the arguments and is inferred. All but the last must be [`FromRequestParts`]; the last may read the
/// body ([`FromRequest`]).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an async function of extractors",
    note = "every argument must be an extractor, the result must be `IntoResponse` and the future `Send`"
)]
pub trait HandlerFn<S, A>: Clone + Send + Sync + 'static {
    /// Takes the arguments out of the request, runs the function, converts what it returned.
    fn call(&self, request: &mut Request, state: Shared<S>) -> ResponseFuture;
}

impl<F, Fut, S> HandlerFn<S, ()> for F
where
    F: Fn() -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output: IntoResponse> + Send + 'static,
{
    fn call(&self, _: &mut Request, _: Shared<S>) -> ResponseFuture {
        let answer = self();
        ResponseFuture::new(async move { answer.await.into_response() })
    }
}

macro_rules! functions {
    ($($arg:ident)*) => {
        impl<F, Fut, S, M, $($arg,)* Last> HandlerFn<S, (M, $($arg,)* Last)> for F
        where
            F: Fn($($arg,)* Last) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future<Output: IntoResponse> + Send,
            S: Send + Sync + 'static,
            $($arg: FromRequestParts<S> + Send,)*
            Last: FromRequest<S, M> + Send + 'static,
            M: 'static,
        {
            #[allow(non_snake_case, unused_mut)]
            fn call(&self, request: &mut Request, state: Shared<S>) -> ResponseFuture {
                let (function, request) = (self.clone(), mem::take(request));
                ResponseFuture::new(async move {
                    let (mut parts, body) = request.into_parts();
                    $(
                        let $arg = match $arg::from_request_parts(&mut parts, &state).await {
                            Ok(value) => value,
                            Err(rejection) => return rejection.into_response(),
                        };
                    )*
                    let request = Request::from_parts(parts, body);
                    let last = match last_argument::<Last, S, M>(request, &state).await {
                        Ok(value) => value,
                        Err(refused) => return refused,
                    };
                    function($($arg,)* last).await.into_response()
                })
            }
        }
    };
}

functions!();
functions!(A1);
functions!(A1 A2);
functions!(A1 A2 A3);
functions!(A1 A2 A3 A4);
functions!(A1 A2 A3 A4 A5);
functions!(A1 A2 A3 A4 A5 A6);
functions!(A1 A2 A3 A4 A5 A6 A7);
