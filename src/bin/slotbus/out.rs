//! The standard output, whose reader may go at any time.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes `text` and the end of its line, at once.
///
/// # Errors
/// When it cannot be written. Where the reader has gone, `main` ends without a word, as after `| head`.
pub(crate) fn line(text: impl Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}
