//! What commands say: the standard output, whose reader may go at any time, and errors.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Who reads the standard output has gone.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the standard output any more")]
struct ReaderGone;

/// Writes `text` and the end of its line, at once.
///
/// # Errors
/// When it cannot be written; `has_reader_gone` tells whether because nobody reads on, as after `| head`.
pub(crate) fn line(text: impl Display) -> io::Result<()> {
    bytes(format!("{text}\n").as_bytes())
}

/// Writes `bytes` as they are, at once.
///
/// # Errors
/// As `line`.
pub(crate) fn bytes(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => io::Error::new(ErrorKind::BrokenPipe, ReaderGone),
        _ => error,
    })
}

/// Writes a line to the standard error, if anybody reads it.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Whether the reader of the standard output went, which is no failure of a command that only shows.
pub(crate) fn has_reader_gone(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<ReaderGone>())
}

/// `written`, but all is well when the reader has gone: the command has more to say by how it ends.
pub(crate) fn unless_gone(written: io::Result<()>) -> io::Result<()> {
    written.or_else(|error| if has_reader_gone(&error) { Ok(()) } else { Err(error) })
}

/// An error with all its causes, on one line.
pub(crate) fn told(error: &(dyn Error + 'static)) -> String {
    causes(error).fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}

/// What an error came of, and that of, to the first cause.
pub(crate) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}
