//! Clients that hold their thread while they wait.

use std::time::{Duration, Instant};

use super::ticks::Ticks;
use super::{IDLE_WARM_UP, Meter, SETTLE, START_LIMIT, Sample, Tally, warm_up};
use crate::load::Pace;
use crate::process::Servers;

/// A client that blocks or polls.
pub(crate) trait Engine {
    /// Sends one request; whether the right answer came within [`LIMIT`](super::LIMIT).
    fn call(&mut self) -> bool;

    /// Keeps as many calls in flight as it was made for, each followed by another until `end`.
    fn closed(&mut self, end: Instant) -> Tally {
        closed(end, || self.call())
    }
}

/// One call after the other until `end`.
pub(crate) fn closed(end: Instant, mut call: impl FnMut() -> bool) -> Tally {
    let (mut tally, mut now) = (Tally::new(), Instant::now());
    while now < end {
        let is_answered = call();
        let then = Instant::now();
        tally.count(now, then, is_answered);
        now = then;
    }
    tally
}

/// Measures `pace`.
pub(crate) fn drive_engine(engine: &mut impl Engine, pace: Pace, length: Duration, servers: &Servers) -> Sample {
    let start = Instant::now();
    while !engine.call() {
        assert!(start.elapsed() < START_LIMIT, "the server answers nothing");
        std::thread::sleep(Duration::from_millis(1));
    }
    match pace {
        Pace::InFlight(_) => {
            engine.closed(Instant::now() + warm_up(length));
            let meter = Meter::start(servers);
            let tally = engine.closed(Instant::now() + length);
            meter.stop(&tally)
        }
        Pace::Parked => {
            paced(engine, warm_up(length));
            let meter = Meter::start(servers);
            let tally = paced(engine, length);
            meter.stop(&tally)
        }
        Pace::Idle => {
            for _ in 0..IDLE_WARM_UP {
                engine.call();
            }
            std::thread::sleep(SETTLE);
            let meter = Meter::start(servers);
            std::thread::sleep(length);
            meter.stop(&Tally::new())
        }
    }
}

/// One call each millisecond.
fn paced(engine: &mut impl Engine, length: Duration) -> Tally {
    let (mut tally, start, ticks) = (Tally::new(), Instant::now(), Ticks::new());
    while start.elapsed() < length {
        ticks.next();
        let sent = Instant::now();
        let is_answered = engine.call();
        tally.count(sent, Instant::now(), is_answered);
    }
    tally
}
