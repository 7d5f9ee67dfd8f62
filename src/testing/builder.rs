//! What a [`TestBus`] is to be like.

use std::time::Duration;

use http::{Request, Response};
use tower::Service;

use super::bus::TestBus;
use super::patience::{PATIENCE, until};
use crate::body::{Body, BoxError};
use crate::hub::HubBuilder;
use crate::serve::{Serve, serve};

/// Makes a [`TestBus`]. Made by [`TestBus::builder`].
#[derive(Debug)]
#[must_use = "a builder does nothing until `start` or `create`"]
pub struct TestBusBuilder {
    hub: HubBuilder,
    patience: Duration,
}

impl TestBusBuilder {
    pub(super) fn new(hub: HubBuilder, patience: Duration) -> Self {
        Self { hub, patience }
    }

    /// Sets options of the hub: `.hub(|hub| hub.slots(2).timeout(..))`.
    pub fn hub(mut self, options: impl FnOnce(HubBuilder) -> HubBuilder) -> Self {
        self.hub = options(self.hub);
        self
    }

    /// How long [`TestBus::wait_for`] waits before it panics: a minute by default.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Makes the bus, without a worker.
    ///
    /// # Panics
    /// When the hub cannot be made.
    #[track_caller]
    pub fn create(self) -> TestBus {
        let Self { hub, patience } = self;
        let hub = hub.create().unwrap_or_else(|error| panic!("no hub: {error}"));
        TestBus::with_hub(hub, patience)
    }

    /// Makes the bus with one worker that serves `service`; returns when the worker is attached.
    ///
    /// # Panics
    /// As [`TestBus::start`].
    pub async fn start<S, R>(self, service: S) -> TestBus
    where
        S: Service<Request<Body>, Response = Response<R>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        R: http_body::Body + Send + 'static,
        R::Data: Send,
        R::Error: Into<BoxError>,
    {
        self.serve(serve(service)).await
    }

    /// Makes the bus with one worker that has options: `.serve(slotbus::serve(app).pumps(1))`; returns when the worker is attached.
    ///
    /// # Panics
    /// As [`TestBus::start`].
    pub async fn serve<S, R>(self, worker: Serve<S>) -> TestBus
    where
        S: Service<Request<Body>, Response = Response<R>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        R: http_body::Body + Send + 'static,
        R::Data: Send,
        R::Error: Into<BoxError>,
    {
        let bus = self.create();
        let worker = bus.worker(worker);
        let attached = until(PATIENCE, || {
            worker.check();
            bus.hub().has_workers()
        });
        assert!(attached.await, "the worker is not attached after {PATIENCE:?}");
        bus
    }
}
