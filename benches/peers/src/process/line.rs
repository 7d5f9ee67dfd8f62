//! How far the cores are from each other at the moment.
//!
//! A virtual machine's cores are moved about by its host: the same two may share a cache in one second and none in the next,
//! and what two processes send each other takes up to four times as long then.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// How often the line goes over and back in one reading, and how many readings there are.
const TURNS: u64 = 500;
const READINGS: u64 = 5;

/// Looks after which a thread lets go of its core: the other may be behind it.
const LOOKS: u32 = 1000;

/// A line of memory, and its neighbour, which some processors fetch with it.
#[repr(align(128))]
struct Line(AtomicU64);

impl Line {
    fn wait_for(&self, turn: u64) {
        let mut looks = 0;
        // Acquire and Release: as one who waits for a message reads it.
        while self.0.load(Ordering::Acquire) != turn {
            spin_loop();
            looks += 1;
            if looks % LOOKS == 0 {
                std::thread::yield_now();
            }
        }
    }

    fn pass(&self, turn: u64) {
        self.0.store(turn, Ordering::Release);
    }
}

/// How many cores this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Microseconds in which a line of memory goes to another core and back: the least of a few readings, some milliseconds in all where
/// the two threads have a core each. None where there is one.
pub(crate) fn over_and_back() -> Option<f64> {
    if cores() == 1 {
        return None;
    }
    let line = Line(AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for turn in 0..READINGS * TURNS {
                line.wait_for(2 * turn + 1);
                line.pass(2 * turn + 2);
            }
        });
        let readings = (0..READINGS).map(|reading| {
            let start = Instant::now();
            for turn in reading * TURNS..(reading + 1) * TURNS {
                line.pass(2 * turn + 1);
                line.wait_for(2 * turn + 2);
            }
            start.elapsed().as_secs_f64() * 1e6 / TURNS as f64
        });
        readings.min_by(f64::total_cmp)
    })
}
