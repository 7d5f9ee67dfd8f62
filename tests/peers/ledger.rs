//! Shows whether the published 0.1.2 hub gave two requests the same bytes.
//!
//! Its heap reset looks at all slots and then stores 0, before every dispatch and after every answer. A dispatch that
//! takes its slot and its bytes between the look and the store keeps them, and they are given away again. The ledger
//! holds where the bytes of each request are and from when to when it was in flight. A request was harmed by its hub
//! if another one, in another slot, may have got some of its bytes while it was in flight; and, if it was lost, if the hub
//! also said that it could not read the answer in that slot.
//!
//! A dispatch takes its bytes at some time between its begin and its end, and its thread may have to wait for its core
//! in between, so it counts from its begin. When a slot became free is known from its next use or from the answer, so a
//! little late. A request whose slot had moved on before it was looked at may have shared bytes with all that were in flight.
//! So of requests that were not harmed 2 to 20 in a hundred seem to share bytes too, by the phase and by how busy the
//! machine is, and a quarter of those with long bodies. A worker that mixes up answers by itself is found by the rest.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
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
        was_read && pages.was_harmed(own)
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
    /// Whether request `own` may have shared bytes with any other one.
    fn was_harmed(&self, own: usize) -> bool {
        (0..self.entries.len()).any(|other| other != own && self.may_have_shared(own, other))
    }

    /// Whether two requests were in flight at the same time and may have got the same bytes.
    fn may_have_shared(&self, a: usize, b: usize) -> bool {
        let (x, y) = (&self.entries[a], &self.entries[b]);
        if x.dispatch.0 >= y.over || y.dispatch.0 >= x.over {
            return false;
        }
        // Of one of them nothing is known: the thread that had dispatched it had to wait for its core before it looked.
        let (Some(slot), Some(other)) = (x.slot, y.slot) else { return true };
        let overlap = |range: &Range| y.ranges.iter().any(|other| range.0 < other.1 && other.0 < range.1);
        slot != other
            && x.ranges.iter().any(overlap)
            && x.dispatch.0 < self.end(b, other)
            && y.dispatch.0 < self.end(a, slot)
    }

    /// When the slot of a request was surely free again: before a dispatch into it ended that began when its own had ended.
    fn end(&self, entry: usize, slot: usize) -> Duration {
        let own = self.entries[entry].dispatch;
        let next_uses = self.entries.iter().filter(|next| next.slot == Some(slot) && next.dispatch.0 >= own.1);
        next_uses.map(|next| next.dispatch.1).min().unwrap_or(Duration::MAX)
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

/// Proves what the judgement of the trials rests on.
pub(crate) fn one_may_be_harmed_by_a_dispatch_that_began_in_its_flight() -> Result<(), Failed> {
    let secs = Duration::from_secs;
    let entry = |slot, dispatch: (u64, u64), over| {
        let dispatch = (secs(dispatch.0), secs(dispatch.1));
        Entry { id: Uuid::new_v4(), dispatch, over: secs(over), slot, ranges: vec![(0, 8)] }
    };
    let (first, second) = (Some(0), Some(1));
    // In flight from 0 to 5 s, by its answer, or as far as is known, by what was dispatched next into its slot.
    let answered = || vec![entry(first, (0, 1), 5)];
    let followed = || vec![entry(first, (0, 1), 9), entry(first, (4, 5), 5)];
    // The same, while the thread of another one that was dispatched into that slot before or after it had to wait too.
    let beside = || vec![entry(first, (0, 3), 5), entry(first, (2, 4), 5)];
    for (begun, expected) in [(1, true), (4, true), (5, false)] {
        for mut entries in [answered(), followed(), beside()] {
            // One in another slot that gets the same bytes, in a dispatch that takes 5 s.
            entries.push(entry(second, (begun, begun + 5), begun + 6));
            let last = entries.len() - 1;
            let pages = Pages { entries };
            let harmed = [pages.was_harmed(0), pages.was_harmed(last)];
            if harmed != [expected; 2] {
                return Err(format!("by one of {} that began at {begun} s: {harmed:?}", last + 1).into());
            }
        }
    }
    // Other bytes, the same slot, and one that was not seen in any.
    for (slot, range, expected) in [(second, (8, 16), false), (first, (0, 8), false), (None, (8, 16), true)] {
        let mut other = entry(slot, (1, 2), 3);
        other.ranges = vec![range];
        let pages = Pages { entries: vec![entry(first, (0, 1), 5), other] };
        if [pages.was_harmed(0), pages.was_harmed(1)] != [expected; 2] {
            return Err(format!("by one in slot {slot:?} with bytes {range:?}: not {expected}").into());
        }
    }
    Ok(())
}
