//! What one side accepts and takes at most.

/// The limits of one side of a bus. What each default is for stands in `docs/limits.md`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limits {
    /// The longest body either way, in bytes.
    pub(crate) body: usize,
    /// The most headers of a message either way.
    pub(crate) headers: usize,
    /// The most bytes of all overflow objects that this side makes.
    pub(crate) overflow: u64,
}

impl Limits {
    /// No header limit goes beyond this: `http::HeaderMap` holds 24,576 names, and panics at more.
    pub(crate) const MOST_HEADERS: usize = 8192;
}

impl Default for Limits {
    fn default() -> Self {
        Self { body: 64 << 20, headers: 256, overflow: 256 << 20 }
    }
}

impl From<usize> for Limits {
    /// The defaults, but for bodies of at most `body` bytes.
    fn from(body: usize) -> Self {
        Self { body, ..Self::default() }
    }
}
