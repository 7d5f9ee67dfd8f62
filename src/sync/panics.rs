//! Foreign code on threads of ours: wakers, subscribers, recorders. What panics there was printed.

use std::time::Duration;

/// Runs what may be foreign code, as wakers, subscribers and recorders are: a panic there must not end the thread of ours that runs
/// it. False when it panicked, which was printed.
pub(crate) fn survived(foreign: impl FnOnce()) -> bool {
    let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(foreign));
    // What a panic carries may panic too when it is dropped.
    ran.map_err(std::mem::forget).is_ok()
}

/// Runs a waker.
pub(crate) fn caught(waker: impl FnOnce()) {
    if !survived(waker) {
        survived(|| tracing::error!("a waker panicked"));
    }
}

/// Runs `work` until it ends by itself, or `is_over`, anew after each panic of foreign code. For threads of ours that others count on.
pub(crate) fn run_through_panics(mut work: impl FnMut(), is_over: impl Fn() -> bool) {
    /// What panics each time is not to keep a core busy.
    const PAUSE: Duration = Duration::from_millis(10);
    while !survived(&mut work) && !is_over() {
        std::thread::sleep(PAUSE);
    }
}
