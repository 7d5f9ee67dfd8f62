//! Writing the postcard records: each header is looked at once, when it is checked and written.
//!
//! Postcard writes the length of a text, or of a list, as a varint, and then what is in it; an option as a byte of 0 or 1
//! before it. There is nothing else in a record.

use std::cell::Cell;
use std::fmt;
use std::ops::Range;

use http::Uri;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::headers::{is_hop_by_hop, names_others};
use super::meta::is_text;
use super::outgoing::{Route, WireError};

/// Room for most records, in bytes.
const USUAL: usize = 512;
/// Memory of records longer than this is not kept, in bytes.
const MOST_KEPT: usize = 16 * 1024;

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// An encoded record, in memory that its thread uses again.
pub(crate) struct Record(Vec<u8>);

/// A message's record with its headers.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) record: Record,
    /// How many headers it has.
    pub(super) count: usize,
    /// The last of them is announced and not there yet: the content length, which `Record::length` writes.
    pub(super) owes_length: bool,
}

/// Why headers were not written as they are.
#[derive(Debug)]
pub(super) enum Unfit {
    /// `Connection` names others, which have to be taken out before.
    Connection,
    Wire(WireError),
}

/// What becomes of a content length, if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// It is not ours to correct.
    Kept,
    /// It is not sent.
    LeftOut,
    /// It says what the body has.
    Of(usize),
}

impl Record {
    #[inline]
    fn new() -> Self {
        let mut bytes = SPARE.try_with(Cell::take).unwrap_or_default();
        if bytes.capacity() == 0 {
            bytes.reserve(USUAL);
        }
        Self(bytes)
    }

    /// A [`RequestMeta`](super::RequestMeta). It may owe its content length, since the body comes later.
    pub(super) fn of_request(target: &Uri, route: &Route, headers: &HeaderMap) -> Result<Written, Unfit> {
        let mut record = Self::new();
        record.text(target.path().as_bytes());
        record.text(route.pattern.as_bytes());
        record.number(route.params.len());
        for (name, value) in &route.params {
            record.text(name.as_bytes());
            record.text(value.as_bytes());
        }
        match target.query() {
            Some(query) => {
                record.0.push(1);
                record.text(query.as_bytes());
            }
            None => record.0.push(0),
        }
        record.with_headers(headers, None, None)
    }

    /// A [`ResponseMeta`](super::ResponseMeta). The content type leaves the headers, or it would be sent twice.
    pub(super) fn of_response(headers: &HeaderMap, length: Length) -> Result<Written, Unfit> {
        let mut record = Self::new();
        // Looking at a few names costs less than hashing one.
        let content_type = headers.iter().find(|(name, _)| **name == CONTENT_TYPE);
        match content_type {
            Some((name, value)) => record.text(checked(name, value)?),
            None => record.text(b""),
        }
        record.with_headers(headers, Some(length), content_type.map(|(name, _)| name))
    }

    /// A [`ResponseMeta`](super::ResponseMeta) of a content type alone; empty for none.
    pub(super) fn of_type(content_type: &str) -> Self {
        let mut record = Self::new();
        record.text(content_type.as_bytes());
        record.number(0);
        record
    }

    /// Writes the list of `headers` but for one that stands `apart`, and those of a connection. Without a `length` that is
    /// owed.
    #[inline]
    fn with_headers(
        mut self,
        headers: &HeaderMap,
        length: Option<Length>,
        apart: Option<&HeaderName>,
    ) -> Result<Written, Unfit> {
        // Nearly always right: what differs is corrected.
        let announced = headers.len() - usize::from(apart.is_some());
        if announced == 0 {
            self.number(0);
            return Ok(Written { record: self, count: headers.len(), owes_length: false });
        }
        let count_at = self.number(announced);
        let (mut listed, mut set_apart, mut has_length) = (0, 0, false);
        for (name, value) in headers {
            let text = name.as_str();
            if is_hop_by_hop(text) {
                if *name == CONNECTION && names_others(value) {
                    return Err(Unfit::Connection);
                }
            } else if *name == CONTENT_LENGTH && length != Some(Length::Kept) {
                has_length = true;
            } else if Some(name) == apart {
                set_apart += 1;
            } else {
                self.text(text.as_bytes());
                self.text(checked(name, value)?);
                listed += 1;
            }
        }
        let owes_length = has_length && length.is_none();
        if let (true, Some(Length::Of(len))) = (has_length, length) {
            self.length(len);
        }
        listed += usize::from(has_length && length != Some(Length::LeftOut));
        if listed != announced {
            self.correct(count_at, listed);
        }
        Ok(Written { record: self, count: listed + set_apart, owes_length })
    }

    /// Writes a content length, which a record may owe.
    pub(super) fn length(&mut self, len: usize) {
        self.text(CONTENT_LENGTH.as_str().as_bytes());
        self.text(len.to_string().as_bytes());
    }

    #[inline]
    fn text(&mut self, text: &[u8]) {
        self.number(text.len());
        self.0.extend_from_slice(text);
    }

    /// Writes a number; where it stands.
    #[inline]
    fn number(&mut self, number: usize) -> Range<usize> {
        let start = self.0.len();
        let mut rest = number;
        while rest >= 0x80 {
            self.0.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.0.push(rest as u8);
        start..self.0.len()
    }

    /// Writes another number where one stands.
    fn correct(&mut self, place: Range<usize>, number: usize) {
        let end = self.number(number).start;
        let corrected = self.0.split_off(end);
        self.0.splice(place, corrected);
    }

    /// The record as it goes into a slot.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Record {
    /// Without what is in it: values may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("len", &self.0.len()).finish()
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if (1..=MOST_KEPT).contains(&self.0.capacity()) {
            self.0.clear();
            let _ = SPARE.try_with(|spare| spare.set(std::mem::take(&mut self.0)));
        }
    }
}

/// A value that the wire can carry.
#[inline]
fn checked<'v>(name: &HeaderName, value: &'v HeaderValue) -> Result<&'v [u8], Unfit> {
    let bytes = value.as_bytes();
    if is_text(bytes) { Ok(bytes) } else { Err(Unfit::Wire(WireError::HeaderValue(name.clone()))) }
}

/// A header as it stands in a record, and how much of that is its name.
pub(crate) fn encode_header(name: &str, value: &[u8]) -> (Vec<u8>, usize) {
    let mut record = Record(Vec::with_capacity(name.len() + value.len() + 4));
    record.text(name.as_bytes());
    let name_len = record.0.len();
    record.text(value);
    (std::mem::take(&mut record.0), name_len)
}
#[cfg(all(test, not(sanitized)))]
#[path = "record_tests.rs"]
mod tests;
