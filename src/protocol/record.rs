//! Writing the postcard records: each header is looked at once, when it is checked and written.
//!
//! Postcard writes the length of a text, or of a list, as a varint, and then what is in it; an option as a byte of 0 or 1
//! before it. There is nothing else in a record.

use std::cell::Cell;
use std::ops::Range;

use http::Uri;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::headers::is_hop_by_hop;
use super::meta::is_text;
use super::outgoing::{Route, WireError};

/// Room for most records, in bytes.
const USUAL: usize = 512;
/// Memory of records longer than this is not kept, in bytes.
const MOST_KEPT: usize = 4096;

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// An encoded record, in memory that its thread uses again.
#[derive(Debug)]
pub(crate) struct Record(Vec<u8>);

/// Why headers were not written as they are.
#[derive(Debug)]
pub(super) enum Unfit {
    /// One speaks of a connection: it has to be taken out before, with those that it names.
    HopByHop,
    Wire(WireError),
}

/// What becomes of a content length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// It is not ours to correct.
    Kept,
    /// It is not sent.
    LeftOut,
    /// It says what the body has, if there is one.
    Of(usize),
    /// As `Of`, told later by `Record::end_with_length`.
    Later,
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

    /// A [`RequestMeta`](super::RequestMeta); true when a content length is still to come.
    pub(super) fn of_request(target: &Uri, route: &Route, headers: &HeaderMap) -> Result<(Self, bool), Unfit> {
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
        let is_due = record.headers(headers, Length::Later, None)?;
        Ok((record, is_due))
    }

    /// A [`ResponseMeta`](super::ResponseMeta). The content type leaves the headers, or it would be sent twice.
    pub(super) fn of_response(headers: &HeaderMap, length: Length) -> Result<Self, Unfit> {
        let mut record = Self::new();
        // Looking at a few names costs less than hashing one.
        let content_type = headers.iter().find(|(name, _)| **name == CONTENT_TYPE);
        match content_type {
            Some((name, value)) => record.text(checked(name, value)?),
            None => record.text(b""),
        }
        record.headers(headers, length, content_type.map(|(name, _)| name))?;
        Ok(record)
    }

    /// A [`ResponseMeta`](super::ResponseMeta) of a content type alone; empty for none.
    pub(super) fn of_type(content_type: &str) -> Self {
        let mut record = Self::new();
        record.text(content_type.as_bytes());
        record.number(0);
        record
    }

    /// Writes a list of `headers` but for one that stands `apart`; whether a content length is announced that comes later.
    #[inline]
    fn headers(&mut self, headers: &HeaderMap, length: Length, apart: Option<&HeaderName>) -> Result<bool, Unfit> {
        // Nearly always right: what differs is corrected.
        let announced = headers.len() - usize::from(apart.is_some());
        if announced == 0 {
            self.number(0);
            return Ok(false);
        }
        let count_at = self.number(announced);
        let (mut count, mut has_length) = (0, false);
        for (name, value) in headers {
            let text = name.as_str();
            if is_hop_by_hop(text) {
                return Err(Unfit::HopByHop);
            }
            if length != Length::Kept && *name == CONTENT_LENGTH {
                has_length = true;
            } else if Some(name) != apart {
                self.header(text, checked(name, value)?);
                count += 1;
            }
        }
        has_length &= length != Length::LeftOut;
        if let (true, Length::Of(len)) = (has_length, length) {
            self.length(len);
        }
        count += usize::from(has_length);
        if count != announced {
            self.correct(count_at, count);
        }
        Ok(has_length && length == Length::Later)
    }

    /// Writes the content length that was announced.
    pub(super) fn end_with_length(&mut self, len: usize) {
        self.length(len);
    }

    fn length(&mut self, len: usize) {
        self.header(CONTENT_LENGTH.as_str(), len.to_string().as_bytes());
    }

    #[inline]
    fn header(&mut self, name: &str, value: &[u8]) {
        self.text(name.as_bytes());
        self.text(value);
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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::headers::strip_hop_by_hop;
    use crate::protocol::{RequestMeta, ResponseMeta};

    fn map(headers: &[(String, String)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect()
    }

    fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
        let text = |value: &HeaderValue| String::from_utf8(value.as_bytes().to_vec()).unwrap();
        headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
    }

    fn request(target: &str, route: &Route, headers: &HeaderMap) -> Result<(Record, bool), Unfit> {
        Record::of_request(&target.parse().unwrap(), route, headers)
    }

    fn appended(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for &(name, value) in pairs {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    fn response(headers: &[(&'static str, &'static str)], length: Length) -> ResponseMeta {
        let record = Record::of_response(&appended(headers), length).unwrap();
        postcard::from_bytes(record.as_bytes()).unwrap()
    }

    proptest! {
        #[test]
        fn a_request_is_written_as_the_owned_record_would_be(
            (path, query) in ("/[a-z/]{0,200}", proptest::option::of("[a-z=&]{0,200}")),
            (pattern, params) in ("[a-z/:]{0,20}", proptest::collection::vec(("[a-z]{1,5}", "[a-z0-9]{0,140}"), 0..4)),
            headers in proptest::collection::vec(("[a-z][a-z-]{0,2}", "[ -~\u{e4}]{0,140}"), 0..200),
        ) {
            let route = Route { pattern: pattern.clone(), params: params.clone() };
            let mut headers = map(&headers);
            strip_hop_by_hop(&mut headers);
            let target = query.as_ref().map_or(path.clone(), |query| format!("{path}?{query}"));
            let (record, is_due) = request(&target, &route, &headers).unwrap();
            let owned = RequestMeta { path, route_pattern: pattern, path_params: params, query, headers: pairs(&headers) };
            prop_assert_eq!(record.as_bytes(), postcard::to_allocvec(&owned).unwrap());
            prop_assert!(!is_due);
        }

        #[test]
        fn a_response_is_written_as_the_owned_record_would_be(
            content_type in proptest::option::of("[a-z/]{1,140}"),
            headers in proptest::collection::vec(("[a-z][a-z-]{0,2}", "[ -~]{0,140}"), 0..200),
        ) {
            let mut headers = map(&headers);
            strip_hop_by_hop(&mut headers);
            let owned = ResponseMeta { content_type: content_type.clone().unwrap_or_default(), headers: pairs(&headers) };
            if let Some(content_type) = content_type {
                headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
            }
            let record = Record::of_response(&headers, Length::Of(7)).unwrap();
            prop_assert_eq!(record.as_bytes(), postcard::to_allocvec(&owned).unwrap());
        }
    }

    #[test]
    fn a_content_type_is_sent_once_and_apart() {
        let meta = response(&[("x", "1"), ("content-type", "a/b"), ("content-type", "c/d")], Length::Kept);
        assert_eq!((meta.content_type.as_str(), meta.headers), ("a/b", vec![("x".into(), "1".into())]));
    }

    #[test]
    fn a_content_length_is_kept_left_out_or_made_to_say_what_the_body_has() {
        let lengths = |length| {
            let meta = response(&[("content-length", "1"), ("content-length", "2"), ("x", "")], length);
            let lengths = meta.headers.iter().filter(|(name, _)| name == "content-length");
            (meta.headers.len(), lengths.map(|(_, value)| value.clone()).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(lengths(Length::Kept), (3, "1 2".into()));
        assert_eq!(lengths(Length::LeftOut), (1, String::new()));
        assert_eq!(lengths(Length::Of(34)), (2, "34".into()));
        assert_eq!(response(&[], Length::Of(34)).headers, [], "one that is not there is not added");
    }

    #[test]
    fn a_content_length_that_comes_later_is_announced_and_written_last() {
        let headers = appended(&[("content-length", "1"), ("a", "b")]);
        let (mut record, is_due) = request("/", &Route::default(), &headers).unwrap();
        assert!(is_due);
        record.end_with_length(300);
        let meta: RequestMeta = postcard::from_bytes(record.as_bytes()).unwrap();
        assert_eq!(meta.headers, [("a".into(), "b".into()), ("content-length".into(), "300".into())]);
    }

    #[test]
    fn a_count_that_gets_a_byte_shorter_is_corrected() {
        let mut headers: HeaderMap =
            (0..127).map(|i| (format!("x-{i}").parse().unwrap(), "1".parse().unwrap())).collect();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("a/b"));
        let record = Record::of_response(&headers, Length::Kept).unwrap();
        assert_eq!(record.as_bytes()[4], 127);
        assert_eq!(postcard::from_bytes::<ResponseMeta>(record.as_bytes()).unwrap().headers.len(), 127);
    }

    #[test]
    fn a_header_of_a_connection_is_not_written() {
        let unfit = request("/", &Route::default(), &appended(&[("a", "b"), ("te", "trailers")]));
        assert!(matches!(unfit, Err(Unfit::HopByHop)));
    }

    #[test]
    fn nothing_of_one_record_is_in_the_next_of_its_thread() {
        for text in ["secret", &"x".repeat(300), "", "a"] {
            let mut record = Record::new();
            assert!(record.as_bytes().is_empty());
            record.text(text.as_bytes());
            assert_eq!(record.as_bytes(), postcard::to_allocvec(text).unwrap());
        }
    }

    #[test]
    fn memory_of_a_long_record_is_not_kept() {
        let kept = |len| {
            let mut record = Record::new();
            record.text(&vec![7; len]);
            drop(record);
            let spare = SPARE.take();
            assert!(spare.is_empty());
            spare.capacity()
        };
        assert_eq!((kept(1), kept(MOST_KEPT)), (USUAL, 0));
    }
}
