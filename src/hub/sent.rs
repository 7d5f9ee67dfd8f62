//! Whether a request is with workers: for who gives a call up and wants to know whether it may have been carried out.

use std::sync::Arc;

use crate::sync::Counter;

/// Counts how often a request was announced to workers and not taken back before one of them claimed it.
///
/// Clones count together, so one may stand for a request that is sent again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent(Arc<Counter>);

impl Sent {
    pub(super) fn announced(&self) {
        self.0.add(1);
    }

    pub(super) fn withdrawn(&self) {
        self.0.sub(1);
    }

    /// Whether a worker may have seen it. Asked when the call has ended or was dropped.
    #[cfg(all(feature = "gateway", not(loom)))]
    pub(crate) fn is_seen(&self) -> bool {
        self.0.get() > 0
    }
}
