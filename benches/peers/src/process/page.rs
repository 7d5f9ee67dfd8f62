//! A page that both processes map: what the floors play ping-pong on, and how a server is told to end.
//!
//! It is a plain file in shared memory under the place's name, made by the client before the server starts.
#![allow(unsafe_code)]

use std::fs::OpenOptions;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use memmap2::{MmapOptions, MmapRaw};

use super::Place;
use crate::drive::START_LIMIT;

/// One value in cache lines of its own; two, because processors fetch neighbours too.
#[repr(C, align(128))]
pub(crate) struct Line<T>(T);

impl<T> Deref for Line<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// What is in the page. All zeroes is its first state.
#[repr(C)]
pub(crate) struct Fields {
    ready: Line<AtomicBool>,
    /// The server is to end.
    pub(crate) stop: Line<AtomicBool>,
    /// Number of the latest request.
    pub(crate) asked: Line<AtomicU64>,
    /// Number of the latest answer.
    pub(crate) answered: Line<AtomicU64>,
    requests: Line<Semaphore>,
    answers: Line<Semaphore>,
}

/// A POSIX semaphore without a name.
#[repr(C)]
pub(crate) struct Semaphore(std::cell::UnsafeCell<libc::sem_t>);

/// The mapping.
pub(crate) struct Page(MmapRaw);

impl Page {
    /// Makes the page of `place`.
    pub(crate) fn create(place: &Place) -> Self {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(place.page());
        let file = file.expect("shared memory can be made");
        file.set_len(size_of::<Fields>() as u64).expect("shared memory has room for a page");
        let page = Self(MmapOptions::new().map_raw(&file).expect("the page can be mapped"));
        page.requests.init();
        page.answers.init();
        page
    }

    /// Maps the page that the client made.
    pub(crate) fn open(place: &Place) -> Self {
        let file = OpenOptions::new().read(true).write(true).open(place.page());
        let file = file.expect("the client made the page first");
        assert!(file.metadata().is_ok_and(|data| data.len() >= size_of::<Fields>() as u64), "the page is whole");
        Self(MmapOptions::new().map_raw(&file).expect("the page can be mapped"))
    }

    /// Says that the server serves.
    pub(crate) fn be_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// Waits until the server serves.
    pub(crate) fn wait_until_ready(&self) {
        let end = Instant::now() + START_LIMIT;
        while !self.ready.load(Ordering::Acquire) {
            assert!(Instant::now() < end, "the server does not start");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn requests(&self) -> &Semaphore {
        &self.requests
    }

    pub(crate) fn answers(&self) -> &Semaphore {
        &self.answers
    }
}

impl Deref for Page {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        // SAFETY: the mapping is page-aligned, as long as the fields, zeroed by the kernel when made, and lives as long
        // as `self`. Every field is an atomic or a cell, so another process may change it.
        unsafe { &*self.0.as_mut_ptr().cast::<Fields>() }
    }
}

impl Semaphore {
    fn init(&self) {
        // SAFETY: called once, by the maker of the page, before anybody else maps it.
        let result = unsafe { libc::sem_init(self.0.get(), 1, 0) };
        assert_eq!(result, 0, "a semaphore can be made");
    }

    pub(crate) fn post(&self) {
        // SAFETY: the semaphore was initialized before the page was shared.
        unsafe { libc::sem_post(self.0.get()) };
    }

    /// Waits until the semaphore was posted.
    pub(crate) fn wait(&self) {
        // SAFETY: as above. A signal interrupts the wait, so it is repeated.
        while unsafe { libc::sem_wait(self.0.get()) } != 0 {}
    }

    /// Waits until the semaphore was posted, at most for `limit`; whether it was.
    pub(crate) fn wait_for(&self, limit: Duration) -> bool {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        let end = Duration::new(now.tv_sec as u64, now.tv_nsec as u32) + limit;
        let end = libc::timespec { tv_sec: end.as_secs() as libc::time_t, tv_nsec: end.subsec_nanos().into() };
        // SAFETY: as above; the time is read only.
        unsafe { libc::sem_timedwait(self.0.get(), &raw const end) == 0 }
    }
}
