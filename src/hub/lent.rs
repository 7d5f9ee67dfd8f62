//! Slots whose caller is done with them: back to the pool now, or when the last bytes of their answer are dropped, or when
//! their worker is.

use std::sync::Arc;
use std::time::Instant;

use super::board::Entry;
use super::pool::Permit;
use super::shared::Shared;
use super::watcher;
use crate::bus::Bus;
use crate::slot::{DispatchedSlot, Keeper};

/// Frees a slot whose caller wants nothing more of it. While a worker runs its request or holds bytes of it, it becomes a
/// zombie instead.
#[inline]
pub(super) fn give_back(shared: &Shared, permit: Permit, slot: DispatchedSlot) {
    if slot.end(&shared.bus) {
        return drop(permit);
    }
    slot.give_up(&shared.bus);
    // Interest, asking for a ring, entry, look, in this order, as a caller that parks: the worker rings after it has answered or
    // let go.
    shared.add_interest();
    slot.expect_ring(&shared.bus);
    let index = permit.slot();
    *shared.board.entry(index) = Entry::Zombie { slot, since: Instant::now(), _permit: permit };
    shared.mind_zombies();
    watcher::look(shared);
}

/// A slot whose response's body is lent to the hub's user.
pub(super) struct LentSlot {
    shared: Arc<Shared>,
    /// Present until the last bytes are dropped.
    slot: Option<(Permit, DispatchedSlot)>,
}

impl LentSlot {
    pub(super) fn new(shared: Arc<Shared>, permit: Permit, slot: DispatchedSlot) -> Self {
        Self { shared, slot: Some((permit, slot)) }
    }
}

impl Keeper for LentSlot {
    fn bus(&self) -> &Bus {
        self.shared.bus.bus()
    }
}

impl Drop for LentSlot {
    fn drop(&mut self) {
        if let Some((permit, slot)) = self.slot.take() {
            give_back(&self.shared, permit, slot);
        }
    }
}
