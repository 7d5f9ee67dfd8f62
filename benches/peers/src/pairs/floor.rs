//! What the machine itself takes to go there and back, with nothing to carry.

use std::hint::spin_loop;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::drive::{Engine, LIMIT, Sample, drive_engine};
use crate::load::Pace;
use crate::process::{Page, Servers, Setup};

/// How the other side learns of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Floor {
    /// Two semaphores; both sides sleep each time, and the kernel says where they run: on one core, if nothing else does.
    Semaphores,
    /// As `Semaphores`, each side on a core of its own.
    SemaphoresApart,
    /// Two cache lines; both sides spin.
    CacheLines,
}

pub(super) fn serve(floor: Floor, setup: &Setup) {
    let page = Page::open(&setup.place);
    if floor == Floor::SemaphoresApart {
        stay_on(1);
    }
    page.be_ready();
    match floor {
        Floor::Semaphores | Floor::SemaphoresApart => loop {
            page.requests().wait();
            page.answered.store(page.asked.load(Ordering::Acquire), Ordering::Release);
            page.answers().post();
        },
        Floor::CacheLines => {
            let mut last = 0;
            loop {
                let asked = page.asked.load(Ordering::Acquire);
                if asked == last {
                    spin_loop();
                } else {
                    last = asked;
                    page.answered.store(asked, Ordering::Release);
                }
            }
        }
    }
}

pub(super) fn measure(floor: Floor, setup: &Setup, pace: Pace, length: Duration) -> Sample {
    let page = Page::create(&setup.place);
    let servers = Servers::start(setup, 1);
    page.wait_until_ready();
    match floor {
        Floor::Semaphores => drive_engine(&mut Semaphores(page, 0), pace, length, &servers),
        Floor::SemaphoresApart => {
            let all = sched_getaffinity(None).expect("the cores can be asked for");
            // Not before the server is started, which would inherit it.
            stay_on(0);
            let sample = drive_engine(&mut Semaphores(page, 0), pace, length, &servers);
            sched_setaffinity(None, &all).expect("these were the cores before");
            sample
        }
        Floor::CacheLines => drive_engine(&mut CacheLines(page, 0), pace, length, &servers),
    }
}

/// Keeps this thread on one of its cores.
fn stay_on(number: usize) {
    let all = sched_getaffinity(None).expect("the cores can be asked for");
    let core = (0..CpuSet::MAX_CPU).filter(|&core| all.is_set(core)).nth(number).expect("there are as many cores");
    let mut one = CpuSet::new();
    one.set(core);
    sched_setaffinity(None, &one).expect("it is a core of this thread's");
}

struct Semaphores(Page, u64);

impl Engine for Semaphores {
    fn call(&mut self) -> bool {
        let Self(page, number) = self;
        *number += 1;
        page.asked.store(*number, Ordering::Release);
        page.requests().post();
        // The answer to a call that was given up may come first.
        while page.answers().wait_for(LIMIT) {
            if page.answered.load(Ordering::Acquire) == *number {
                return true;
            }
        }
        false
    }
}

struct CacheLines(Page, u64);

impl Engine for CacheLines {
    fn call(&mut self) -> bool {
        let Self(page, number) = self;
        *number += 1;
        page.asked.store(*number, Ordering::Release);
        let mut looks = 0_u32;
        let mut since = None;
        while page.answered.load(Ordering::Acquire) != *number {
            spin_loop();
            looks = looks.wrapping_add(1);
            // Rarely: a look at the clock takes as long as some calls.
            if looks.is_multiple_of(1 << 14) && since.get_or_insert_with(Instant::now).elapsed() > LIMIT {
                return false;
            }
        }
        true
    }
}
