//! What became of every request, from the books.

use std::collections::HashMap;
use std::fmt;

use super::books::{Books, Event, Record};
use super::client::{IN_FLIGHT, THREADS, life_of};
use super::plan::Plan;

/// What was found.
#[derive(Default)]
pub(crate) struct Tally {
    sent: u64,
    answered: u64,
    worker_died: u64,
    timed_out: u64,
    failed: u64,
    wrong: u64,
    /// Requests of a hub that went on whose end is not written down.
    lost: u64,
    /// Requests whose hub was killed over them.
    went_with_hub: u64,
    executed: u64,
    executed_twice: u64,
    /// Answered, and no worker has run it.
    never_executed: u64,
    /// Run, and nobody sent it.
    never_sent: u64,
    ended_twice: u64,
    worker_kills: usize,
    hub_kills: usize,
    descriptors_gained: u64,
    /// Nanoseconds from a kill to the error of each caller.
    to_error: Vec<u64>,
    /// Nanoseconds from a new region to its first answer.
    to_answer: Vec<u64>,
}

impl Tally {
    pub(crate) fn of(books: &Books) -> std::io::Result<Self> {
        let mut tally = Self::default();
        let books = books.read()?;
        let of = |prefix: &str| books.iter().filter(move |(name, _)| name.starts_with(prefix)).collect::<Vec<_>>();
        let mut kills: Vec<u64> = Vec::new();
        for (_, records) in of("killer") {
            kills.extend(records.iter().filter(|record| record.event == Event::WorkerKilled).map(|record| record.at));
            tally.worker_kills += records.iter().filter(|record| record.event == Event::WorkerKilled).count();
            tally.hub_kills += records.iter().filter(|record| record.event == Event::HubKilled).count();
        }
        kills.sort_unstable();
        let mut executed: HashMap<u64, u32> = HashMap::new();
        for (_, records) in of("worker-") {
            for record in records {
                *executed.entry(record.what).or_default() += 1;
            }
        }
        tally.executed = executed.len() as u64;
        tally.executed_twice = executed.values().filter(|&&times| times > 1).count() as u64;
        let last_life = of("hub-").iter().filter_map(|(name, _)| name["hub-".len()..].parse::<u64>().ok()).max();
        for (name, records) in of("hub-") {
            let was_killed = name["hub-".len()..].parse::<u64>().ok() != last_life;
            tally.count_life(records, was_killed, &kills, &mut executed);
        }
        tally.never_sent = executed.len() as u64;
        tally.to_error.sort_unstable();
        tally.to_answer.sort_unstable();
        Ok(tally)
    }

    /// Counts one life of a hub; what it sent is taken out of `executed`.
    fn count_life(&mut self, records: &[Record], was_killed: bool, kills: &[u64], executed: &mut HashMap<u64, u32>) {
        let mut open: HashMap<u64, bool> = HashMap::new();
        let mut created = None;
        for record in records {
            match record.event {
                Event::Sent => {
                    self.sent += 1;
                    open.insert(record.what, true);
                    continue;
                }
                Event::Created => {
                    created = Some(record.at);
                    assert!(records.iter().all(|other| other.event == Event::Descriptors
                        || life_of(other.what) == record.what
                        || other.what == record.what));
                    continue;
                }
                Event::Descriptors => {
                    self.descriptors_gained += record.what;
                    continue;
                }
                Event::Answered => {
                    self.answered += 1;
                    if let Some(created) = created.take() {
                        self.to_answer.push(record.at - created);
                    }
                    self.never_executed += u64::from(!executed.contains_key(&record.what));
                }
                Event::WorkerDied => {
                    self.worker_died += 1;
                    let before = kills.partition_point(|&kill| kill <= record.at);
                    self.to_error.extend(before.checked_sub(1).map(|last| record.at - kills[last]));
                }
                Event::TimedOut => self.timed_out += 1,
                Event::Failed => self.failed += 1,
                Event::Wrong => self.wrong += 1,
                Event::Executed | Event::WorkerKilled | Event::HubKilled => unreachable!("no event of a hub"),
            }
            self.ended_twice += u64::from(open.insert(record.what, false) != Some(true));
        }
        let unfinished = open.values().filter(|&&open| open).count() as u64;
        if was_killed && unfinished <= THREADS * IN_FLIGHT {
            self.went_with_hub += unfinished;
        } else {
            self.lost += unfinished;
        }
        for number in open.keys() {
            executed.remove(number);
        }
    }

    /// Whether all is well.
    pub(crate) fn verdict(&self, plan: &Plan) -> Result<(), String> {
        let zeroes = [
            ("requests were lost", self.lost),
            ("requests timed out", self.timed_out),
            ("requests failed for no reason", self.failed),
            ("responses were another's", self.wrong),
            ("requests ran twice", self.executed_twice),
            ("requests ended twice", self.ended_twice),
            ("requests were answered and never ran", self.never_executed),
            ("requests ran and were never sent", self.never_sent),
            ("file descriptors were gained or lost by the last hub", self.descriptors_gained),
        ];
        if let Some((what, count)) = zeroes.into_iter().find(|(_, count)| *count > 0) {
            return Err(format!("{count} {what}"));
        }
        let done = self.worker_kills >= plan.worker_kills && self.hub_kills >= plan.hub_kills;
        if done && self.sent >= plan.requests { Ok(()) } else { Err("less was done than planned".to_owned()) }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, answered, worker_died, went_with_hub, executed, .. } = self;
        writeln!(f, "killed: {} workers, {} hubs", self.worker_kills, self.hub_kills)?;
        writeln!(
            f,
            "{sent} requests sent, {executed} run: {answered} answered, {worker_died} failed with their worker, \
             {went_with_hub} went with their hub"
        )?;
        writeln!(
            f,
            "lost {}, timed out {}, other errors {}, wrong answers {}, run twice {}, ended twice {}",
            self.lost, self.timed_out, self.failed, self.wrong, self.executed_twice, self.ended_twice
        )?;
        writeln!(f, "from the kill of a worker to the error of a caller: {}", Quantiles(&self.to_error))?;
        write!(f, "from a new region to its first answer: {}", Quantiles(&self.to_answer))
    }
}

/// Sorted times in nanoseconds.
struct Quantiles<'a>(&'a [u64]);

impl fmt::Display for Quantiles<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(times) = self;
        let Some(last) = times.len().checked_sub(1) else { return f.write_str("none") };
        let millis = |at: usize| times[at] as f64 / 1e6;
        let at = |part: usize| millis(last * part / 1000);
        write!(f, "median {:.2} ms, p99 {:.2} ms, longest {:.2} ms of {}", at(500), at(990), millis(last), times.len())
    }
}
