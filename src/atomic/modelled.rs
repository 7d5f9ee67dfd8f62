//! What runs inside of loom's models.
//!
//! Loom orders sequentially consistent fences, but takes a sequentially consistent access for an acquiring and releasing one
//! only. So here such an access has a fence beside it, as compilers give it one for processors that know it no better: in
//! front of it or behind it, both are usual and either is enough. A model that needs such accesses runs once with each
//! (`with_both_fences`). An access is then stronger than the language promises on the side of its fence, and just as weak on
//! the other, so whatever the code owes to a fence of its own still fails without it in one of the two.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, PoisonError};
use std::time::Duration;

use loom::sync as loomed;
pub(crate) use loom::sync::atomic::{AtomicU16, Ordering, fence};

thread_local! {
    static FENCE_BEHIND: Cell<bool> = const { Cell::new(false) };
    static STORES_IN_ORDER: Cell<bool> = const { Cell::new(false) };
    static TIMES_OUT: Cell<bool> = const { Cell::new(false) };
}

/// Does `access`, with a fence if it is to be sequentially consistent.
fn ordered<T>(order: Ordering, access: impl FnOnce() -> T) -> T {
    let (needed, behind) = (order == Ordering::SeqCst, FENCE_BEHIND.get());
    if needed && !behind {
        fence(order);
    }
    let result = access();
    if needed && behind {
        fence(order);
    }
    result
}

macro_rules! atomics {
    ($($name:ident: $value:ty),*) => { $(
        #[derive(Debug, Default)]
        pub(crate) struct $name(loomed::atomic::$name);

        #[allow(dead_code, reason = "not every number has a use for every access")]
        impl $name {
            pub(crate) fn new(value: $value) -> Self {
                Self(loomed::atomic::$name::new(value))
            }

            pub(crate) fn load(&self, order: Ordering) -> $value {
                ordered(order, || self.0.load(order))
            }

            pub(crate) fn store(&self, value: $value, order: Ordering) {
                ordered(order, || {
                    if STORES_IN_ORDER.get() {
                        self.0.swap(value, order);
                    } else {
                        self.0.store(value, order);
                    }
                });
            }

            pub(crate) fn compare_exchange(
                &self,
                from: $value,
                to: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                ordered(success, || self.0.compare_exchange(from, to, success, failure))
            }

            pub(crate) fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                ordered(order, || self.0.fetch_and(value, order))
            }

            pub(crate) fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                ordered(order, || self.0.fetch_or(value, order))
            }
        }
    )* };
}

atomics!(AtomicBool: bool, AtomicU8: u8, AtomicU32: u32, AtomicU64: u64);

impl AtomicU32 {
    pub(crate) fn fetch_update(
        &self,
        success: Ordering,
        failure: Ordering,
        change: impl FnMut(u32) -> Option<u32>,
    ) -> Result<u32, u32> {
        ordered(success, || self.0.fetch_update(success, failure, change))
    }
}

impl AtomicU64 {
    /// Loom's never fails for no reason.
    pub(crate) fn compare_exchange_weak(
        &self,
        from: u64,
        to: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.compare_exchange(from, to, success, failure)
    }

    pub(crate) fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
        ordered(order, || self.0.fetch_add(value, order))
    }

    pub(crate) fn fetch_sub(&self, value: u64, order: Ordering) -> u64 {
        ordered(order, || self.0.fetch_sub(value, order))
    }
}

/// Loom's mutex.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(loomed::Mutex<T>);

/// A guard that knows its mutex, which a wait that times out locks again.
#[derive(Debug)]
pub(crate) struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    guard: loomed::MutexGuard<'a, T>,
}

impl<T> Mutex<T> {
    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        match self.0.lock() {
            Ok(guard) => Ok(MutexGuard { mutex: self, guard }),
            Err(error) => Err(PoisonError::new(MutexGuard { mutex: self, guard: error.into_inner() })),
        }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// Loom's condition variable. It knows no time: a model chooses whether waits with a time-out all run into it, as soon as
/// others have run, or never (`with_time_outs`).
#[derive(Debug, Default)]
pub(crate) struct Condvar(loomed::Condvar);

impl Condvar {
    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let MutexGuard { mutex, guard } = guard;
        let guard = self.0.wait(guard).unwrap_or_else(PoisonError::into_inner);
        Ok(MutexGuard { mutex, guard })
    }

    pub(crate) fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        _patience: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        if !TIMES_OUT.get() {
            return Ok((self.wait(guard).unwrap_or_else(PoisonError::into_inner), WaitTimeoutResult(false)));
        }
        let mutex = guard.mutex;
        drop(guard);
        Ok((mutex.lock().unwrap_or_else(PoisonError::into_inner), WaitTimeoutResult(true)))
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// Whether a wait ran into its time-out.
#[derive(Debug)]
pub(crate) struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    pub(crate) fn timed_out(&self) -> bool {
        self.0
    }
}

#[cfg(test)]
pub(crate) use self::models::{Plain, model, with_both_fences, with_stores_in_order, with_time_outs};

#[cfg(test)]
mod models {
    use loom::cell::UnsafeCell;
    use loom::sync::atomic::AtomicU32;

    use super::{FENCE_BEHIND, Ordering, STORES_IN_ORDER, TIMES_OUT};

    /// Runs a model in every order that its threads can come in with at most so many preemptions.
    pub(crate) fn model(preemptions: usize, threads: impl Fn() + Send + Sync + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(builder.preemption_bound.unwrap_or(preemptions));
        builder.check(threads);
    }

    /// Runs a model twice: with the fences of sequentially consistent accesses in front of them, and behind them.
    pub(crate) fn with_both_fences(run: impl Fn()) {
        for behind in [false, true] {
            FENCE_BEHIND.set(behind);
            run();
        }
    }

    /// Runs a model whose stores come in one order with the exchanges of other threads, as they do on a machine. Loom knows
    /// that of exchanges only, so they are used for stores.
    pub(crate) fn with_stores_in_order(run: impl Fn()) {
        STORES_IN_ORDER.set(true);
        run();
        STORES_IN_ORDER.set(false);
    }

    /// Runs a model whose waits with a time-out all run into it.
    pub(crate) fn with_time_outs(run: impl Fn()) {
        TIMES_OUT.set(true);
        run();
        TIMES_OUT.set(false);
    }

    /// Plain memory: a model fails when two threads use it and nothing orders their uses.
    #[derive(Debug)]
    pub(crate) struct Plain {
        uses: UnsafeCell<()>,
        value: AtomicU32,
    }

    impl Plain {
        pub(crate) fn new(value: u32) -> Self {
            Self { uses: UnsafeCell::new(()), value: AtomicU32::new(value) }
        }

        pub(crate) fn write(&self, value: u32) {
            self.uses.with_mut(|_| self.value.store(value, Ordering::Relaxed));
        }

        pub(crate) fn read(&self) -> u32 {
            self.uses.with(|_| self.value.load(Ordering::Relaxed))
        }
    }
}
