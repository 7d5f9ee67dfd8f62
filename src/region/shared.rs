//! Bytes of a mapping, lent to safe code as they are.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::{OverflowObject, OverflowView, Region};
use crate::protocol::HeapRange;

/// The promise that the other processes on a bus leave bodies alone while somebody reads them in place.
///
/// A bus copies every body out of shared memory before anybody looks at it, since another process might change it
/// meanwhile. Who makes this promise has long bodies lent instead: [`Serve::zero_copy`](crate::Serve::zero_copy) for the
/// requests a worker gets, [`HubBuilder::zero_copy`](crate::hub::HubBuilder::zero_copy) for the answers a hub gets. They
/// are [`Bytes`] over the mapping, and their slot is not used again before the last clone of them is dropped.
#[derive(Clone, Copy)]
pub struct TrustedPeers(());

impl TrustedPeers {
    /// Promises it.
    ///
    /// # Safety
    /// As long as any bytes lent on the strength of this promise exist, no process may write to them or make their object
    /// shorter. The hubs and workers of this crate keep to that by themselves, also when they crash; so what is promised is
    /// that every process which opens the bus is one of them, of this release or a later one, and that no code in any of
    /// them writes where it should not. Published workers and hubs neither borrow nor lend, and do no harm.
    #[allow(clippy::new_without_default, reason = "a promise is not made by default")]
    pub const unsafe fn promise() -> Self {
        Self(())
    }
}

impl fmt::Debug for TrustedPeers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TrustedPeers")
    }
}

/// Keeps a region mapped, and the slot whose bytes are lent from being used again.
pub(crate) trait Lender: Send + 'static {
    /// The region; always the same one.
    fn region(&self) -> &Region;
}

/// Bytes of a mapping and what keeps them.
struct Lent<K> {
    start: *const u8,
    len: usize,
    _keeper: K,
}

// SAFETY: the pointer is into a mapping that the keeper keeps, and which nobody writes to by the promise in
// `TrustedPeers`; the keeper may be dropped by any thread.
unsafe impl<K: Send> Send for Lent<K> {}

impl<K> AsRef<[u8]> for Lent<K> {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `len` bytes from `start` were checked to be mapped, by whoever made this; they stay so while the keeper
        // lives, and nobody writes to them by the promise in `TrustedPeers`.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

/// Lends `range` of the lender's region.
pub(crate) fn lend_range<L: Lender>(lender: L, range: HeapRange, _: TrustedPeers) -> Bytes {
    let start = lender.region().heap_ptr(range).cast_const();
    Bytes::from_owner(Lent { start, len: range.len(), _keeper: lender })
}

/// Lends the first `len` bytes of an object. The view goes before the lender: then the object may be used again.
pub(crate) fn lend_view<L: Lender>(lender: L, view: Arc<OverflowView>, len: usize, _: TrustedPeers) -> Bytes {
    let start = view.start(len);
    Bytes::from_owner(Lent { start, len, _keeper: (view, lender) })
}

/// Lends the first `len` bytes of an object of our own, which is not written to while it is shared.
pub(crate) fn lend_object(object: Arc<OverflowObject>, len: usize, _: TrustedPeers) -> Bytes {
    let start = object.start(len);
    Bytes::from_owner(Lent { start, len, _keeper: object })
}
