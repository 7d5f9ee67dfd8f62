//! The router as it is declared.

use std::sync::{Arc, OnceLock};

use axum_core::{extract::Request, response::IntoResponse};
use tower::{Layer, Service};

use super::{
    declared::{RouteInfo, Routes},
    endpoint::{Endpoint, Route},
    paths::{Fallback, Inner, PathEntry, not_allowed, not_allowed_by, not_found},
};
use crate::{
    body::BoxError,
    handler::{HandlerFn, Shared},
    http::pattern::Pattern,
};

/// Sends each request to the handler declared for its method and path.
///
/// ```
/// # use slotbus::{Path, Router, State, routes};
/// #[slotbus::handler(GET, "/users/{id}")]
/// async fn show(Path(id): Path<u64>, State(greeting): State<&'static str>) -> String {
///     format!("{greeting}, user {id}")
/// }
///
/// let app: Router = Router::new().nest("/v1", Router::new().routes(routes![show])).with_state("hello");
/// ```
///
/// A `Router<S>` waits for a state `S`; a `Router` (that is `Router<()>`) is a tower service of infallible answers.
///
/// What it answers by itself:
/// - **404** for a path without a handler, unless there is a [`fallback`](Self::fallback).
/// - **405** for a path with handlers, but not for that method, with the `Allow` header, unless there is a
///   [`method_not_allowed_fallback`](Self::method_not_allowed_fallback).
/// - **HEAD** by the handler for GET, without the body, unless there is one for HEAD (RFC 9110, section 9.3.2).
/// - **OPTIONS** only where a handler is declared for it, else 405, whose `Allow` says the same as an automatic answer would.
///   As in axum, so that a layer for CORS, or a handler, decides what a preflight is told.
///
/// # Which handler
///
/// Paths are compared strictly. A slash at the end counts: `/a/` is not `/a`, and neither is redirected to the other; the `/`
/// of a nested router is its prefix without one. Escapes in the fixed parts of a path are not decoded. Fixed parts come
/// before what a parameter or `{*rest}` takes, so `/users/me` and `/users/{id}` go together, added in any order; two parameters
/// at one place, or a parameter and `{*rest}`, are in conflict. `{*rest}` takes one character or more: `/files/{*rest}` answers
/// `/files/a/b`, not `/files/`.
///
/// A look-up does not walk over the routes. (What none of them answers is compared with the prefix of each nested router that
/// has a fallback of its own.) When a router is asked first, whether it is ready or for an answer, it logs its routes at the
/// level INFO, a line for each; [`serve`](crate::serve) asks before it claims a request.
///
/// A request that came through a bus carries the pattern by which the hub routed it. If that pattern is one of ours and
/// fits the path, it is taken (one look-up) before the tree of patterns is asked; so where several of our patterns fit a
/// path, the hub's choice stands.
pub struct Router<S = ()> {
    pub(super) inner: Arc<Inner<S>>,
}

