//! The lives of a hub: each is one region, with the callers that have a slot in it.
//!
//! Nearly always there is one. When more than half its slots are stuck with workers that neither answer nor die, or one keeps
//! the memory for answers of published workers used up, the hub retires the region: it makes another under the same name, and
//! from then on calls go there. What no worker had claimed is withdrawn and sent again; what was claimed is waited for in the
//! old region, which goes with the last of these callers, and of the handles that hold a slot there for their next call.

use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::builder::CreateError;
use super::shared::Shared;
use super::{guard, watcher};
use crate::bus::{Alarm, Bus, BusError, Founding};
use crate::protocol::{BusName, Limits};
use crate::slot::{HubBus, TrustedPeers};
use crate::sync::{Flag, run_through_panics};

/// What every life of a hub is like.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) name: BusName,
    pub(super) founding: Founding,
    pub(super) limits: Limits,
    pub(super) timeout: Duration,
    pub(super) spin: Duration,
    pub(super) trust: Option<TrustedPeers>,
}

#[derive(Debug)]
pub(super) struct Lives {
    options: Options,
    /// Locked for writing only when a region is retired.
    current: RwLock<Arc<Shared>>,
    threads: Mutex<Vec<Threads>>,
    closed: Flag,
}

/// The threads of one life.
#[derive(Debug)]
struct Threads {
    /// The threads keep it themselves, so that it goes with them.
    shared: Weak<Shared>,
    watcher: JoinHandle<()>,
    guard: JoinHandle<()>,
}

impl Lives {
    /// Starts the first life.
    pub(super) fn start(options: Options) -> Result<Arc<Self>, CreateError> {
        let bus = Bus::found(&options.name, &options.founding)?;
        let alarm = Alarm::new().map_err(CreateError::Descriptor)?;
        let lives = Arc::new_cyclic(|lives| {
            let bus = HubBus::new(bus, options.limits);
            let shared = Arc::new(Shared::new(bus, alarm, &options, lives.clone()));
            Self { options, current: RwLock::new(shared), threads: Mutex::default(), closed: Flag::default() }
        });
        lives.run(lives.current()).inspect_err(|_| lives.close())?;
        Ok(lives)
    }

    /// The life that takes calls.
    pub(super) fn current(&self) -> Arc<Shared> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps everybody from learning which life takes calls.
    #[cfg(all(test, not(loom)))]
    pub(super) fn hold(&self) -> impl Sized + '_ {
        self.current.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn name(&self) -> &BusName {
        &self.options.name
    }

    /// Whether the hub is closed, and not only a retired region.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_raised() || self.current().is_closed()
    }

    /// Starts the threads of a life.
    fn run(self: &Arc<Self>, shared: Arc<Shared>) -> Result<(), CreateError> {
        let name = self.options.name.name();
        let start = |what: &str, run: Box<dyn Fn() + Send>| {
            let (thread, life) = (thread::Builder::new().name(format!("slotbus-{what}-{name}")), Arc::clone(&shared));
            thread.spawn(move || run_through_panics(run, || life.is_closed())).map_err(CreateError::Thread)
        };
        let watched = Arc::clone(&shared);
        let watcher = start("hub", Box::new(move || watcher::watch(&watched)))?;
        let (lives, guarded) = (Arc::downgrade(self), Arc::clone(&shared));
        let guard = start("guard", Box::new(move || guard::guard(&lives, &guarded))).inspect_err(|_| shared.close());
        // A watcher without a guard ends by itself, since its life is closed then.
        let threads = Threads { watcher, guard: guard?, shared: Arc::downgrade(&shared) };
        self.threads().push(threads);
        Ok(())
    }

    /// Retires the region of `old` for a new one.
    ///
    /// # Errors
    /// When there is no memory or no descriptor for another region; then everything stays as it is. When the name was given
    /// up and could not be taken again, or no thread can be started, the hub closes.
    pub(super) fn succeed(self: &Arc<Self>, old: &Shared) -> Result<(), CreateError> {
        if self.closed.is_raised() {
            return Err(CreateError::Bus(BusError::HubGone(self.options.name.clone())));
        }
        self.reap();
        let alarm = Alarm::new().map_err(CreateError::Descriptor)?;
        // From here on it is no wonder when the name stands for another region.
        old.succeeding.raise();
        let bus = Bus::succeed(old.bus.bus(), &self.options.founding).inspect_err(|_| old.succeeding.lower())?;
        let bus = HubBus::new(bus, self.options.limits);
        let shared = Arc::new(Shared::new(bus, alarm, &self.options, Arc::downgrade(self)));
        // The workers are leaving the old region already.
        self.run(Arc::clone(&shared)).inspect_err(|_| old.close())?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = shared;
        // In this order: who finds the old life retired finds the new one.
        old.move_callers();
        Ok(())
    }

    /// Closes every life and waits for its threads.
    pub(super) fn close(&self) {
        self.closed.raise();
        // The current one first: no call that a retired one fails may find a life to go to.
        self.current().close();
        loop {
            let ended = std::mem::take(&mut *self.threads());
            if ended.is_empty() {
                // One that was being made meanwhile.
                return self.current().close();
            }
            ended.into_iter().for_each(Threads::end);
        }
    }

    /// Waits for the threads of lives that are over.
    fn reap(&self) {
        let is_over = |threads: &mut Threads| threads.watcher.is_finished() && threads.guard.is_finished();
        let over: Vec<_> = self.threads().extract_if(.., is_over).collect();
        over.into_iter().for_each(Threads::end);
    }

    fn threads(&self) -> std::sync::MutexGuard<'_, Vec<Threads>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Threads {
    fn end(self) {
        let Self { shared, watcher, guard } = self;
        for thread in [watcher, guard] {
            // A waker that the thread runs may drop the last handle: it cannot wait for itself.
            if thread.thread().id() == thread::current().id() {
                continue;
            }
            while !thread.is_finished() {
                // Again and again: somebody else may have taken the ring.
                if let Some(shared) = shared.upgrade() {
                    shared.close();
                }
                thread::sleep(watcher::NOTICE);
            }
            let _ = thread.join();
        }
    }
}
