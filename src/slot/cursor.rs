//! Where a pump looks for requests, and what it has read of the next before it can be claimed.

use super::read_ahead::ReadAhead;
use crate::protocol::SlotIndex;

/// Regions of so many slots are looked at as a whole again and again; larger ones half as many from the cursor on, and as many
/// of all in turn.
pub(super) const GLANCE: usize = 32;

/// Where a pump's scans start: at the slot it claimed last, which a lone caller uses again, but after a row of claims
/// from one slot behind it, so that no other waits for ever.
#[derive(Debug, Default)]
pub(crate) struct ScanCursor {
    start: usize,
    row: u32,
    /// Where the last glance looked, beside `start`.
    aside: usize,
    /// The slot claimed last, where a lone caller's next request is being written, and the ticket it had then.
    pub(super) last: Option<(SlotIndex, u64)>,
    /// What is copied of that request before it can be claimed; its ticket says which it is.
    pub(super) ahead: Option<Box<ReadAhead>>,
}

impl ScanCursor {
    /// Claims from one slot in a row before others come first.
    const ROW: u32 = 8;

    /// Notes a claim, by which the next scan starts.
    pub(super) fn claimed(&mut self, index: SlotIndex, ticket: u64) {
        self.row = if self.start == index.get() { self.row + 1 } else { 1 };
        self.start = index.get();
        self.last = Some((index, ticket));
        if self.row >= Self::ROW {
            (self.start, self.row) = (index.get() + 1, 0);
        }
    }

    /// The slot that the next scan looks at first.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// Where the next glance looks too: at the piece behind that of the last one.
    pub(super) fn aside(&mut self, slots: usize) -> usize {
        self.aside = (self.aside + GLANCE / 2) % slots;
        self.aside
    }
}
