//! The stores that other processes see, as a test hears them: named in their order, and lost from a point on.
//!
//! Whatever is written to shared memory passes here, and so do names given and taken and bells rung. A process that is
//! killed leaves behind what it had stored until then and nothing more, not even what its leases would write when they
//! are dropped; so losing every store behind the n-th is its death there, as far as others can tell. A store that is lost
//! looks to its writer as if it had failed.
//!
//! A test can also have another thread's steps come between two stores: `interrupt`.
//!
//! Only stores of the calling thread are heard or lost. Outside of unit tests `unheard` stands in this place.

use std::cell::RefCell;

/// What is heard on one thread.
#[derive(Default)]
struct Listener {
    heard: Vec<&'static str>,
    /// Stores beyond these are lost.
    limit: usize,
    /// Runs behind that many.
    others: Option<(usize, Box<dyn FnOnce()>)>,
}

thread_local! {
    static LISTENER: RefCell<Option<Listener>> = const { RefCell::new(None) };
}

impl Listener {
    fn others_now(&mut self) -> Option<Box<dyn FnOnce()>> {
        self.others.take_if(|(nth, _)| *nth == self.heard.len()).map(|(_, others)| others)
    }
}

/// One store.
pub(crate) fn store<R: Default>(what: &'static str, write: impl FnOnce() -> R) -> R {
    if !happens(what) {
        return R::default();
    }
    let result = write();
    let_others_come();
    result
}

/// Stores to memory that has no name yet, and that nobody else sees: they are not heard.
pub(crate) fn unseen<R>(write: impl FnOnce() -> R) -> R {
    let listener = LISTENER.take();
    let result = write();
    LISTENER.set(listener);
    result
}

/// A copy of many bytes. Death may come in the middle of it, so it counts as two stores.
pub(crate) fn copy(what: &'static str, bytes: &[u8], write: impl Fn(usize, &[u8])) {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    for (at, half) in [(0, first), (first.len(), second)] {
        if !half.is_empty() && happens(what) {
            write(at, half);
            let_others_come();
        }
    }
}

/// Runs the steps of another thread, if it is their turn.
fn let_others_come() {
    let now = LISTENER.try_with(|listener| listener.borrow_mut().as_mut().and_then(Listener::others_now));
    if let Ok(Some(others)) = now {
        unseen(others);
    }
}

fn happens(what: &'static str) -> bool {
    let happens = |listener: &RefCell<Option<Listener>>| match &mut *listener.borrow_mut() {
        None => true,
        Some(Listener { heard, limit, .. }) if heard.len() < *limit => {
            heard.push(what);
            true
        }
        Some(_) => false,
    };
    // A thread that ends has nobody who listens.
    LISTENER.try_with(happens).unwrap_or(true)
}

/// From now on this thread's stores are heard, and lost beyond the first `limit`.
pub(crate) fn listen(limit: usize) {
    LISTENER.set(Some(Listener { limit, ..Listener::default() }));
}

/// From now on this thread's stores are heard; behind the `nth` of them `others` is run, which is to be what another thread does there.
/// So it must not wait for anything that this thread has.
pub(crate) fn interrupt(nth: usize, others: impl FnOnce() + 'static) {
    let others = Some((nth, Box::new(others) as Box<dyn FnOnce()>));
    LISTENER.set(Some(Listener { limit: usize::MAX, others, ..Listener::default() }));
}

/// Ends `listen` or `interrupt`; what was stored meanwhile.
///
/// # Panics
/// If the interruption did not come: there were fewer stores.
pub(crate) fn heard() -> Vec<&'static str> {
    let Listener { heard, limit: _, others } = LISTENER.take().unwrap_or_default();
    assert!(others.is_none(), "there were only {} stores: {heard:?}", heard.len());
    heard
}
