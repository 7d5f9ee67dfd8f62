//! Rates and times, from looks that follow each other.

use std::num::NonZeroU64;
use std::time::Duration;

use super::{Look, SlotState};
use crate::protocol::RequestId;

/// Makes figures out of looks.
///
/// Dispatches are counted by their numbers. Times are not on the wire once a request is over; they follow from how many slots
/// were found occupied, by Little's law: with `L` requests in the bus on average and `n` of them a second, each takes `L / n`.
/// So they are means of what is in the region, from the reservation of a slot to its release; what a caller waits for a free
/// slot is not in them. They hold for looks over a time that is long against them, and the more looks found something, the
/// better: 50 in half a second tell the time of a bus that is half full to within a tenth. Of too few no time is told.
///
/// A bus that is opened anew wants a new `Meter`.
#[derive(Debug, Default)]
pub struct Meter {
    /// The look before.
    last: Option<Seen>,
    /// When and with how many dispatches the figures begin.
    start: Option<(u64, Option<u64>)>,
    looks: u32,
    occupied: usize,
    waiting: usize,
    /// Slots in which another request was found than before.
    changes: u64,
}

/// Looks, and slots found occupied in them, that a time is made of at least.
const LEAST_LOOKS: u32 = 10;
const LEAST_OCCUPIED: usize = 20;

/// What is remembered of a look.
#[derive(Debug)]
struct Seen {
    at: u64,
    epoch: Option<NonZeroU64>,
    dispatches: Option<u64>,
    /// The last request that was found in each slot.
    ids: Vec<Option<RequestId>>,
}

/// What happened between two calls of [`Meter::figures`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Figures {
    /// Between the first and the last look.
    pub over: Duration,
    /// Dispatches a second. Where dispatches are not numbered, a lower bound: slots in which another request was found than
    /// before, so at most all slots once a look.
    pub rate: f64,
    /// Whether `rate` is exact.
    pub is_exact: bool,
    /// Slots that were not free, on average.
    pub occupied: f64,
    /// Requests that no worker had claimed, on average.
    pub waiting: f64,
    /// How long a request was in the bus, on average; `None` without an exact rate, or when too few requests were seen.
    pub latency: Option<Duration>,
    /// How long a request waited for a worker, on average; `None` as above.
    pub queued: Option<Duration>,
}

impl Meter {
    /// Adds a look. One of another life begins anew.
    pub fn see(&mut self, look: &Look) {
        let is_same =
            |last: &Seen| last.epoch == look.epoch && last.ids.len() == look.slots.len() && last.at <= look.at;
        let last = self.last.take().filter(is_same);
        if last.is_none() {
            *self = Self::default();
        }
        let mut ids = last.map_or_else(|| vec![None; look.slots.len()], |last| last.ids);
        for (last, slot) in ids.iter_mut().zip(&look.slots) {
            let now = slot.request_id.filter(|_| !slot.torn);
            if now.is_some() && now != *last {
                self.changes += u64::from(last.is_some());
                *last = now;
            }
        }
        self.start.get_or_insert((look.at, look.dispatches));
        self.looks += 1;
        self.occupied += look.busy();
        self.waiting += look.count(SlotState::Ready);
        self.last = Some(Seen { at: look.at, epoch: look.epoch, dispatches: look.dispatches, ids });
    }

