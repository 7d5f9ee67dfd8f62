//! Reading the postcard records from a private copy, without building what is only passed on: headers are read one by one, as
//! slices of the copy.

use serde::Deserialize;

/// Pairs of names and values, borrowed from the block they were decoded from.
pub(crate) type Pairs<'a> = Vec<(&'a str, &'a str)>;

/// A [`RequestMeta`](super::RequestMeta) without its headers, borrowed from the block it was decoded from.
///
/// Path and query are not checked to be UTF-8: who makes a request target of them does that, and more.
#[derive(Debug, Deserialize)]
pub(crate) struct RequestHead<'a> {
    pub(crate) path: &'a [u8],
    pub(crate) route_pattern: &'a str,
    #[serde(borrow)]
    pub(crate) path_params: Pairs<'a>,
    pub(crate) query: Option<&'a [u8]>,
}

/// Decodes a [`RequestMeta`](super::RequestMeta).
#[inline]
pub(crate) fn request_head(block: &[u8]) -> postcard::Result<(RequestHead<'_>, HeaderList<'_>)> {
    let (head, rest) = postcard::take_from_bytes(block)?;
    Ok((head, HeaderList::of(rest)?))
}

/// Decodes a [`ResponseMeta`](super::ResponseMeta); its content type comes first, and is a header's value like the others.
pub(crate) fn response_head(block: &[u8]) -> postcard::Result<(&[u8], HeaderList<'_>)> {
    let (content_type, rest) = postcard::take_from_bytes(block)?;
    Ok((content_type, HeaderList::of(rest)?))
}

/// The headers of a record that are not read yet.
///
/// Neither names nor values are checked to be UTF-8, as the record's type says: HTTP's own check of names is stricter, and that
/// of values nearly so.
#[derive(Debug, Clone)]
pub(crate) struct HeaderList<'a> {
    left: usize,
    rest: &'a [u8],
}

impl<'a> HeaderList<'a> {
    fn of(rest: &'a [u8]) -> postcard::Result<Self> {
        let (left, rest) = postcard::take_from_bytes(rest)?;
        Ok(Self { left, rest })
    }

    /// How many are announced; there may be fewer.
    pub(crate) fn len(&self) -> usize {
        self.left
    }

    /// The name and value of the next one.
    pub(crate) fn next(&mut self) -> postcard::Result<Option<(&'a [u8], &'a [u8])>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        let (header, rest) = postcard::take_from_bytes(self.rest)?;
        *self = Self { left, rest };
        Ok(Some(header))
    }

    /// Whether the next one begins with these bytes; any does if there is none.
    pub(crate) fn begins_with(&self, encoded: &[u8]) -> bool {
        self.left == 0 || self.rest.starts_with(encoded)
    }

    /// Goes past the next one if it is that which `encode_header` has made `encoded` of.
    pub(crate) fn skip(&mut self, encoded: &[u8]) -> bool {
        let (Some(left), Some(rest)) = (self.left.checked_sub(1), self.rest.strip_prefix(encoded)) else {
            return false;
        };
        *self = Self { left, rest };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{RequestMeta, ResponseMeta, encode_header};

    fn read(mut list: HeaderList<'_>) -> postcard::Result<Vec<(String, String)>> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let mut headers = Vec::new();
        while let Some((name, value)) = list.next()? {
            headers.push((text(name), text(value)));
        }
        Ok(headers)
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn what_the_owned_records_encode_is_what_is_read() {
        let headers = pairs(&[("a", "1"), ("b", "2"), ("a", "3")]);
        let meta = RequestMeta {
            path: "/a/1".into(),
            route_pattern: "/a/:id".into(),
            path_params: pairs(&[("id", "1")]),
            query: Some("x=y".into()),
            headers: headers.clone(),
        };
        let block = postcard::to_allocvec(&meta).unwrap();
        let (head, list) = request_head(&block).unwrap();
        assert_eq!((head.path, head.route_pattern, head.query), (&b"/a/1"[..], "/a/:id", Some(&b"x=y"[..])));
        assert_eq!(head.path_params, [("id", "1")]);
        assert_eq!((list.len(), read(list).unwrap()), (3, headers.clone()));

        let meta = ResponseMeta { content_type: "text/plain".into(), headers: headers.clone() };
        let block = postcard::to_allocvec(&meta).unwrap();
        let (content_type, list) = response_head(&block).unwrap();
        assert_eq!((content_type, read(list).unwrap()), (&b"text/plain"[..], headers));
    }

    #[test]
    fn a_record_cut_short_anywhere_is_refused() {
        let meta = RequestMeta { path: "/".into(), headers: pairs(&[("a", "1")]), ..RequestMeta::default() };
        let block = postcard::to_allocvec(&meta).unwrap();
        for len in 0..block.len() {
            assert!(request_head(&block[..len]).and_then(|(_, list)| read(list)).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn a_header_is_skipped_if_it_is_just_that_and_there_is_one_left() {
        let meta = ResponseMeta { content_type: String::new(), headers: pairs(&[("ab", "c"), ("d", "")]) };
        let block = postcard::to_allocvec(&meta).unwrap();
        let (_, mut list) = response_head(&block).unwrap();
        for other in [("a", "bc"), ("ab", ""), ("ab", "cd"), ("abc", ""), ("d", "")] {
            assert!(!list.skip(&encode_header(other.0, other.1.as_bytes()).0), "{other:?}");
        }
        assert!(list.begins_with(b"\x02ab") && !list.begins_with(b"\x01a"));
        assert!(list.skip(&encode_header("ab", b"c").0) && list.len() == 1);
        assert!(list.skip(&encode_header("d", b"").0) && list.len() == 0);
        assert!(list.begins_with(b"x") && !list.skip(b"") && list.next().unwrap().is_none());
    }
}
