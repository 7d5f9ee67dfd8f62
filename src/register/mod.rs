//! A worker behind a hub that speaks HTTP, as `slotbus-hub` and `slotbus gateway` do: it registers and gets its bus.
//!
//! ```text
//!   POST /internal/register ─► bus ─► worker          one worker, for as long as the name of its bus stays
//!          ▲                    │
//!          └── forgotten ◄── GET /health, once a second
//! ```
//!
//! What stays true: the worker follows its bus by itself, whatever the registration does; a hub that does not answer is waited
//! for and never ends a worker; a registration that the hub refuses, the first time, does.

mod client;
mod events;
mod lifecycle;
mod registrar;
mod routes;

use std::collections::BTreeSet;
use std::fmt;
use std::future::{Future, IntoFuture, Pending, pending};
use std::pin::pin;

use futures::channel::oneshot;
use futures::future::{Either, select};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use http::{Request, Response};
use tower::Service;

use self::client::HubClient;
pub use self::events::Events;
pub use self::lifecycle::{NoLifecycle, SseLifecycleRejection};
use self::registrar::Registrar;
use crate::body::{Body, BoxError};
use crate::control::{DEFAULT_HUB, Registration};
use crate::routing::Router;
use crate::serve::{Error, Serve, ServeFuture};

/// The variable that says where the hub is when [`Serve::hub`] is given an empty address.
pub const HUB_VARIABLE: &str = "SLOTBUS_HUB";
/// The variable that holds the hub's secret when [`ServeBehindHub::secret`] does not.
pub const SECRET_VARIABLE: &str = "SLOTBUS_HUB_SECRET";

impl<F> Serve<Router, F> {
    /// Registers the router's routes with the hub at `url` and serves the bus that the hub gives.
    ///
    /// An empty `url` stands for the variable `SLOTBUS_HUB`, and for `http://127.0.0.1:3200` without one. The name under which
    /// the worker registers is [`name`](Self::name), or `SLOTBUS_NAME`. Beside each GET there is a HEAD. Needs the feature
    /// `register`, and a tokio runtime with I/O and time.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), slotbus::Error> {
    /// use slotbus::{Router, handler, routes};
    ///
    /// #[handler(GET, "/hello")]
    /// async fn hello() -> &'static str {
    ///     "hello"
    /// }
    ///
    /// let app = Router::new().routes(routes![hello]);
    /// slotbus::serve(app).name("greeter").hub("http://127.0.0.1:3200").await
    /// # }
    /// ```
    pub fn hub(self, url: impl Into<String>) -> ServeBehindHub<Router, F> {
        let routes = self.service().list().map(|route| (route.method.to_string(), route.pattern.to_owned())).collect();
        ServeBehindHub::new(self, url.into(), routes)
    }
}

impl<S, F> Serve<S, F> {
    /// As [`hub`](Serve::hub), for a service that cannot say itself what it answers: an `axum::Router`, a `ServeDir`. Its routes
    /// are methods and patterns.
    ///
    /// ```no_run
    /// # async fn run(app: axum::Router) -> Result<(), slotbus::Error> {
    /// slotbus::serve(app).name("shop").hub_with_routes("", [("GET", "/items/{id}"), ("POST", "/items")]).await
    /// # }
    /// ```
    pub fn hub_with_routes<M, P>(
        self,
        url: impl Into<String>,
        routes: impl IntoIterator<Item = (M, P)>,
    ) -> ServeBehindHub<S, F>
    where
        M: Into<String>,
        P: Into<String>,
    {
        let routes = routes.into_iter().map(|(method, pattern)| (method.into(), pattern.into())).collect();
        ServeBehindHub::new(self, url.into(), routes)
    }
}

/// A worker that registers with a hub before it serves; `.await` starts it. Made by [`Serve::hub`].
///
/// It asks the hub once a second whether it is still known, and registers again when the hub says that it is not, as one that was
/// started anew does. Attempts that fail, and registrations that do not last, are followed by pauses from 50 ms, doubled up to 5 s: two
/// workers of one name take it from each other, since such a hub has one worker for each name. What is in hand is answered as ever.
///
/// # Errors
///
/// Those of [`serve`](crate::serve), and [`Error::Hub`] when the address is none, or the hub refuses the first registration. A hub that
/// cannot be reached is waited for: at the beginning as long as [`connect_timeout`](Serve::connect_timeout) says, and for ever later.
#[must_use = "a worker does nothing until it is awaited"]
pub struct ServeBehindHub<S, F = Pending<()>> {
    serve: Serve<S, F>,
    url: String,
    secret: Option<String>,
    routes: Vec<(String, String)>,
    streams: BTreeSet<String>,
}

impl<S, F> ServeBehindHub<S, F> {
    fn new(serve: Serve<S, F>, url: String, routes: Vec<(String, String)>) -> Self {
        Self { serve, url, secret: None, routes, streams: BTreeSet::new() }
    }

