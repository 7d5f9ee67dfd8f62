//! What workers and an HTTP hub say to each other beside the bus: registration, health and events, as values.
//!
//! The JSON of `slotbus-hub` 0.1 and 0.2. The feature `register` is the worker's side, `gateway` the hub's. Fields that are not
//! known are ignored on both sides.

#[cfg(feature = "register")]
mod error;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

#[cfg(feature = "register")]
pub use self::error::HubError;

/// Where a worker registers: `POST` of a [`Registration`], answered by [`Registered`].
pub const REGISTER_PATH: &str = "/internal/register";
/// Where a worker sends an [`Event`] to everybody who listens.
pub const EMIT_PATH: &str = "/internal/emit";
/// Where a worker sends an event to one client's stream: [`SsePush`].
pub const SSE_PUSH_PATH: &str = "/internal/sse-push";
/// Where a hub says which workers it knows: [`Health`].
pub const HEALTH_PATH: &str = "/health";
/// What a hub asks workers that prove their life by no lock; it is answered 200 by the worker itself.
pub const PING_PATH: &str = "/__ping__";
/// The header of the secret that callers from other machines must know.
pub const SECRET_HEADER: &str = "x-hub-secret";
/// The address of a hub that was told none.
pub const DEFAULT_HUB: &str = "http://127.0.0.1:3200";

/// One route of a worker.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Route {
    /// The method, in upper case.
    pub method: String,
    /// The pattern: `/items/{id}` or `/items/:id`.
    pub path: String,
    /// Whether the hub holds the client's connection open and the worker is only told of its coming and going.
    #[serde(default)]
    pub sse: bool,
}

/// What a worker says of itself. A name that is registered again replaces the worker that had it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Registration {
    /// The worker's name.
    pub name: String,
    /// What the hub is to send to it.
    pub routes: Vec<Route>,
}

/// A hub's answer to a [`Registration`]: the bus is there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Registered {
    /// This registration, as it will stand in [`Health`].
    pub worker_id: String,
    /// The region, with its prefix and without `/dev/shm/`: `hub-NAME`.
    pub shm_name: String,
}

/// How a hub is, and which workers it knows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Health {
    /// Whether it works.
    pub ok: bool,
    /// Who is registered. A worker whose id is missing must register again.
    pub workers: Vec<WorkerInfo>,
}

/// One worker, as a hub sees it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WorkerInfo {
    /// Its name.
    pub name: String,
    /// Its registration.
    pub worker_id: String,
    /// How many routes it has registered.
    pub route_count: usize,
    /// How it is reached: `shm`.
    pub transport: String,
}

/// An event for everybody who listens.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Who sends it.
    pub source: String,
    /// What kind it is: the `event` of the stream.
    pub event_type: String,
    /// What it says: the `data` of the stream.
    pub data: String,
}

/// An event for the streams of one path, named by itself or by a pattern and its parameters.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SsePush {
    /// The path that the client has asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The pattern that was registered, with `params`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The parameters of `pattern`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<HashMap<String, String>>,
    /// What kind it is: the `event` of the stream.
    pub event_type: String,
    /// What it says: the `data` of the stream.
    pub data: String,
}

/// The body of the GET request that tells a worker of a client of one of its event streams.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SseLifecycle {
    /// Whether the client came or went.
    pub sse_lifecycle: Lifecycle,
    /// The parameters of the route.
    pub params: HashMap<String, String>,
}

/// Whether a client came or went.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lifecycle {
    /// It came.
    Connect,
    /// It went.
    Disconnect,
}
