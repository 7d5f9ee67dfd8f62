//! What a thread has seen of headers before: the same peers send the same names, and mostly the same values, again and again.

use std::cell::Cell;

use super::lists::Lists;
use super::names::Names;

/// What this thread knows.
#[derive(Default)]
pub(super) struct Known {
    pub(super) names: Names,
    pub(super) lists: Lists,
}

thread_local! {
    /// Away while a map of this thread is made.
    static KNOWN: Cell<Option<Box<Known>>> = const { Cell::new(None) };
}

impl Known {
    /// Calls `f` with what this thread knows, if it knows anything.
    #[inline]
    pub(super) fn with_any(f: impl FnOnce(&mut Self)) {
        if let Some(mut known) = KNOWN.try_with(Cell::take).ok().flatten() {
            f(&mut known);
            let _ = KNOWN.try_with(|place| place.set(Some(known)));
        }
    }

    /// Calls `f` with what this thread knows. One that is ending knows nothing any more.
    #[inline]
    pub(super) fn with<T>(f: impl FnOnce(&mut Self) -> T) -> T {
        let mut known = KNOWN.try_with(Cell::take).ok().flatten().unwrap_or_default();
        let result = f(&mut known);
        let _ = KNOWN.try_with(|place| place.set(Some(known)));
        result
    }
}