    /// The figures of the looks since the last call, which the last of them begins anew; `None` with fewer than two.
    pub fn figures(&mut self) -> Option<Figures> {
        let (last, (start, dispatches)) = (self.last.take()?, self.start?);
        let nanos = last.at - start;
        if nanos == 0 {
            self.last = Some(last);
            return None;
        }
        let over = Duration::from_nanos(nanos);
        // A hub that numbers its dispatches counts up.
        let counted = last.dispatches.zip(dispatches).map(|(now, then)| now.saturating_sub(then));
        let rate = counted.unwrap_or(self.changes) as f64 / over.as_secs_f64();
        let mean = |sum: usize| sum as f64 / f64::from(self.looks);
        let (occupied, waiting) = (mean(self.occupied), mean(self.waiting));
        let is_known =
            counted.is_some_and(|count| count > 0) && self.looks >= LEAST_LOOKS && self.occupied >= LEAST_OCCUPIED;
        let time = |mean: f64| is_known.then(|| Duration::try_from_secs_f64(mean / rate).ok()).flatten();
        let (latency, queued) = (time(occupied), time(waiting));
        *self = Self { start: Some((last.at, last.dispatches)), last: Some(last), ..Self::default() };
        Some(Figures { over, rate, is_exact: counted.is_some(), occupied, waiting, latency, queued })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{HubLife, Slot};
    use super::*;
    use crate::protocol::Version;

    fn slot(state: SlotState, ticket: u64, id: &str) -> Slot {
        Slot {
            state,
            torn: false,
            owner: None,
            ticket: Some(ticket).filter(|ticket| *ticket != 0),
            request_id: RequestId::new(id).ok(),
            method: None,
            request_body: 0,
            status: None,
            response_body: 0,
            age: None,
            left: None,
            abandoned: false,
            held: false,
        }
    }

    fn look(at_millis: u64, epoch: u64, slots: Vec<Slot>) -> Look {
        Look {
            version: Version::V1,
            epoch: NonZeroU64::new(epoch),
            hub: HubLife::Alive,
            hub_pid: None,
            started_at: None,
            retirement: None,
            workers: None,
            bytes: 0,
            dispatches: slots.iter().filter_map(|slot| slot.ticket).max(),
            slots,
            at: 1_000_000 * at_millis,
        }
    }

    #[test]
    fn times_follow_from_how_full_the_bus_was_and_from_the_numbers_of_dispatches() {
        use SlotState::{Claimed, Free, Ready};
        let mut meter = Meter::default();
        assert_eq!(meter.figures(), None);
        for n in 0..=20 {
            let second = if n % 2 == 0 { Ready } else { Free };
            meter.see(&look(25 * n, 7, vec![slot(Claimed, 100 + 50 * n, "a"), slot(second, 99 + 50 * n, "b")]));
        }
        let figures = meter.figures().unwrap();
        assert_eq!((figures.over, figures.rate, figures.is_exact), (Duration::from_millis(500), 2000.0, true));
        // 32 of 42 slots in 21 looks; 11 of them waited.
        assert_eq!(figures.latency.unwrap().as_micros(), 761);
        assert_eq!(figures.queued.unwrap().as_micros(), 261);
        meter.see(&look(1000, 7, vec![slot(Free, 1100, "a"), slot(Free, 1099, "b")]));
        let figures = meter.figures().unwrap();
        assert_eq!((figures.rate, figures.latency), (0.0, None), "it goes on where the last figures ended");
    }

    #[test]
    fn of_few_requests_that_were_seen_no_time_is_told() {
        let mut meter = Meter::default();
        for n in 0..50 {
            let state = if n == 7 { SlotState::Claimed } else { SlotState::Free };
            meter.see(&look(10 * n, 7, vec![slot(state, 1 + n, "a")]));
        }
        let figures = meter.figures().unwrap();
        assert_eq!((figures.rate, figures.latency, figures.queued), (100.0, None, None));
    }

    #[test]
    fn requests_without_numbers_are_counted_by_their_ids_and_no_time_is_told() {
        let mut meter = Meter::default();
        for (at, ids) in [(0, ["a", "b"]), (100, ["c", ""]), (200, ["d", "e"])] {
            meter.see(&look(at, 0, ids.map(|id| slot(SlotState::Claimed, 0, id)).to_vec()));
        }
        let figures = meter.figures().unwrap();
        assert_eq!((figures.rate, figures.is_exact, figures.latency), (15.0, false, None), "c, d and e came");
    }

    #[test]
    fn another_life_of_the_bus_begins_anew() {
        let mut meter = Meter::default();
        for (at, epoch, ticket) in [(0, 7, 5000), (100, 8, 1), (200, 8, 3)] {
            meter.see(&look(at, epoch, vec![slot(SlotState::Free, ticket, "a")]));
        }
        assert_eq!(meter.figures().unwrap().rate, 20.0);
    }
}
