//! Reading the postcard records from a private copy, without building what is only passed on: headers go to a sink one by
//! one, as slices of the copy.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

/// Takes the headers of a record as they are decoded.
pub(crate) trait HeaderSink<'a> {
    /// So many headers are announced; there may be fewer.
    fn expect(&mut self, count: usize);

    /// The next header.
    ///
    /// Neither is checked to be UTF-8, as the record's type says: HTTP's own check of names is stricter, and that of values
    /// nearly so.
    fn add(&mut self, name: &'a [u8], value: &'a [u8]);
}

/// Pairs of names and values, borrowed from the block they were decoded from.
pub(crate) type Pairs<'a> = Vec<(&'a str, &'a str)>;

/// A [`RequestMeta`](super::RequestMeta) without its headers, borrowed from the block it was decoded from.
#[derive(Debug)]
pub(crate) struct RequestHead<'a> {
    pub(crate) path: &'a str,
    pub(crate) route_pattern: &'a str,
    pub(crate) path_params: Pairs<'a>,
    pub(crate) query: Option<&'a str>,
}

/// Decodes a [`RequestMeta`](super::RequestMeta).
pub(crate) fn request_head<'a>(
    block: &'a [u8],
    headers: &mut impl HeaderSink<'a>,
) -> postcard::Result<RequestHead<'a>> {
    postcard::Deserializer::from_bytes(block).deserialize_tuple(5, RequestVisitor(headers))
}

/// Decodes a [`ResponseMeta`](super::ResponseMeta); its content type is returned.
pub(crate) fn response_head<'a>(block: &'a [u8], headers: &mut impl HeaderSink<'a>) -> postcard::Result<&'a str> {
    postcard::Deserializer::from_bytes(block).deserialize_tuple(2, ResponseVisitor(headers))
}

/// The next field of a record.
fn field<'a, T: Deserialize<'a>, A: SeqAccess<'a>>(record: &mut A) -> Result<T, A::Error> {
    record.next_element()?.ok_or_else(|| A::Error::custom("the record ends early"))
}

struct RequestVisitor<'s, S>(&'s mut S);

impl<'a, S: HeaderSink<'a>> Visitor<'a> for RequestVisitor<'_, S> {
    type Value = RequestHead<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a RequestMeta")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut record: A) -> Result<Self::Value, A::Error> {
        let head = RequestHead {
            path: field(&mut record)?,
            route_pattern: field(&mut record)?,
            path_params: field(&mut record)?,
            query: field(&mut record)?,
        };
        record.next_element_seed(Headers(self.0, PhantomData))?;
        Ok(head)
    }
}

struct ResponseVisitor<'s, S>(&'s mut S);

impl<'a, S: HeaderSink<'a>> Visitor<'a> for ResponseVisitor<'_, S> {
    type Value = &'a str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a ResponseMeta")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut record: A) -> Result<Self::Value, A::Error> {
        let content_type = field(&mut record)?;
        record.next_element_seed(Headers(self.0, PhantomData))?;
        Ok(content_type)
    }
}

/// The headers of a record, on their way to the sink.
struct Headers<'s, 'a, S>(&'s mut S, PhantomData<&'a ()>);

impl<'a, S: HeaderSink<'a>> DeserializeSeed<'a> for Headers<'_, 'a, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'a, S: HeaderSink<'a>> Visitor<'a> for Headers<'_, 'a, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("pairs of header names and values")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut pairs: A) -> Result<(), A::Error> {
        self.0.expect(pairs.size_hint().unwrap_or(0));
        while let Some((name, value)) = pairs.next_element::<(&[u8], &[u8])>()? {
            self.0.add(name, value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{RequestMeta, ResponseMeta};

    #[derive(Default)]
    struct Collected(usize, Vec<(String, String)>);

    impl HeaderSink<'_> for Collected {
        fn expect(&mut self, count: usize) {
            self.0 = count;
        }

        fn add(&mut self, name: &[u8], value: &[u8]) {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            self.1.push((text(name), text(value)));
        }
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
        let (block, mut sink) = (postcard::to_allocvec(&meta).unwrap(), Collected::default());
        let head = request_head(&block, &mut sink).unwrap();
        assert_eq!((head.path, head.route_pattern, head.query), ("/a/1", "/a/:id", Some("x=y")));
        assert_eq!(head.path_params, [("id", "1")]);
        assert_eq!((sink.0, &sink.1), (3, &headers));

        let meta = ResponseMeta { content_type: "text/plain".into(), headers: headers.clone() };
        let (block, mut sink) = (postcard::to_allocvec(&meta).unwrap(), Collected::default());
        assert_eq!(response_head(&block, &mut sink).unwrap(), "text/plain");
        assert_eq!(sink.1, headers);
    }

    #[test]
    fn a_record_cut_short_anywhere_is_refused() {
        let meta = RequestMeta { path: "/".into(), headers: pairs(&[("a", "1")]), ..RequestMeta::default() };
        let block = postcard::to_allocvec(&meta).unwrap();
        for len in 0..block.len() {
            assert!(request_head(&block[..len], &mut Collected::default()).is_err(), "{len} bytes");
        }
    }
}
