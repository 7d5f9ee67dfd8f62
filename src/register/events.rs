//! What a worker sends by its hub to clients that listen.

use std::fmt;
use std::sync::Arc;

use super::client::HubClient;
use crate::control::{DEFAULT_HUB, EMIT_PATH, Event, HubError, SSE_PUSH_PATH, SsePush};

/// Sends events to the clients of an HTTP hub. Cheap to clone; made once and kept in the state of a router.
///
/// ```no_run
/// # async fn run() -> Result<(), slotbus::control::HubError> {
/// use slotbus::register::Events;
///
/// let events = Events::new("http://127.0.0.1:3200", "shop")?;
/// events.emit("sold", r#"{"item":7}"#).await?;
/// events.push("/orders/7/stream", "state", "packed").await
/// # }
/// ```
#[derive(Clone)]
pub struct Events {
    client: Arc<HubClient>,
    source: Arc<str>,
}

impl Events {
    /// Events of `source`, a worker's name, by the hub at `url`; an empty `url` is the variable `SLOTBUS_HUB`, else
    /// `http://127.0.0.1:3200`. The secret is the variable `SLOTBUS_HUB_SECRET`.
    ///
    /// # Errors
    ///
    /// When the address is none.
    pub fn new(url: &str, source: impl Into<Arc<str>>) -> Result<Self, HubError> {
        Self::with_secret(url, source, super::secret_from_environment().as_deref())
    }

    /// As [`new`](Self::new), with the hub's secret.
    ///
    /// # Errors
    ///
    /// When the address is none, or the secret cannot stand in a header.
    pub fn with_secret(url: &str, source: impl Into<Arc<str>>, secret: Option<&str>) -> Result<Self, HubError> {
        let from_environment = super::url_from_environment();
        let url = if url.is_empty() { from_environment.as_deref().unwrap_or(DEFAULT_HUB) } else { url };
        Ok(Self { client: Arc::new(HubClient::new(url, secret)?), source: source.into() })
    }

    /// Sends an event to everybody who listens to the hub's events.
    ///
    /// # Errors
    ///
    /// When the hub cannot be reached or refuses it.
    pub async fn emit(&self, event_type: impl Into<String>, data: impl Into<String>) -> Result<(), HubError> {
        let source = self.source.to_string();
        self.client.tell(EMIT_PATH, &Event { source, event_type: event_type.into(), data: data.into() }).await
    }

    /// Sends an event to the clients of the stream at `path`.
    ///
    /// # Errors
    ///
    /// When the hub cannot be reached or refuses it.
    pub async fn push(
        &self,
        path: impl Into<String>,
        event_type: impl Into<String>,
        data: impl Into<String>,
    ) -> Result<(), HubError> {
        let (path, event_type, data) = (Some(path.into()), event_type.into(), data.into());
        self.client.tell(SSE_PUSH_PATH, &SsePush { path, pattern: None, params: None, event_type, data }).await
    }

    /// Sends an event to the clients of the stream with this pattern and these parameters.
    ///
    /// # Errors
    ///
    /// When the hub cannot be reached or refuses it.
    pub async fn push_to<K: Into<String>, V: Into<String>>(
        &self,
        pattern: impl Into<String>,
        params: impl IntoIterator<Item = (K, V)>,
        event_type: impl Into<String>,
        data: impl Into<String>,
    ) -> Result<(), HubError> {
        let params = params.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let (pattern, params) = (Some(pattern.into()), Some(params));
        let (event_type, data) = (event_type.into(), data.into());
        self.client.tell(SSE_PUSH_PATH, &SsePush { path: None, pattern, params, event_type, data }).await
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("hub", &self.client.to_string()).field("source", &self.source).finish()
    }
}
