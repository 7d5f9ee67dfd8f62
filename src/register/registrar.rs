//! Keeps one worker registered.

use std::error::Error;
use std::time::{Duration, Instant};

use super::client::HubClient;
use crate::control::{HEALTH_PATH, Health, HubError, REGISTER_PATH, Registered, Registration};
use crate::protocol::BusName;

/// How often the hub is asked whether it still knows the worker.
const HEALTH_CHECK: Duration = Duration::from_secs(1);
/// A registration that was lost earlier is followed by a longer pause than the last one.
const LASTING: Duration = Duration::from_secs(10);

/// Pauses that double.
struct Pauses(Duration);

impl Pauses {
    const FIRST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(5);

    fn new() -> Self {
        Self(Self::FIRST)
    }

    fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(Self::LONGEST);
        pause
    }
}

/// What a hub gave for a registration.
#[derive(Clone)]
pub(super) struct Given {
    worker_id: String,
    pub(super) bus: BusName,
}

/// A hub, and what it is told.
pub(super) struct Registrar {
    client: HubClient,
    registration: Registration,
}

impl Registrar {
    pub(super) fn new(client: HubClient, registration: Registration) -> Self {
        Self { client, registration }
    }

    /// The name under which the worker registers.
    fn name(&self) -> &str {
        &self.registration.name
    }

    async fn register(&self) -> Result<Given, HubError> {
        let Registered { worker_id, shm_name } = self.client.post(REGISTER_PATH, &self.registration).await?;
        let bus = self.bus_of(&shm_name)?;
        tracing::info!(hub = %self.client, name = self.name(), %bus, routes = self.registration.routes.len(), "registered");
        Ok(Given { worker_id, bus })
    }

    /// The bus of a region that the hub named.
    fn bus_of(&self, region: &str) -> Result<BusName, HubError> {
        let prefix = region.strip_suffix(self.name()).and_then(|prefix| prefix.strip_suffix('-'));
        let parts = match prefix {
            Some(prefix) if !prefix.is_empty() => Some((prefix, &region[prefix.len() + 1..])),
            _ => region.split_once('-'),
        };
        let bus = parts.and_then(|(prefix, name)| BusName::new(prefix, name).ok());
        bus.ok_or_else(|| HubError::Region(region.to_owned()))
    }

    /// Registers for the first time, when a refusal is final and the patience may end.
    pub(super) async fn register_first(&self, patience: Option<Duration>) -> Result<Given, HubError> {
        let attempts = async {
            let mut pauses = Pauses::new();
            loop {
                match self.register().await {
                    Err(error) if error.is_passing() => self.wait(&error, &mut pauses).await,
                    outcome => return outcome,
                }
            }
        };
        match patience {
            None => attempts.await,
            Some(patience) => tokio::time::timeout(patience, attempts)
                .await
                .unwrap_or_else(|_| Err(HubError::NotReached { url: self.client.to_string(), waited: patience })),
        }
    }

    /// Watches whether the hub knows the worker, and registers again; resolves when that gives another bus.
    pub(super) async fn watch(&self, Given { worker_id, bus }: Given) -> Given {
        let (mut known, mut since) = (worker_id, Instant::now());
        let (mut losses, mut errors) = (Pauses::new(), Pauses::new());
        loop {
            tokio::time::sleep(HEALTH_CHECK).await;
            match self.client.get::<Health>(HEALTH_PATH).await {
                Ok(health) if health.workers.iter().any(|worker| worker.worker_id == known) => {
                    errors = Pauses::new();
                    continue;
                }
                Ok(_) => tracing::info!(hub = %self.client, "the hub does not know this worker any more"),
                // It may be slow and know the worker all the same, whose requests in hand another registration would cost.
                Err(error) => {
                    self.wait(&error, &mut errors).await;
                    continue;
                }
            }
            if since.elapsed() >= LASTING {
                losses = Pauses::new();
            }
            tokio::time::sleep(losses.next()).await;
            let next = loop {
                match self.register().await {
                    Ok(next) => break next,
                    Err(error) => self.wait(&error, &mut errors).await,
                }
            };
            errors = Pauses::new();
            if next.bus != bus {
                return next;
            }
            (known, since) = (next.worker_id, Instant::now());
        }
    }

    async fn wait(&self, error: &HubError, pauses: &mut Pauses) {
        let (pause, cause) = (pauses.next(), error.source().map(ToString::to_string));
        tracing::warn!(hub = %self.client, cause, "the hub is asked again in {pause:?}: {error}");
        tokio::time::sleep(pause).await;
    }
}