impl<S> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    /// A router that answers every request 404.
    pub fn new() -> Self {
        Inner {
            paths: Vec::new(),
            tree: Default::default(),
            fallback: Fallback { endpoint: Endpoint::Bound(Route::new(not_found)), custom: false },
            not_allowed: Fallback { endpoint: Endpoint::Bound(Route::new(not_allowed)), custom: false },
            nested: Vec::new(),
            refusals: None,
            table: OnceLock::new(),
        }
        .into()
    }

    /// Adds handlers.
    ///
    /// # Panics
    /// When a handler's pattern is in conflict with another one's (`/{a}` and `/{b}`), or two handlers have the same method
    /// and pattern. The message names both.
    #[track_caller]
    pub fn routes(self, routes: Routes<S>) -> Self {
        let mut inner = self.into_inner();
        for (declaration, endpoint) in routes.list {
            inner.add(declaration.pattern, declaration, endpoint, None);
        }
        inner.into()
    }

    /// Adds the handlers of `router` under a prefix, which may have parameters: `/tenants/{tenant}`.
    ///
    /// The handlers see the whole path, and the parameters of the prefix before their own. The nested router's pattern `/`
    /// is the prefix itself, without a slash at the end. Its fallback, if it has one, answers what lies below the prefix.
    ///
    /// # Panics
    /// When the prefix does not begin with a slash, ends with one, or takes the rest of the path (`{*rest}`), and on
    /// conflicts as in [`routes`](Self::routes).
    #[track_caller]
    pub fn nest(self, prefix: &str, router: Self) -> Self {
        let parsed = match Pattern::parse(prefix) {
            Ok(parsed) if !prefix.ends_with('/') && !parsed.as_str().contains("{*") => parsed,
            Ok(_) => panic!("cannot nest under `{prefix}`: the prefix ends with a slash or takes the rest of the path"),
            Err(error) => panic!("cannot nest under `{prefix}`: {error}"),
        };
        let below = |pattern: &Pattern| match pattern.as_str() {
            "/" => parsed.as_str().to_owned(),
            path => format!("{}{path}", parsed.as_str()),
        };
        let (mut inner, nested) = (self.into_inner(), router.into_inner().into_part());
        for PathEntry { pattern, methods, not_allowed } in nested.paths {
            for (declaration, endpoint) in methods {
                inner.add(&below(&pattern), declaration, endpoint, Some(&not_allowed));
            }
        }
        for (pattern, endpoint) in nested.nested {
            inner.add_nested(&below(&pattern), endpoint);
        }
        if nested.fallback.custom {
            inner.add_nested(parsed.as_str(), nested.fallback.endpoint);
        }
        inner.into()
    }

    /// Adds the handlers of another router, and its fallback.
    ///
    /// # Panics
    /// When both have a fallback, and on conflicts as in [`routes`](Self::routes).
    #[track_caller]
    pub fn merge(self, router: Self) -> Self {
        let (mut inner, other) = (self.into_inner(), router.into_inner().into_part());
        for PathEntry { pattern, methods, not_allowed } in other.paths {
            for (declaration, endpoint) in methods {
                inner.add(pattern.as_str(), declaration, endpoint, Some(&not_allowed));
            }
        }
        for (pattern, endpoint) in other.nested {
            inner.add_nested(pattern.as_str(), endpoint);
        }
        if other.fallback.custom {
            assert!(!inner.fallback.custom, "cannot merge two routers that both have a fallback");
            inner.fallback = other.fallback;
        }
        inner.into()
    }

    /// Answers paths without a handler by an async function of extractors.
    ///
    /// ```
    /// let app: slotbus::Router = slotbus::Router::new()
    ///     .fallback(async |uri: http::Uri| (http::StatusCode::NOT_FOUND, format!("no {uri} here")));
    /// ```
    pub fn fallback<F: HandlerFn<S, A>, A>(self, function: F) -> Self {
        self.answer_unknown(Endpoint::function(function))
    }

    /// Answers paths without a handler by a tower service: another router, an `axum::Router`, `ServeDir`.
    pub fn fallback_service<T>(self, service: T) -> Self
    where
        T: Service<Request, Response: IntoResponse, Error: Into<BoxError>, Future: Send>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        self.answer_unknown(Endpoint::Bound(Route::service(service)))
    }

    /// Answers methods without a handler, on paths that have one for another method, by an async function of extractors.
    ///
    /// It answers for all paths, whether they were added before or come after, but not for those that have such a function
    /// already: those of a router that had its own when it was [nested](Self::nest) or [merged](Self::merge). An answer of
    /// status 405 gets the `Allow` header, unless it has one.
    ///
    /// ```
    /// let app: slotbus::Router = slotbus::Router::new().method_not_allowed_fallback(async |method: http::Method| {
    ///     (http::StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not for here"))
    /// });
    /// ```
    pub fn method_not_allowed_fallback<F: HandlerFn<S, A>, A>(self, function: F) -> Self {
        let mut inner = self.into_inner();
        let fallback = Fallback { endpoint: not_allowed_by(function), custom: true };
        for path in inner.paths.iter_mut().filter(|path| !path.not_allowed.custom) {
            path.not_allowed = fallback.clone();
        }
        inner.not_allowed = fallback;
        inner.into()
    }

    /// Puts a layer around all that was added so far: handlers, and the answers 404 and 405.
    ///
    /// It runs after routing, so it sees the [`MatchedPath`](crate::MatchedPath) but cannot choose another route. An error
    /// of the layer needs no adapter: a time-out of `tower::timeout` is answered 504, an overload of
    /// [`tower::load_shed`] 503, any other error 500.
    ///
    /// What the attribute of a handler sets for it ([`RouteOptions`](crate::routing::RouteOptions)) stands inside all layers.
    ///
    /// Each handler gets a service of its own from the layer. What is to be counted for all of them together, as the
    /// permits of a concurrency limit, goes around the router: `ServiceBuilder::new().concurrency_limit(64).service(app)`.
    pub fn layer<L>(self, layer: L) -> Self
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request, Response: IntoResponse, Error: Into<BoxError>, Future: Send>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        let mut inner = self.into_inner();
        let wrap = |endpoint: &mut Endpoint<S>| *endpoint = endpoint.clone().layer(layer.clone());
        let Inner { paths, tree: _, fallback, not_allowed: _, nested, refusals: _, table: _ } = &mut inner;
        for PathEntry { pattern: _, methods, not_allowed } in paths {
            methods.iter_mut().for_each(|(_, endpoint)| wrap(endpoint));
            wrap(&mut not_allowed.endpoint);
        }
        nested.iter_mut().for_each(|(_, endpoint)| wrap(endpoint));
        wrap(&mut fallback.endpoint);
        inner.into()
    }

    /// Puts a layer around the handlers added so far, and around nothing else: 404 and 405 are answered without it.
    ///
    /// An authorisation belongs here, as it would otherwise turn 404 into 401.
    ///
    /// # Panics
    /// When there is no handler yet, as the layer would never run.
    #[track_caller]
    pub fn route_layer<L>(self, layer: L) -> Self
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request, Response: IntoResponse, Error: Into<BoxError>, Future: Send>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        assert!(!self.inner.paths.is_empty(), "a route_layer before the first handler would never run");
        let mut inner = self.into_inner();
        for (_, endpoint) in inner.paths.iter_mut().flat_map(|path| &mut path.methods) {
            *endpoint = endpoint.clone().layer(layer.clone());
        }
        inner.into()
    }

    /// Gives the handlers added so far their state. The result waits for another one, most often `()`.
    pub fn with_state<S2>(self, state: S) -> Router<S2> {
        self.into_inner().bind(&Shared::new(state)).into()
    }

    /// What is declared, for a start-up log or a manifest.
    ///
    /// ```
    /// /// The start page.
    /// #[slotbus::handler(GET, "/")]
    /// async fn index() {}
    ///
    /// let app: slotbus::Router = slotbus::Router::new().routes(slotbus::routes![index]);
    /// let route = app.list().next().unwrap();
    /// assert_eq!((route.pattern, route.summary), ("/", "The start page."));
    /// assert_eq!(route.options.timeout(), None);
    /// ```
    pub fn list(&self) -> impl Iterator<Item = RouteInfo<'_>> {
        self.inner.list()
    }

    fn answer_unknown(self, endpoint: Endpoint<S>) -> Self {
        let mut inner = self.into_inner();
        inner.fallback = Fallback { endpoint, custom: true };
        inner.into()
    }

    pub(super) fn into_inner(self) -> Inner<S> {
        Arc::try_unwrap(self.inner).unwrap_or_else(|shared| Inner::clone(&shared))
    }
}
