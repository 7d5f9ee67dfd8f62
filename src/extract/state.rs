//! The state of the router, or a part of it.

use std::convert::Infallible;

use axum_core::extract::{FromRef, FromRequestParts};
use http::request::Parts;

use super::deref;

/// The state given to [`Router::with_state`](crate::Router::with_state), or a part of it by [`FromRef`].
///
/// The value is cloned for the handler, so what is large belongs in an `Arc`.
///
/// ```
/// use slotbus::{State, extract::FromRef};
///
/// #[derive(Clone)]
/// struct Pool;
///
/// #[derive(Clone)]
/// struct App { pool: Pool }
///
/// impl FromRef<App> for Pool {
///     fn from_ref(app: &App) -> Self {
///         app.pool.clone()
///     }
/// }
///
/// #[slotbus::handler(GET, "/")]
/// async fn index(State(pool): State<Pool>, State(app): State<App>) {}
///
/// let router: slotbus::Router = slotbus::Router::new()
///     .routes(slotbus::routes![index])
///     .with_state(App { pool: Pool });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct State<T>(pub T);

deref!(State);

impl<S, T> FromRequestParts<S> for State<T>
where
    T: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(T::from_ref(state)))
    }
}
