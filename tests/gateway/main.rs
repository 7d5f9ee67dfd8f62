//! The gateway: HTTP clients on one side, workers that register on the other. Needs the feature `gateway`; what is about the
//! program `slotbus` needs `cli`.
#![cfg(feature = "gateway")]

#[cfg(feature = "cli")]
mod command;
mod connections;
mod events;
mod forwarding;
mod readers;
mod registration;
mod setup;
mod uploads;
#[path = "../support/mod.rs"]
mod support;
mod workers;
