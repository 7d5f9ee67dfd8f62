//! Shows whether the published 0.1.2 hub gave two requests the same bytes.
//!
//! Its heap reset looks at all slots and then stores 0, before every dispatch and after every answer. A dispatch that
//! takes its slot and its bytes between the look and the store keeps them, and they are given away again. The ledger
//! holds where the bytes of each request are and from when to when it was in flight. A request was harmed by its hub
//! if another one, in another slot, got some of its bytes while it was in flight; and, if it was lost, if the hub also
//! said that it could not read the answer in that slot.
//!
//! When a slot became free is known from its next use or from the answer, so a little late: of requests that were not
//! harmed, about one in twenty seems to share bytes too. One whose slot had moved on before it was looked at may have shared. A worker that mixes up answers by itself is found by the rest.

use std::fs::File;
use std::mem;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use published01::types::{SHM_HEADER_SIZE, SLOT_META_SIZE};
use uuid::Uuid;

use crate::failed_reads::FailedReads;
use crate::hubs::SLOTS;

/// From when to when.
type Span = (Duration, Duration);
/// Offset and end in the heap.
type Range = (u32, u32);
/// The bytes of one slot.
type Slot = [u8; SLOT_META_SIZE];

/// The requests of one phase.
pub(crate) struct Ledger {
    region: File,
    start: Instant,
    failed_reads: FailedReads,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    entries: Vec<Entry>,
}

struct Entry {
    id: Uuid,
    dispatch: Span,
    over: Duration,
    slot: Option<usize>,
    ranges: Vec<Range>,
}

impl Ledger {
    /// Opens the ledger of the bus called `name`, whose region is there.
    pub(crate) fn new(name: &str) -> Self {
        let region = File::open(format!("/dev/shm/slotbus-{name}")).expect("the hub made its region");
        let failed_reads = FailedReads::listen();
        Self { region, start: Instant::now(), failed_reads, pages: Mutex::default() }
    }

    /// A phase begins: nothing is in flight.
    pub(crate) fn clear(&self) {
        *self.pages() = Pages::default();
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().expect("no panic while it is held")
    }

    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// The hub has taken request `id`, in a dispatch that began at `begun`.
    pub(crate) fn dispatched(&self, id: Uuid, begun: Duration) -> Sighting<'_> {
        let dispatch = (begun, self.now());
        let (slot, ranges) = match self.find(id) {
            Some((number, slot)) => (Some(number), request_ranges(&slot)),
            None => (None, Vec::new()),
        };
        let mut pages = self.pages();
        pages.entries.push(Entry { id, dispatch, over: Duration::MAX, slot, ranges });
        Sighting { ledger: self, entry: pages.entries.len() - 1, id }
    }

    /// Whether `id`, which was lost or wrongly answered, was harmed by the hub's reset.
    pub(crate) fn shared_heap(&self, id: Uuid, lost: bool) -> bool {
        let pages = self.pages();
        let Some(own) = pages.entries.iter().position(|entry| entry.id == id) else { return false };
        let Entry { slot, dispatch, over, .. } = pages.entries[own];
        let was_read = !lost || self.failed_reads.any(slot, self.start + dispatch.0, self.start + over);
        let ends = pages.ends();
        let harmed = |other: usize| pages.shared_bytes(own, other, &ends) || pages.may_have_shared(own, other);
        was_read && (0..ends.len()).any(|other| other != own && harmed(other))
    }

    /// The slot that holds `id`, with its number.
    fn find(&self, id: Uuid) -> Option<(usize, Slot)> {
        let mut table = [0; SLOTS * SLOT_META_SIZE];
        self.region.read_exact_at(&mut table, SHM_HEADER_SIZE as u64).expect("all slots");
        let mut text = [0; 36];
        id.hyphenated().encode_lower(&mut text);
        let slots = table.chunks_exact(SLOT_META_SIZE).map(|slot| slot.try_into().expect("whole slots"));
        slots.enumerate().find(|(_, slot): &(_, Slot)| slot[4..40] == text)
    }
}

impl Pages {
    /// When the slot of each request was surely free again.
    fn ends(&self) -> Vec<Duration> {
        let mut next_use = [Duration::MAX; SLOTS];
        let mut ends: Vec<Duration> = Vec::with_capacity(self.entries.len());
        for Entry { dispatch, over, slot, .. } in self.entries.iter().rev() {
            let next = slot.map_or(Duration::MAX, |slot| mem::replace(&mut next_use[slot], dispatch.1));
            ends.push(next.min(*over));
        }
        ends.reverse();
        ends
    }

    /// Whether nothing is known of the bytes of one of two requests that were in flight at the same time: its slot had moved on
    /// before it was looked at, because the thread that had dispatched it had to wait for its core.
    fn may_have_shared(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.entries[a], &self.entries[b]);
        (a.slot.is_none() || b.slot.is_none()) && a.dispatch.0 < b.over && b.dispatch.0 < a.over
    }

    /// Whether the later of two requests got bytes of the earlier one while that was in flight.
    fn shared_bytes(&self, a: usize, b: usize, ends: &[Duration]) -> bool {
        let starts = |entry: usize| self.entries[entry].dispatch.0;
        let (earlier, later) = if starts(a) < starts(b) { (a, b) } else { (b, a) };
        let (first, second) = (&self.entries[earlier], &self.entries[later]);
        let overlap = |x: &Range| second.ranges.iter().any(|y| x.0 < y.1 && y.0 < x.1);
        second.dispatch.1 < ends[earlier] && first.slot != second.slot && first.ranges.iter().any(overlap)
    }
}

/// A request in flight.
pub(crate) struct Sighting<'a> {
    ledger: &'a Ledger,
    entry: usize,
    id: Uuid,
}

impl Sighting<'_> {
    /// It was answered, or given up.
    pub(crate) fn over(self) {
        let Self { ledger, entry, id } = self;
        let over = ledger.now();
        let ranges = ledger.find(id).map(|(_, slot)| response_ranges(&slot)).unwrap_or_default();
        let entry = &mut ledger.pages().entries[entry];
        entry.over = over;
        entry.ranges.extend(ranges);
    }
}

fn request_ranges(slot: &Slot) -> Vec<Range> {
    ranges(slot, 44)
}

fn response_ranges(slot: &Slot) -> Vec<Range> {
    ranges(slot, 68)
}

/// The bytes of the heap that the message described at `at` takes.
fn ranges(slot: &Slot, at: usize) -> Vec<Range> {
    let word = |at: usize| u32::from_le_bytes(slot[at..at + 4].try_into().expect("four bytes"));
    let meta_len = u32::from(u16::from_le_bytes([slot[at + 4], slot[at + 5]]));
    let is_inline = slot[at + 16] == 0;
    let body_len = if is_inline { word(at + 12) } else { 0 };
    let range = |offset: u32, len: u32| (offset, offset.saturating_add(len.next_multiple_of(8)));
    [range(word(at), meta_len), range(word(at + 8), body_len)].into_iter().filter(|range| range.0 < range.1).collect()
}
