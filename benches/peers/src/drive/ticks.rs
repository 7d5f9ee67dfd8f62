//! One tick each millisecond, by absolute deadlines, from the kernel.
#![allow(unsafe_code)]

use std::os::fd::OwnedFd;

use rustix::io::{Errno, read};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

const PERIOD: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

fn timer(flags: TimerfdFlags) -> OwnedFd {
    let timer = timerfd_create(TimerfdClockId::Monotonic, flags | TimerfdFlags::CLOEXEC).expect("a timer can be made");
    let times = Itimerspec { it_interval: PERIOD, it_value: PERIOD };
    timerfd_settime(&timer, TimerfdTimerFlags::empty(), &times).expect("a millisecond is a time");
    timer
}

/// Ticks for a thread that may block.
pub(super) struct Ticks(OwnedFd);

impl Ticks {
    pub(super) fn new() -> Self {
        Self(timer(TimerfdFlags::empty()))
    }

    pub(super) fn next(&self) {
        while read(&self.0, &mut [0; 8]) == Err(Errno::INTR) {}
    }
}

/// Ticks for a task: it waits for them as for a socket.
pub(super) struct AsyncTicks(AsyncFd<OwnedFd>);

impl AsyncTicks {
    pub(super) fn new() -> Self {
        let timer = timer(TimerfdFlags::NONBLOCK);
        // SAFETY: the descriptor is owned, so it stays open, and the same, until the registration is dropped.
        let registered = unsafe { AsyncFd::register(timer) };
        Self(registered.expect("a timer can be waited for"))
    }

    pub(super) async fn next(&self) {
        loop {
            let mut ready = self.0.readable().await.expect("the runtime lives");
            if ready.try_io(|timer| Ok(read(timer, &mut [0; 8])?)).is_ok() {
                return;
            }
        }
    }
}
