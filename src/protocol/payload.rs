//! A message's two parts in a slot: the descriptor's raw numbers, and the checked places they become.

use super::geometry::Geometry;
use super::heap::{HeapRange, RangeError};
use super::layout::PayloadDescriptor;
use super::name::Generation;

/// Where a body is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BodyPlace {
    /// There is none.
    Empty,
    /// In the heap.
    Inline(HeapRange),
    /// In an overflow object, from its start.
    Overflow { generation: Generation, len: u32 },
}

impl BodyPlace {
    /// Length of the body in bytes.
    pub(crate) fn len(self) -> u32 {
        match self {
            Self::Empty => 0,
            Self::Inline(range) => range.len() as u32,
            Self::Overflow { len, .. } => len,
        }
    }

    /// Where the body is in the heap, if it is there.
    #[inline]
    pub(crate) fn inline(self) -> Option<HeapRange> {
        match self {
            Self::Inline(range) => Some(range),
            Self::Empty | Self::Overflow { .. } => None,
        }
    }
}

/// Where the two parts of a message are, checked against the heap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Payload {
    pub(crate) meta: HeapRange,
    pub(crate) body: BodyPlace,
}

/// Which part of a descriptor lies outside the heap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PayloadError {
    Meta(RangeError),
    Body(RangeError),
}

impl PayloadDescriptor {
    /// Reads each field once and checks what it read.
    pub(crate) fn read(&self, geometry: &Geometry) -> Result<Payload, PayloadError> {
        let (meta_offset, meta_len) = (self.meta_offset.get(), self.meta_len.get());
        let (body_offset, body_len, marker) = (self.body_offset.get(), self.body_len.get(), self.body_overflow.get());
        let meta = geometry.heap_range(meta_offset, meta_len.into()).map_err(PayloadError::Meta)?;
        let body = match Generation::from_marker(marker) {
            _ if body_len == 0 => BodyPlace::Empty,
            None => BodyPlace::Inline(geometry.heap_range(body_offset, body_len).map_err(PayloadError::Body)?),
            Some(generation) => BodyPlace::Overflow { generation, len: body_len },
        };
        Ok(Payload { meta, body })
    }

    /// Writes where a message is.
    ///
    /// # Panics
    /// When the meta is longer than its field can say; the writer has checked it against [`MAX_META`].
    #[inline]
    pub(crate) fn write(&self, payload: Payload) {
        let Payload { meta, body } = payload;
        let (offset, len, marker) = match body {
            BodyPlace::Empty => (0, 0, 0),
            BodyPlace::Inline(range) => (range.offset(), range.len() as u32, 0),
            BodyPlace::Overflow { generation, len } => (0, len, generation.marker()),
        };
        self.meta_offset.set(meta.offset());
        self.meta_len.set(u16::try_from(meta.len()).expect("a meta's length was checked before it was placed"));
        self.body_offset.set(offset);
        self.body_len.set(len);
        self.body_overflow.set(marker);
    }
}

/// The longest meta a slot can describe, in bytes.
pub(crate) const MAX_META: usize = u16::MAX as usize;
