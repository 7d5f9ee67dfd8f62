//! Ranges of the heap, and the halves of a slot's arena.

/// Rounds up to the heap's alignment of 8 bytes.
pub(crate) const fn align8(n: usize) -> usize {
    (n + 7) & !7
}

/// Why a range of the heap is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("range {offset}..{end} exceeds the heap of {heap_size} bytes")]
pub struct RangeError {
    pub(super) offset: u64,
    pub(super) end: u64,
    pub(super) heap_size: u32,
}

/// A range of heap bytes that is inside the mapping, relative to the heap's start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct HeapRange {
    pub(super) offset: u32,
    pub(super) len: u32,
}

impl HeapRange {
    /// Offset from the heap's start, as the wire says it.
    pub(crate) fn offset(self) -> u32 {
        self.offset
    }

    /// Length in bytes.
    pub(crate) fn len(self) -> usize {
        self.len as usize
    }

    /// The first `len` bytes and the rest behind them, rounded up to 8; `None` when there are fewer.
    #[inline]
    pub(crate) fn split(self, len: usize) -> Option<(Self, Self)> {
        if len > self.len() {
            return None;
        }
        // An unaligned end can leave nothing behind it.
        let cut = align8(len).min(self.len()) as u32;
        Some((Self { len: len as u32, ..self }, Self { offset: self.offset + cut, len: self.len - cut }))
    }

    /// This range and `next` as one, when `next` starts where this one ends.
    pub(crate) fn join(self, next: Self) -> Option<Self> {
        (self.offset + self.len == next.offset).then_some(Self { offset: self.offset, len: self.len + next.len })
    }
}

/// The two halves of a slot's arena.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Arena {
    /// Where the hub writes the request.
    pub(crate) request: HeapRange,
    /// Where the worker writes the response.
    pub(crate) response: HeapRange,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_ranges_join_and_split_at_8_bytes() {
        let (a, b) = (HeapRange { offset: 8, len: 16 }, HeapRange { offset: 24, len: 8 });
        let joined = a.join(b).unwrap();
        assert_eq!(joined, HeapRange { offset: 8, len: 24 });
        assert_eq!(b.join(a), None);
        assert_eq!(joined.split(3).unwrap().1, HeapRange { offset: 16, len: 16 });
        assert_eq!(joined.split(25), None);
    }
}
