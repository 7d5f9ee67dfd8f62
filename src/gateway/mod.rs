//! HTTP in front of workers, which register with it.
//!
//! [`Gateway`]: Gateway
//! [deploying with a gateway]: crate::guides::deploy
//! [observability]: crate::guides::observability
//! [the first worker]: crate::guides::first_worker
// The example needs `register`.
#![cfg_attr(any(feature = "register", not(doctest)), doc = include_str!("../../docs/guides/gateway.md"))]

mod audience;
mod builder;
mod client_body;
mod connection;
mod forward;
mod front;
mod plane;
mod refused;
mod registry;
mod routes;
mod secret;
mod server;
mod streams;
mod table;
mod tasks;
mod traffic;
mod upload;
mod worker;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use self::audience::Audience;
use self::builder::Options;
pub use self::builder::{BindError, GatewayBuilder};
use self::registry::Registry;
use self::streams::Streams;
use self::tasks::{Owner, Tasks};
use crate::observe::GatewayMeters;

/// HTTP/1.1 and HTTP/2 without TLS in front of workers that register with it.
///
/// ```no_run
/// use slotbus::gateway::Gateway;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let gateway = Gateway::builder().body_limit(1 << 20).bind("127.0.0.1:3200").await?;
/// println!("http://{}", gateway.local_addr());
/// gateway.serve_until(slotbus::shutdown_signal()).await;
/// # Ok(())
/// # }
/// ```
#[must_use = "a gateway answers nothing until it serves"]
pub struct Gateway {
    listener: TcpListener,
    address: SocketAddr,
    inner: Arc<Inner>,
    tasks: Owner,
}

/// What all connections share.
struct Inner {
    options: Options,
    registry: Registry,
    streams: Arc<Streams>,
    audience: Audience,
    /// Of requests that are with workers, or whose answers are on their way.
    places: Arc<Semaphore>,
    /// Of bodies that are being received.
    uploads: Semaphore,
    /// Of registrations and of events that are being taken.
    registrations: Semaphore,
    events: Semaphore,
    /// What goes on without its connection: registrations, and telling workers of clients that have gone.
    tasks: Tasks,
    meters: GatewayMeters,
}

impl Gateway {
    /// Starts describing a gateway.
    pub fn builder() -> GatewayBuilder {
        GatewayBuilder::default()
    }

    fn new(listener: TcpListener, address: SocketAddr, options: Options) -> Self {
        let tasks = Owner::new();
        let inner = Inner {
            registry: Registry::new(options.prefix.clone()),
            streams: Streams::new(options.streams, options.heartbeat),
            audience: Audience::default(),
            places: Arc::new(Semaphore::new(options.requests.min(Semaphore::MAX_PERMITS))),
            uploads: Semaphore::new(options.uploads.min(Semaphore::MAX_PERMITS)),
            registrations: Semaphore::new(plane::REGISTRATIONS),
            events: Semaphore::new(plane::EVENTS),
            tasks: tasks.tasks().clone(),
            meters: GatewayMeters::new(),
            options,
        };
        Self { listener, address, inner: Arc::new(inner), tasks }
    }

    /// The address it listens on, with the port that was chosen for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `signal` resolves and what is in hand then is answered, for the time that
    /// [`drain_timeout`](GatewayBuilder::drain_timeout) gives.
    ///
    /// From the signal on connections are refused, event streams end and their workers are told so; at the end the buses are
    /// closed, and workers of this crate wait for the next gateway. Dropping the future ends everything at once.
    ///
    /// Needs a tokio runtime with time and I/O.
    pub async fn serve_until(self, signal: impl Future<Output = ()>) {
        let Self { listener, inner, tasks, address: _ } = self;
        server::serve(listener, inner, tasks, signal).await;
    }

    /// Serves for ever; see [`serve_until`](Self::serve_until).
    pub async fn serve(self) {
        self.serve_until(std::future::pending()).await;
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("address", &self.address).finish_non_exhaustive()
    }
}
