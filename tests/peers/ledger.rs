//! Shows whether the published 0.1.2 hub gave two requests the same bytes.
//!
//! Its heap reset looks at all slots and then stores 0. A dispatch on another thread that takes its slot and its bytes
//! between the look and the store keeps them, and they are given away again. A request was harmed that way only if all
//! of this is true, and the ledger holds what tells:
//! - it shares bytes with another request: read from their slots right after each dispatch and each answer;
//! - the two were in flight at the same time: from the start of the dispatch to the answer, or to the next use of the
//!   slot, whichever came first;
//! - the reset came between their dispatches: the two dispatches ran at the same time, or the earlier one ran together
//!   with a third that got bytes at the very start of the heap;
//! - if it was lost: the hub said that it could not read an answer in its slot.
//!
//! A worker that mixes up answers by itself does so for requests of which most do not fulfil all of it.

use std::fs::File;
use std::mem;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use published01::types::{SHM_HEADER_SIZE, SLOT_META_SIZE};
use uuid::Uuid;

use crate::failed_reads::FailedReads;
use crate::hubs::SLOTS;
use crate::plan::Phase;

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
    /// Whether there is anything to write down: one thread alone never harms itself.
    open: bool,
    /// Where the bytes end that dispatches may get right after a reset.
    start_of_heap: u32,
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
    pub(crate) fn begin(&self, phase: &Phase) {
        let start_of_heap = phase.threads * (phase.longest_inline_request() + 4096);
        let pages = Pages { open: phase.threads > 1, start_of_heap: start_of_heap as u32, entries: Vec::new() };
        *self.pages() = pages;
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().expect("no panic while it is held")
    }

    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// The hub has taken request `id`, in a dispatch that began at `begun`.
    pub(crate) fn dispatched(&self, id: Uuid, begun: Duration) -> Option<Sighting<'_>> {
        let dispatch = (begun, self.now());
        if !self.pages().open {
            return None;
        }
        let (slot, ranges) = match self.find(id) {
            Some((number, slot)) => (Some(number), request_ranges(&slot)),
            None => (None, Vec::new()),
        };
        let mut pages = self.pages();
        pages.entries.push(Entry { id, dispatch, over: Duration::MAX, slot, ranges });
        Some(Sighting { ledger: self, entry: pages.entries.len() - 1, id })
    }

    /// Whether `id`, which was lost or wrongly answered, was harmed by the hub's reset.
    pub(crate) fn shared_heap(&self, id: Uuid, lost: bool) -> bool {
        let pages = self.pages();
        let Some(own) = pages.entries.iter().position(|entry| entry.id == id) else { return false };
        let Entry { slot, dispatch, over, .. } = pages.entries[own];
        let was_read = !lost || self.failed_reads.any(slot, self.start + dispatch.0, self.start + over);
        let lives = pages.lives();
        let harms = |other: usize| {
            other != own
                && meet(lives[own], lives[other])
                && pages.share_bytes(own, other)
                && pages.reset_between(own, other)
        };
        was_read && (0..lives.len()).any(harms)
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
    /// From when to when each request was in flight: from the start of its dispatch until its slot was surely free again.
    fn lives(&self) -> Vec<Span> {
        let mut next_use = [Duration::MAX; SLOTS];
        let mut lives: Vec<Span> = Vec::with_capacity(self.entries.len());
        for Entry { dispatch, over, slot, .. } in self.entries.iter().rev() {
            let next = slot.map_or(Duration::MAX, |slot| mem::replace(&mut next_use[slot], dispatch.1));
            lives.push((dispatch.0, next.min(*over)));
        }
        lives.reverse();
        lives
    }

    fn share_bytes(&self, a: usize, b: usize) -> bool {
        let (first, second) = (&self.entries[a], &self.entries[b]);
        first.ranges.iter().any(|x| second.ranges.iter().any(|y| x.0 < y.1 && y.0 < x.1))
    }

    /// Whether a reset came between the dispatches of two.
    fn reset_between(&self, a: usize, b: usize) -> bool {
        let (first, second) = (self.entries[a].dispatch, self.entries[b].dispatch);
        meet(first, second) || self.has_resetting_rival(if first.0 < second.0 { a } else { b })
    }

    /// Whether another dispatch ran while this one did, and got bytes as only one can that follows a reset.
    fn has_resetting_rival(&self, entry: usize) -> bool {
        let own = &self.entries[entry];
        let is_at_start = |rival: &Entry| rival.ranges.first().is_some_and(|range| range.0 < self.start_of_heap);
        self.entries.iter().any(|rival| rival.id != own.id && meet(rival.dispatch, own.dispatch) && is_at_start(rival))
    }
}

fn meet(a: Span, b: Span) -> bool {
    a.0 < b.1 && b.0 < a.1
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
