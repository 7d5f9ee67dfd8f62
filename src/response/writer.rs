//! Writing a body where its reader will look for it.

use std::{fmt, io};

use axum_core::response::{IntoResponse, Response};
use bytes::Bytes;

use crate::{
    body::Body,
    protocol::{BodyMemory, Room},
};

/// From this many bytes on a body is written in shared memory, where that is possible; a shorter one fits into its slot.
const SHARED_FROM: usize = 96 * 1024;

/// Writes the body of a response piece by piece, as [`std::io::Write`].
///
/// In a worker with [`zero_copy`](crate::Serve::zero_copy), a long body is written straight into the shared memory that its
/// caller reads it from, so it is not copied when the response is sent; [`Json`](crate::Json) writes its body that way too.
/// A body of more than 1 MiB is written so only if [`with_capacity`](Self::with_capacity) has said its length: no memory is kept for
/// those, and making it anew while they grow costs more than the copy. After some of them others are not written so either, unless
/// their length was said.
///
/// This holds for what a handler writes itself, not for tasks or threads it starts; there, and anywhere else, the body is
/// collected in private memory. A layer that changes the body, as a compression does, reads it like any other.
///
/// ```
/// use std::io::Write;
/// use slotbus::response::BodyWriter;
///
/// #[slotbus::handler(GET, "/numbers")]
/// async fn numbers() -> BodyWriter {
///     let mut body = BodyWriter::new();
///     for number in 0..100_000 {
///         writeln!(body, "{number}").expect("writing a body does not fail");
///     }
///     body
/// }
/// ```
#[derive(Default)]
#[must_use = "a body that is written goes out with a response"]
pub struct BodyWriter {
    private: Vec<u8>,
    /// Holds the whole body once there is one; `private` is empty then.
    shared: Option<Box<dyn BodyMemory>>,
    len: usize,
}

impl BodyWriter {
    /// An empty body.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty body with memory for so many bytes; it may grow longer.
    pub fn with_capacity(bytes: usize) -> Self {
        let mut writer = Self::new();
        let is_long = bytes >= SHARED_FROM;
        if !is_long || !Room::current().is_some_and(|room| writer.share(&room, bytes)) {
            writer.private.reserve(bytes);
        }
        writer
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The body.
    pub fn into_bytes(self) -> Bytes {
        match self.shared {
            Some(memory) => memory.into_bytes(self.len),
            None => self.private.into(),
        }
    }

    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        // Serializers write a few bytes at a time.
        if end < SHARED_FROM && self.shared.is_none() {
            self.private.extend_from_slice(bytes);
            self.len = end;
        } else {
            self.append_long(bytes);
        }
    }

    fn append_long(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if !self.has_room(end) && !self.grow(end) {
            self.take_back();
        }
        match &mut self.shared {
            Some(memory) => memory.write(self.len, bytes),
            None => self.private.extend_from_slice(bytes),
        }
        self.len = end;
    }

    /// Whether there is room for `end` bytes where the body is, or it is too long to go elsewhere.
    fn has_room(&self, end: usize) -> bool {
        match &self.shared {
            Some(memory) => end <= memory.capacity(),
            // One that was said to be longer has found no memory before.
            None => self.len >= SHARED_FROM && end <= self.private.capacity() || self.private.capacity() > Room::KEPT,
        }
    }

    /// Goes on in shared memory, if that is kept for bodies of `end` bytes; false when there is none.
    fn grow(&mut self, end: usize) -> bool {
        let grows = |room: &Room| end <= Room::KEPT && room.suits_growing();
        let capacity = end.max(2 * self.len).min(Room::KEPT);
        Room::current().filter(grows).is_some_and(|room| self.share(&room, capacity))
    }

    /// Goes on in shared memory for at least `capacity` bytes; false when there is none.
    fn share(&mut self, room: &Room, capacity: usize) -> bool {
        let Some(mut memory) = room.take(capacity) else { return false };
        match self.shared.take() {
            // Another object: the slot's own is not given out again while it is written to.
            Some(former) => memory.write(0, &former.into_bytes(self.len)),
            None => memory.write(0, &std::mem::take(&mut self.private)),
        }
        self.shared = Some(memory);
        true
    }

    /// Takes what was written out of shared memory that is too short.
    fn take_back(&mut self) {
        if let Some(memory) = self.shared.take() {
            self.private = Vec::with_capacity(2 * self.len);
            self.private.extend_from_slice(&memory.into_bytes(self.len));
        }
    }
}

impl io::Write for BodyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes);
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.append(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl From<BodyWriter> for Body {
    fn from(writer: BodyWriter) -> Self {
        Self::from(writer.into_bytes())
    }
}

impl IntoResponse for BodyWriter {
    fn into_response(self) -> Response {
        self.into_bytes().into_response()
    }
}

impl fmt::Debug for BodyWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { private: _, shared, len } = self;
        f.debug_struct("BodyWriter").field("len", len).field("shared", &shared.is_some()).finish()
    }
}
