//! Rates and times, from looks that follow each other.

use std::time::Duration;

use super::{Look, SlotState};

/// Makes figures out of looks.
///
/// Dispatches are counted by their numbers, exactly. Times are not on the wire once a request is over; they follow from how
/// many slots were found occupied, by Little's law: with `L` requests in the bus on average and `n` of them a second, each
/// takes `L / n`. So they are means of what is in the region, from the reservation of a slot to its release; what a caller
/// waits for a free slot is not in them. The more looks, the better: 50 in half a second tell the time of a bus that is half
/// full to within a tenth.
#[derive(Debug, Default)]
pub struct Meter {
    /// The look before.
    last: Option<Seen>,
    /// When and with how many dispatches the figures begin.
    start: Option<(u64, Option<u64>)>,
    looks: u32,
    occupied: usize,
    waiting: usize,
    /// Slots whose request was another one in the next look.
    changes: u64,
}

/// What is remembered of a look.
#[derive(Debug)]
struct Seen {
    at: u64,
    life: Option<u64>,
    dispatches: Option<u64>,
    ids: Vec<Option<String>>,
}

/// What happened between two calls of [`Meter::figures`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Figures {
    /// Between the first and the last look.
    pub over: Duration,
    /// Dispatches a second. Where dispatches are not numbered, a lower bound: slots that held another request at the next
    /// look, so at most all slots once a look.
    pub rate: f64,
    /// Whether `rate` is exact.
    pub is_exact: bool,
    /// Slots that were not free, on average.
    pub occupied: f64,
    /// Requests that no worker had claimed, on average.
    pub waiting: f64,
    /// How long a request was in the bus, on average; `None` without requests or without an exact rate.
    pub latency: Option<Duration>,
    /// How long a request waited for a worker, on average; `None` as above.
    pub queued: Option<Duration>,
}

impl Meter {
    /// Adds a look. One of another life begins anew.
    pub fn see(&mut self, look: &Look) {
        let seen = Seen {
            at: look.at,
            life: look.epoch.map(|epoch| epoch.get()),
            dispatches: look.dispatches(),
            ids: look.slots.iter().map(|slot| slot.request_id.clone()).collect(),
        };
        match &self.last {
            Some(last) if last.life == seen.life && last.ids.len() == seen.ids.len() && last.at <= seen.at => {
                self.changes += last.ids.iter().zip(&seen.ids).filter(|(before, now)| before != now).count() as u64;
            }
            _ => *self = Self::default(),
        }
        self.start.get_or_insert((seen.at, seen.dispatches));
        self.looks += 1;
        self.occupied += look.busy();
        self.waiting += look.count(SlotState::Ready);
        self.last = Some(seen);
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
        let time = |mean: f64| {
            let is_known = counted.is_some_and(|count| count > 0);
            is_known.then(|| Duration::try_from_secs_f64(mean / rate).ok()).flatten()
        };
        let (latency, queued) = (time(occupied), time(waiting));
        *self = Self { start: Some((last.at, last.dispatches)), last: Some(last), ..Self::default() };
        Some(Figures { over, rate, is_exact: counted.is_some(), occupied, waiting, latency, queued })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::super::{Hub, Slot};
    use super::*;
    use crate::protocol::Version;

    fn slot(state: SlotState, ticket: u64, id: &str) -> Slot {
        Slot {
            state,
            torn: false,
            owner: None,
            ticket: Some(ticket).filter(|ticket| *ticket != 0),
            request_id: Some(id.to_owned()),
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
            hub: Hub::Alive,
            hub_pid: None,
            started_at: None,
            retirement: None,
            workers: None,
            bytes: 0,
            slots,
            at: 1_000_000 * at_millis,
        }
    }

    #[test]
    fn times_follow_from_how_full_the_bus_was_and_from_the_numbers_of_dispatches() {
        use SlotState::{Claimed, Free, Ready};
        let mut meter = Meter::default();
        assert_eq!(meter.figures(), None);
        for (at, states, ticket) in
            [(0, [Claimed, Ready], 100), (250, [Claimed, Free], 600), (500, [Claimed, Ready], 1100)]
        {
            meter.see(&look(at, 7, vec![slot(states[0], ticket, "a"), slot(states[1], ticket - 1, "b")]));
        }
        let figures = meter.figures().unwrap();
        assert_eq!((figures.over, figures.rate, figures.is_exact), (Duration::from_millis(500), 2000.0, true));
        // 5 of 6 slots in 3 looks; 2 of them waited.
        assert_eq!(figures.latency.unwrap().as_micros(), 833);
        assert_eq!(figures.queued.unwrap().as_micros(), 333);
        meter.see(&look(1000, 7, vec![slot(Free, 1100, "a"), slot(Free, 1099, "b")]));
        let figures = meter.figures().unwrap();
        assert_eq!((figures.rate, figures.latency), (0.0, None), "it goes on where the last figures ended");
    }

    #[test]
    fn requests_without_numbers_are_counted_by_their_ids_and_no_time_is_told() {
        let mut meter = Meter::default();
        for (at, ids) in [(0, ["a", "b"]), (100, ["c", "b"]), (200, ["d", "e"])] {
            meter.see(&look(at, 0, ids.map(|id| slot(SlotState::Claimed, 0, id)).to_vec()));
        }
        let figures = meter.figures().unwrap();
        assert_eq!((figures.rate, figures.is_exact, figures.latency), (15.0, false, None));
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
