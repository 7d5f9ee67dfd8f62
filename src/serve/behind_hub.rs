//! What a worker that registers with a hub needs of its description before, and for each bus that it is given.

use std::future::pending;
use std::time::Duration;

use super::{Options, Serve};
use crate::protocol::BusName;

impl<S, F> Serve<S, F> {
    /// What is served.
    pub(crate) fn service(&self) -> &S {
        &self.service
    }

    /// How long the hub may be waited for at the start.
    pub(crate) fn chosen_connect_timeout(&self) -> Option<Duration> {
        self.options.connect_timeout
    }

    /// Takes the signal out, which may be needed before there is a worker.
    pub(crate) fn take_shutdown(self) -> (Serve<S>, F) {
        let Self { service, shutdown, options } = self;
        (Serve { service, shutdown: pending(), options }, shutdown)
    }

    /// The same worker on another bus, which is waited for as long as `patience` says.
    pub(crate) fn on_bus(&self, bus: &BusName, patience: Option<Duration>) -> Serve<S>
    where
        S: Clone,
    {
        let (name, prefix) = (Some(bus.name().to_owned()), bus.prefix().to_owned());
        let options = Options { name, prefix, connect_timeout: patience, ..self.options.clone() };
        Serve { service: self.service.clone(), shutdown: pending(), options }
    }
}
