//! Route patterns: `/session/{id}`, `/session/:id`, `/files/{*rest}`.
//!
//! A pattern takes its parameters out of a path by itself, as slices of the path. So neither the hub's parameters (any
//! order) nor the tree's have to be copied: remembering the path is enough.

use std::{fmt, ops::Range, slice};

/// A parsed pattern. Equal routes have equal text, whichever way they were written.
#[derive(Clone)]
pub(crate) struct Pattern {
    /// The text in braces form.
    text: Box<str>,
    pieces: Box<[Piece]>,
}

/// A part of a pattern; the ranges point into its text.
#[derive(Clone)]
enum Piece {
    Literal(Range<usize>),
    Param {
        name: Range<usize>,
        /// What follows in the same segment, which is part of the next piece.
        suffix: Range<usize>,
    },
    Rest(Range<usize>),
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PatternError {
    #[error("the path does not begin with `/`")]
    NoLeadingSlash,
    #[error("`{0}` is not a parameter name: use letters, digits, `_` and `-`")]
    Name(String),
    #[error("the parameter `{0}` appears twice")]
    Repeated(String),
    #[error("`{0}` holds more than one parameter, or a stray brace")]
    Segment(String),
    #[error("`{0}` takes the rest of the path, so it must be the whole last segment")]
    RestNotLast(String),
    #[error("`{0}` cannot stand in a path")]
    Forbidden(char),
}

impl Pattern {
    /// Parses either spelling; both may be mixed.
    pub(crate) fn parse(source: &str) -> Result<Self, PatternError> {
        let mut rest = source.strip_prefix('/').ok_or(PatternError::NoLeadingSlash)?;
        if let Some(c) = source.chars().find(|&c| c == '?' || c == '#' || c.is_whitespace() || c.is_control()) {
            return Err(PatternError::Forbidden(c));
        }
        let mut builder = Builder::default();
        loop {
            let (segment, tail) = match rest.split_once('/') {
                Some((segment, tail)) => (segment, Some(tail)),
                None => (rest, None),
            };
            builder.literal("/");
            builder.segment(segment, tail.is_none())?;
            match tail {
                Some(tail) => rest = tail,
                None => return Ok(builder.finish()),
            }
        }
    }

    /// The pattern with braces: `/session/{id}`.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The pattern as the other half of the world writes it: `/session/:id`, `/files/*rest`. None when it has no such form.
    pub(crate) fn colon_form(&self) -> Option<String> {
        let mut text = String::with_capacity(self.text.len());
        for (i, piece) in self.pieces.iter().enumerate() {
            let (mark, range) = match piece {
                Piece::Literal(range) => ("", range),
                Piece::Param { name, .. } => (":", name),
                Piece::Rest(range) => ("*", range),
            };
            let whole_segment = text.ends_with('/')
                && match self.pieces.get(i + 1) {
                    Some(Piece::Literal(next)) => self.text[next.clone()].starts_with('/'),
                    _ => true,
                };
            if !mark.is_empty() && !whole_segment {
                return None;
            }
            text.push_str(mark);
            text.push_str(&self.text[range.clone()]);
        }
        Some(text)
    }

    /// The parameter names, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(_) => None,
            Piece::Param { name, .. } | Piece::Rest(name) => Some(&self.text[name.clone()]),
        })
    }

    /// Names and values in the order of the pattern, the values as they stand in the path.
    pub(crate) fn captures<'a>(&'a self, path: &'a str) -> Captures<'a> {
        Captures { text: &self.text, pieces: self.pieces.iter(), path }
    }

    /// Whether the whole path is described by this pattern and `params` are what it takes out of it, in any order.
    pub(crate) fn agrees(&self, path: &str, params: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)]) -> bool {
        let mut captures = self.captures(path);
        let mut count = 0;
        for (name, value) in captures.by_ref() {
            count += 1;
            if !params.iter().any(|(n, v)| n.as_ref() == name.as_bytes() && v.as_ref() == value.as_bytes()) {
                return false;
            }
        }
        // Not by a comparison with "", which has no memory behind its address: to read none of it takes AVX-512 a hundred nanoseconds.
        count == params.len() && captures.remainder().is_some_and(str::is_empty)
    }

    /// The pattern with numbers for the names of its parameters: the same for all that describe the same paths.
    pub(crate) fn nameless(&self) -> String {
        let mut text = String::with_capacity(self.text.len());
        let mut numbers = 0..;
        let mut number = || numbers.next().unwrap_or_default();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(range) => text.push_str(&self.text[range.clone()]),
                Piece::Param { .. } => text.push_str(&format!("{{{}}}", number())),
                Piece::Rest(_) => text.push_str(&format!("{{*{}}}", number())),
            }
        }
        text
    }

    /// Whether the path is this pattern or lies below it.
    pub(crate) fn covers(&self, path: &str) -> bool {
        let mut captures = self.captures(path);
        captures.by_ref().for_each(drop);
        captures.remainder().is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({})", self.text)
    }
}

