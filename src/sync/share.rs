//! A part of a sum, given back by whoever has it last.

use std::sync::Arc;

use super::Counter;

/// What was added to a [`Counter`], and is taken away when this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    of: Arc<Counter>,
    n: u64,
}

impl Share {
    /// Adds `n`, unless that would be more than `most`.
    pub(crate) fn take(of: &Arc<Counter>, n: u64, most: u64) -> Option<Self> {
        of.add_within(n, most).then(|| Self { of: Arc::clone(of), n })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.of.sub(self.n);
    }
}
