//! The way from a look that found nothing to the wake-up: no order of caller, watcher and worker loses it.
//!
//! Counters, flags, the watcher's bed (`Watch`) and the slot's word are the real ones. The bell is a count with a condition
//! variable, which a semaphore is to those who use it; the board is one entry; the steps are those of `answer`, `watcher`
//! and `shared`, in their order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use loom::thread;

use super::watch::Watch;
use crate::atomic::{Condvar, Mutex, Plain, model, with_both_fences};
use crate::protocol::{Claim, QuietByte, Status, StatusWord};
use crate::sync::{Flag, OrderedCounter};

/// A semaphore.
#[derive(Default)]
struct Bell {
    rings: Mutex<u32>,
    rung: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rings.lock().unwrap() += 1;
        self.rung.notify_one();
    }

    fn try_take(&self) -> bool {
        let mut rings = self.rings.lock().unwrap();
        let rang = *rings > 0;
        *rings -= u32::from(rang);
        rang
    }

    fn wait(&self) {
        let mut rings = self.rings.lock().unwrap();
        while *rings == 0 {
            rings = self.rung.wait(rings).unwrap();
        }
        *rings -= 1;
    }
}

/// The caller's entry on the board, and where its thread sleeps.
#[derive(Default)]
struct Entry {
    state: Mutex<Waker>,
    woken: Condvar,
}

#[derive(Default, PartialEq, Eq)]
enum Waker {
    #[default]
    Idle,
    Registered,
    Woken,
}

struct Bus {
    status: StatusWord,
    quiet: QuietByte,
    response: Plain,
    bell: Bell,
    awake: OrderedCounter,
    interested: OrderedCounter,
    parked: Flag,
    watch: Watch,
    entry: Entry,
}

const CLAIM: fn() -> Claim = || Claim::by(None);

impl Bus {
    /// A bus whose one request is claimed.
    fn claimed() -> Arc<Self> {
        let status = StatusWord::free();
        let quiet = QuietByte::with(0);
        assert!(status.reserve());
        quiet.start();
        status.announce();
        assert!(status.claim(CLAIM()));
        Arc::new(Self {
            status,
            quiet,
            response: Plain::new(0),
            bell: Bell::default(),
            awake: OrderedCounter::default(),
            interested: OrderedCounter::default(),
            parked: Flag::default(),
            watch: Watch::default(),
            entry: Entry::default(),
        })
    }

    /// The worker's part.
    fn answer(&self) {
        self.response.write(1);
        assert!(self.status.publish(CLAIM()));
        if self.quiet.needs_ring() {
            self.bell.ring();
        }
    }

    fn wake_watcher(&self) {
        if self.watch.notify() {
            self.bell.ring();
        }
    }

    /// A caller that waits awake gives up, and then sleeps on the board until the answer is there.
    fn park(&self) {
        self.interested.add(1);
        self.wake_watcher();
        if self.awake.leave() == 0 && self.interested.peek() > 0 {
            self.wake_watcher();
        }
        self.quiet.end();
        *self.entry.state.lock().unwrap() = Waker::Registered;
        while self.status.observe() != Status::Done {
            // As `look_at_board`: looked at under the entry's lock, with the waker in place.
            let mut state = self.entry.state.lock().unwrap();
            if self.status.observe() == Status::Done {
                break;
            }
            *state = Waker::Registered;
            while *state != Waker::Woken {
                state = self.entry.woken.wait(state).unwrap();
            }
        }
        self.interested.leave();
        assert_eq!(self.response.read(), 1);
        assert!(self.status.release());
    }

    /// Wakes the caller if its slot is answered.
    fn scan(&self) {
        if self.status.observe() == Status::Done {
            let mut state = self.entry.state.lock().unwrap();
            if *state == Waker::Registered {
                *state = Waker::Woken;
                drop(state);
                self.entry.woken.notify_one();
            }
        }
    }

    /// Another caller, awake, passes by: it takes the ring of an answer of its own, or one for somebody who waits.
    fn pass_by(&self) {
        self.awake.enter();
        if self.interested.peek() > 0 && self.bell.try_take() {
            self.scan();
        }
        while self.bell.try_take() {}
        if self.interested.get() > 0 {
            self.scan();
        }
        if self.awake.leave() == 0 && self.interested.peek() > 0 {
            self.wake_watcher();
        }
    }

    fn watch(&self) {
        loop {
            while self.bell.try_take() {}
            self.scan();
            let state = self.watch.lock();
            if state.closed {
                return;
            }
            let interested = self.interested.get() > 0;
            // Loom knows no time: what is to happen at the next tick does not happen at all.
            if !interested || self.awake.get() > 0 {
                self.watch.sleep(state, None);
                continue;
            }
            self.parked.raise();
            self.watch.park(state, Instant::now() + Duration::from_secs(1), || self.bell.wait());
            self.parked.lower();
        }
    }

    fn close(&self) {
        self.watch.lock().closed = true;
        self.wake_watcher();
        // `retire` ends what is parked on the bell; here that is the watcher.
        self.bell.ring();
    }
}

#[test]
fn an_answer_wakes_a_caller_that_looked_too_early() {
    with_both_fences(|| {
        model(2, || {
            let bus = Bus::claimed();
            let [worker, watcher] = [Bus::answer, Bus::watch].map(|part| {
                let bus = Arc::clone(&bus);
                thread::spawn(move || part(&bus))
            });
            bus.awake.enter();
            bus.park();
            bus.close();
            worker.join().unwrap();
            watcher.join().unwrap();
        });
    });
}

#[test]
fn a_ring_that_another_caller_takes_wakes_whom_it_was_for() {
    with_both_fences(|| {
        model(2, || {
            let bus = Bus::claimed();
            let [worker, other] = [Bus::answer, Bus::pass_by].map(|part| {
                let bus = Arc::clone(&bus);
                thread::spawn(move || part(&bus))
            });
            let watcher = thread::spawn({
                let bus = Arc::clone(&bus);
                move || bus.watch()
            });
            bus.awake.enter();
            bus.park();
            other.join().unwrap();
            bus.close();
            worker.join().unwrap();
            watcher.join().unwrap();
        });
    });
}
