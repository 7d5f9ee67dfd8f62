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
/// One of more than 1 MiB is only if [`with_capacity`](Self::with_capacity) has said so: no memory is kept for those, and
/// making it anew while they grow would cost more than the copy.
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
        if bytes < SHARED_FROM || !writer.share(bytes) {
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
        let has_room = match &self.shared {
            Some(memory) => end <= memory.capacity(),
            None => self.len >= SHARED_FROM && end <= self.private.capacity(),
        };
        let grows = !has_room && end <= Room::KEPT && self.share(end.max(2 * self.len).min(Room::KEPT));
        if !has_room && !grows {
            self.take_back();
        }
        match &mut self.shared {
            Some(memory) => memory.write(self.len, bytes),
            None => self.private.extend_from_slice(bytes),
        }
        self.len = end;
    }

    /// Goes on in shared memory for at least `capacity` bytes; false when there is none.
    fn share(&mut self, capacity: usize) -> bool {
        let Some(mut memory) = Room::current().and_then(|room| room.take(capacity)) else { return false };
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