/// Walks a pattern and a path side by side.
#[derive(Clone)]
pub(crate) struct Captures<'a> {
    text: &'a str,
    pieces: slice::Iter<'a, Piece>,
    path: &'a str,
}

impl<'a> Captures<'a> {
    /// What the pattern left of the path; none when the path does not fit.
    fn remainder(&self) -> Option<&'a str> {
        self.pieces.as_slice().is_empty().then_some(self.path)
    }

    /// The value at the head of the path: up to the end of its segment, less what the pattern has behind it there.
    fn value(&self, suffix: &Range<usize>) -> Option<&'a str> {
        let segment = first_segment(self.path);
        // Most have none, and a comparison of no bytes is a call all the same.
        let value = if suffix.is_empty() { segment } else { segment.strip_suffix(&self.text[suffix.clone()])? };
        Some(value).filter(|value| !value.is_empty())
    }
}

/// What comes before the first slash.
fn first_segment(text: &str) -> &str {
    memchr::memchr(b'/', text.as_bytes()).map_or(text, |end| &text[..end])
}

impl<'a> Iterator for Captures<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // A piece that does not fit is left in place: that is how `remainder` knows.
            let (name, value) = match self.pieces.as_slice().first()? {
                Piece::Literal(range) => {
                    self.path = self.path.strip_prefix(&self.text[range.clone()])?;
                    self.pieces.next();
                    continue;
                }
                Piece::Param { name, suffix } => (name, self.value(suffix)?),
                Piece::Rest(name) => (name, Some(self.path).filter(|value| !value.is_empty())?),
            };
            self.pieces.next();
            self.path = &self.path[value.len()..];
            return Some((&self.text[name.clone()], value));
        }
    }
}

/// Writes the normal form and notes where the pieces are.
#[derive(Default)]
struct Builder {
    text: String,
    pieces: Vec<Piece>,
    literal_from: usize,
}

impl Builder {
    fn literal(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn segment(&mut self, segment: &str, last: bool) -> Result<(), PatternError> {
        if let Some(name) = segment.strip_prefix(':') {
            return self.param(name, "");
        }
        let rest = segment.strip_prefix('*').or_else(|| segment.strip_prefix("{*")?.strip_suffix('}'));
        if let Some(name) = rest {
            if !last {
                return Err(PatternError::RestNotLast(segment.to_owned()));
            }
            return self.rest(name);
        }
        let Some((prefix, tail)) = segment.split_once('{') else {
            if segment.contains('}') {
                return Err(PatternError::Segment(segment.to_owned()));
            }
            self.literal(segment);
            return Ok(());
        };
        let (name, suffix) = tail.split_once('}').ok_or_else(|| PatternError::Segment(segment.to_owned()))?;
        if name.starts_with('*') {
            return Err(PatternError::RestNotLast(segment.to_owned()));
        }
        if prefix.contains('}') || suffix.contains(['{', '}']) {
            return Err(PatternError::Segment(segment.to_owned()));
        }
        self.literal(prefix);
        self.param(name, suffix)
    }

    fn param(&mut self, name: &str, suffix: &str) -> Result<(), PatternError> {
        let name = self.name("{", name)?;
        let suffix_from = self.text.len();
        self.literal(suffix);
        self.pieces.push(Piece::Param { name, suffix: suffix_from..self.text.len() });
        Ok(())
    }

    fn rest(&mut self, name: &str) -> Result<(), PatternError> {
        let name = self.name("{*", name)?;
        self.pieces.push(Piece::Rest(name));
        Ok(())
    }

    /// Writes a name in its braces, the first of which is in `open`; where it stands.
    fn name(&mut self, open: &str, name: &str) -> Result<Range<usize>, PatternError> {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
            return Err(PatternError::Name(name.to_owned()));
        }
        let repeated = |piece: &Piece| match piece {
            Piece::Literal(_) => false,
            Piece::Param { name: range, .. } | Piece::Rest(range) => &self.text[range.clone()] == name,
        };
        if self.pieces.iter().any(repeated) {
            return Err(PatternError::Repeated(name.to_owned()));
        }
        self.end_literal();
        self.text.push_str(open);
        let range = self.text.len()..self.text.len() + name.len();
        self.text.push_str(name);
        self.text.push('}');
        self.literal_from = self.text.len();
        Ok(range)
    }

    fn end_literal(&mut self) {
        if self.literal_from < self.text.len() {
            self.pieces.push(Piece::Literal(self.literal_from..self.text.len()));
        }
    }

    fn finish(mut self) -> Pattern {
        self.end_literal();
        Pattern { text: self.text.into(), pieces: self.pieces.into() }
    }
}

#[cfg(all(test, not(sanitized)))]
#[path = "pattern_tests.rs"]
mod tests;
