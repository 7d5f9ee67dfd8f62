//! What a test does to a hub that nobody else may.

use std::sync::Arc;

use super::service::Hub;
use super::shared::Shared;

impl Hub {
    /// Takes a ring from the bell on which workers wait, so that none of them is woken by it; whether there was one.
    pub(crate) fn drop_wake(&self) -> bool {
        self.current().bus.bus().requests().try_take()
    }

    /// Takes all memory that request bodies may take outside the region, until the result is dropped.
    pub(crate) fn exhaust_room(&self) -> NoRoomLeft {
        let shared = self.current();
        // What is kept for later bodies first: it would hold those that are no longer.
        shared.make_room();
        let bytes = shared.bus.take_room();
        NoRoomLeft { shared, bytes }
    }
}

/// Holds the memory for request bodies of one hub; dropped, it gives it back.
#[derive(Debug)]
pub(crate) struct NoRoomLeft {
    shared: Arc<Shared>,
    bytes: u64,
}

impl Drop for NoRoomLeft {
    fn drop(&mut self) {
        let Self { shared, bytes } = self;
        shared.bus.give_room(*bytes);
    }
}
