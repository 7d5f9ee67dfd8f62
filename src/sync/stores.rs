//! The stores that other processes see, as a test hears them: named in their order, and lost from a point on.
//!
//! Whatever is written to shared memory passes here, and so do names given and taken and bells rung. A process that is
//! killed leaves behind what it had stored until then and nothing more, not even what its leases would write when they
//! are dropped; so losing every store behind the n-th is its death there, as far as others can tell. A store that is lost
//! looks to its writer as if it had failed.
//!
//! Only stores of the calling thread are heard or lost. Outside of unit tests `unheard` stands in this place.

use std::cell::RefCell;

/// What is heard on one thread.
#[derive(Default)]
struct Listener {
    heard: Vec<&'static str>,
    /// Stores beyond these are lost.
    limit: usize,
}

thread_local! {
    static LISTENER: RefCell<Option<Listener>> = const { RefCell::new(None) };
}

/// One store.
pub(crate) fn store<R: Default>(what: &'static str, write: impl FnOnce() -> R) -> R {
    if happens(what) { write() } else { R::default() }
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
        }
    }
}

fn happens(what: &'static str) -> bool {
    let happens = |listener: &RefCell<Option<Listener>>| match &mut *listener.borrow_mut() {
        None => true,
        Some(Listener { heard, limit }) if heard.len() < *limit => {
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
    LISTENER.set(Some(Listener { heard: Vec::new(), limit }));
}

/// Ends `listen`; what was stored meanwhile.
pub(crate) fn heard() -> Vec<&'static str> {
    LISTENER.take().map(|listener| listener.heard).unwrap_or_default()
}