    /// What the hub asks of callers from other machines; by default the variable `SLOTBUS_HUB_SECRET`.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// Makes streams of server-sent events of these patterns: the hub keeps their clients' connections, tells the handler of their
    /// coming and going by a GET with an [`SseLifecycle`](crate::control::SseLifecycle), and sends them what [`Events::push`] is given.
    pub fn streams<P: Into<String>>(mut self, patterns: impl IntoIterator<Item = P>) -> Self {
        self.streams.extend(patterns.into_iter().map(Into::into));
        self
    }

    /// Stops when `signal` resolves, as [`Serve::with_graceful_shutdown`] does.
    pub fn with_graceful_shutdown<G>(self, signal: G) -> ServeBehindHub<S, G>
    where
        G: Future<Output = ()> + Send + 'static,
    {
        let Self { serve, url, secret, routes, streams } = self;
        ServeBehindHub { serve: serve.with_graceful_shutdown(signal), url, secret, routes, streams }
    }

    /// What is registered.
    fn registration(&self) -> Result<Registration, Error> {
        Ok(Registration { name: self.serve.chosen_name()?, routes: routes::list(&self.routes, &self.streams)? })
    }
}

impl<S, F> fmt::Debug for ServeBehindHub<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = self.secret.as_ref().map(|_| "***");
        f.debug_struct("ServeBehindHub")
            .field("serve", &self.serve)
            .field("url", &self.url)
            .field("secret", &secret)
            .finish()
    }
}

impl<S, R, F> IntoFuture for ServeBehindHub<S, F>
where
    S: Service<Request<Body>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    R: http_body::Body + Send + 'static,
    R::Data: Send,
    R::Error: Into<BoxError>,
    F: Future<Output = ()> + Send + 'static,
{
    type Output = Result<(), Error>;
    type IntoFuture = ServeFuture;

    fn into_future(self) -> ServeFuture {
        ServeFuture::new(async move {
            let registration = self.registration()?;
            let url = Some(self.url).filter(|url| !url.is_empty()).or_else(url_from_environment);
            let secret = self.secret.or_else(secret_from_environment);
            let client = HubClient::new(url.as_deref().unwrap_or(DEFAULT_HUB), secret.as_deref())?;
            let registrar = Registrar::new(client, registration);
            let (serve, shutdown) = self.serve.take_shutdown();
            let shutdown = shutdown.shared();

            // Only the first hub and the first bus are waited for with a limit.
            let mut patience = serve.chosen_connect_timeout();
            let first = registrar.register_first(patience);
            let mut given = match select(shutdown.clone(), pin!(first)).await {
                Either::Left(_) => return Ok(()),
                Either::Right((given, _)) => given?,
            };
            // Workers of buses that were given before; they answer what they have.
            let mut leaving = FuturesUnordered::new();
            loop {
                let (leave, left) = oneshot::channel::<()>();
                let stop = select(shutdown.clone(), left).map(drop);
                let worker = serve.on_bus(&given.bus, patience.take());
                let worker = worker.with_graceful_shutdown(stop).into_future();
                let outcome = {
                    // A worker that drains is to be forgotten.
                    let watched = registrar.watch(given.clone());
                    let watch = pin!(async {
                        match select(shutdown.clone(), pin!(watched)).await {
                            Either::Left(_) => pending().await,
                            Either::Right((next, _)) => next,
                        }
                    });
                    let others = pin!(see_out(&mut leaving).then(|()| pending()));
                    match select(worker, select(watch, others)).await {
                        Either::Left((ended, _)) => Either::Left(ended),
                        Either::Right((next, worker)) => Either::Right((next.factor_first().0, worker)),
                    }
                };
                let (next, worker) = match outcome {
                    Either::Left(ended) => {
                        see_out(&mut leaving).await;
                        return ended;
                    }
                    Either::Right(moved) => moved,
                };
                drop(leave);
                leaving.push(worker);
                given = next;
            }
        })
    }
}

/// Waits for workers that were left for another bus; how one ended, nobody else is told.
async fn see_out(leaving: &mut FuturesUnordered<ServeFuture>) {
    while let Some(ended) = leaving.next().await {
        if let Err(error) = ended {
            tracing::warn!("a worker ended on a bus that the hub had given before: {error}");
        }
    }
}

/// The hub's address; an empty variable is as good as none.
fn url_from_environment() -> Option<String> {
    std::env::var(HUB_VARIABLE).ok().filter(|url| !url.is_empty())
}

/// The hub's secret, without the line end that a file's last line has.
fn secret_from_environment() -> Option<String> {
    let secret = std::env::var(SECRET_VARIABLE).ok()?.trim_end().to_owned();
    Some(secret).filter(|secret| !secret.is_empty())
}
