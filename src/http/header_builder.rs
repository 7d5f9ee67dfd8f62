//! Header maps of what a message brings: those of a list that came before, or made anew.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::known::Known;
use super::lists::{List, ListedHeader, Shape};
use crate::protocol::{HeaderList, is_text, strip_hop_by_hop};

/// What was wrong with the headers of a record.
pub(super) enum HeaderFault {
    TooMany { count: usize, limit: usize },
    Record(postcard::Error),
    Name(String),
    Value(HeaderName),
}

/// The headers of a message, of which none is in a map yet.
pub(super) struct HeaderBuilder<'a> {
    /// What `list` and `content_type` are slices of.
    pub(super) block: &'a Bytes,
    pub(super) list: HeaderList<'a>,
    /// Of a response. It comes behind the list, and takes the place of others there; empty for none.
    pub(super) content_type: &'a [u8],
}

impl<'a> HeaderBuilder<'a> {
    /// A map of at most `limit` headers; its values are slices of the block, or those of a message before. Repeated names keep
    /// their order.
    #[inline]
    pub(super) fn build(mut self, limit: usize) -> Result<HeaderMap, HeaderFault> {
        let count = self.list.len();
        if count > limit {
            // One that breaks off is no record, whatever it announces.
            while self.list.next().map_err(HeaderFault::Record)?.is_some() {}
            return Err(HeaderFault::TooMany { count, limit });
        }
        let shape = Shape { count, has_type: !self.content_type.is_empty() };
        Known::with(|known| self.build_from(known, shape))
    }

    #[inline]
    fn build_from(mut self, known: &mut Known, shape: Shape) -> Result<HeaderMap, HeaderFault> {
        // Another list mostly has another first name, and a clone costs more than a look.
        let is_like =
            |list: &&mut List| list.headers.first().is_none_or(|first| self.list.begins_with(first.encoded_name()));
        let mut headers = match known.lists.get(shape).filter(is_like) {
            Some(list) => {
                let Followed { headers, is_whole, is_same } = self.follow(list)?;
                if is_whole {
                    known.lists.came_again(shape, &headers, is_same);
                    return Ok(headers);
                }
                headers
            }
            None => HeaderMap::new(),
        };
        // One more is for the content type.
        headers.reserve(self.list.len() + 1);
        while let Some((name, value)) = self.list.next().map_err(HeaderFault::Record)? {
            let fault = |_| HeaderFault::Name(String::from_utf8_lossy(name).into_owned());
            let name = known.names.get(name).map_err(fault)?;
            let value = self.value(&name, value)?;
            headers.append(name, value);
        }
        strip_hop_by_hop(&mut headers);
        if !self.content_type.is_empty() {
            headers.insert(CONTENT_TYPE, self.value(&CONTENT_TYPE, self.content_type)?);
        }
        known.lists.came(shape, &headers);
        Ok(headers)
    }

    /// Takes what comes in the order of a known list, up to the first other name.
    #[inline]
    fn follow(&mut self, known: &mut List) -> Result<Followed, HeaderFault> {
        let mut headers = known.take_map();
        let (mut count, mut is_same) = (0, true);
        for (header, place) in known.headers.iter().zip(headers.values_mut()) {
            if !self.skip(header) {
                let Some(value) = self.next_of(&header.name)? else { break };
                *place = value;
                is_same = false;
            } else if !header.is_own(place) {
                *place = header.value.clone();
            }
            count += 1;
        }
        let is_whole = count == known.headers.len() && self.list.len() == 0 && self.content_type.is_empty();
        if !is_whole {
            // Each name of a list is in its map once, and in that order.
            headers = headers.into_iter().take(count).filter_map(|(name, value)| Some((name?, value))).collect();
        }
        Ok(Followed { headers, is_whole, is_same })
    }

    /// Goes past the next header if it is this one.
    #[inline]
    fn skip(&mut self, header: &ListedHeader) -> bool {
        if self.list.skip(&header.encoded) {
            return true;
        }
        let has_type = self.list.len() == 0 && !self.content_type.is_empty();
        let is_type = has_type && header.name == CONTENT_TYPE && header.value == self.content_type;
        if is_type {
            self.content_type = b"";
        }
        is_type
    }

    /// The value of the next header if it is one of `name`.
    fn next_of(&mut self, name: &HeaderName) -> Result<Option<HeaderValue>, HeaderFault> {
        let mut rest = self.list.clone();
        let value = match rest.next().map_err(HeaderFault::Record)? {
            Some((next, value)) if next == name.as_str().as_bytes() => value,
            None if *name == CONTENT_TYPE && !self.content_type.is_empty() => std::mem::take(&mut self.content_type),
            _ => return Ok(None),
        };
        self.list = rest;
        self.value(name, value).map(Some)
    }

    /// The value that `bytes` of the block are, if HTTP and the wire allow it.
    fn value(&self, name: &HeaderName, bytes: &[u8]) -> Result<HeaderValue, HeaderFault> {
        let value = HeaderValue::from_maybe_shared(self.block.slice_ref(bytes));
        value.ok().filter(|_| is_text(bytes)).ok_or_else(|| HeaderFault::Value(name.clone()))
    }
}

/// What came in the order of a known list.
struct Followed {
    headers: HeaderMap,
    /// It was all that came, and all of the list.
    is_whole: bool,
    /// All values were those of the list.
    is_same: bool,
}

#[cfg(all(test, not(sanitized)))]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::{Reply, ResponseMeta};

    type Pairs = Vec<(String, String)>;

    /// What the memory of this thread makes of a record.
    fn built(content_type: &str, headers: &Pairs) -> HeaderMap {
        let meta = ResponseMeta { content_type: content_type.to_owned(), headers: headers.clone() };
        let reply = Reply { status: 200, meta: postcard::to_allocvec(&meta).unwrap().into(), body: Bytes::new() };
        let (content_type, list) = reply.head().unwrap();
        let builder = HeaderBuilder { block: &reply.meta, list, content_type };
        builder.build(256).unwrap_or_else(|_| panic!("http allows {headers:?}"))
    }

    /// What becomes of a map until its request is let go.
    #[derive(Debug, Clone, Copy)]
    enum Use {
        Kept,
        Dropped,
        Removed,
        Added,
        Changed,
        Hidden,
        Crowded,
    }

    impl Use {
        fn of(self, headers: &mut HeaderMap) {
            let first = headers.keys().next().cloned();
            match (self, first) {
                (Self::Dropped, _) => *headers = HeaderMap::new(),
                (Self::Removed, Some(name)) => drop(headers.remove(name)),
                (Self::Added, Some(name)) => drop(headers.append(name, HeaderValue::from_static("added"))),
                (Self::Changed, Some(name)) => drop(headers.insert(name, HeaderValue::from_static("changed"))),
                (Self::Hidden, _) => headers.values_mut().for_each(|value| value.set_sensitive(true)),
                (Self::Crowded, _) => headers.reserve(100),
                _ => (),
            }
        }
    }

    /// What it should be.
    fn expected(content_type: &str, headers: &Pairs) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        strip_hop_by_hop(&mut map);
        if !content_type.is_empty() {
            map.insert(CONTENT_TYPE, content_type.parse().unwrap());
        }
        map
    }

    fn header() -> impl Strategy<Value = (String, String)> {
        let names = ["a", "A", "x-b", "cookie", "te", "connection", "content-type", "content-length", "authorization"];
        let name = prop_oneof![prop::sample::select(names.to_vec()).prop_map(str::to_owned), "x-[a-d]{1,2}"];
        (name, prop_oneof!["[a-c]{0,2}", Just("x-b".to_owned())])
    }

    /// Short lists and long ones, some with an empty content type among the others; each comes once, or until it is remembered.
    fn messages() -> impl Strategy<Value = Vec<(String, Pairs, usize, Use)>> {
        let list = || prop::collection::vec(header(), 0..30);
        let cut = (list(), 0..30_usize).prop_map(|(list, len)| list[..len.min(list.len())].to_vec());
        let with_empty_type = (list(), 0..30_usize).prop_map(|(mut list, at)| {
            list.insert(at.min(list.len()), ("content-type".to_owned(), String::new()));
            list
        });
        let list = prop_oneof![cut, with_empty_type];
        let uses = [
            Use::Kept,
            Use::Kept,
            Use::Kept,
            Use::Dropped,
            Use::Removed,
            Use::Added,
            Use::Changed,
            Use::Hidden,
            Use::Crowded,
        ];
        let times = prop_oneof![1..8_usize, Just(70)];
        prop::collection::vec(("(text)?", list, times, prop::sample::select(uses.to_vec())), 1..12)
    }

    proptest! {
        #[test]
        fn a_map_is_what_its_record_says_whatever_came_before(messages in messages()) {
            for (content_type, headers, times, using) in messages {
                for _ in 0..times {
                    let (mut built, expected) = (built(&content_type, &headers), expected(&content_type, &headers));
                    let of = |map: &HeaderMap| map.iter().map(|(n, v)| (n.clone(), v.clone())).collect::<Vec<_>>();
                    prop_assert_eq!(of(&built), of(&expected));
                    prop_assert!(built.values().all(|value| !value.is_sensitive()));
                    prop_assert_eq!(&built, &expected);
                    using.of(&mut built);
                    Known::with_any(|known| known.lists.take_back(&mut built));
                }
            }
        }
    }

    #[test]
    fn a_list_with_more_headers_leaves_nothing_in_one_with_fewer() {
        let pairs = |names: &[&str]| names.iter().map(|&name| (name.to_owned(), String::new())).collect::<Pairs>();
        let few = pairs(&["a"]);
        let more = pairs(&["a", "content-type", "b", "c", "d", "e", "f", "g", "h"]);
        (0..200).for_each(|_| drop(built("", &more)));
        (0..200).for_each(|_| assert_eq!(built("", &few), expected("", &few)));
    }

    #[test]
    fn a_value_that_stays_another_is_known_in_the_end() {
        let header = |value: &str| vec![("x-b".to_owned(), value.to_owned())];
        let known = || {
            Known::with(|known| {
                known.lists.get(Shape { count: 1, has_type: false }).map(|list| list.headers[0].value.clone())
            })
        };
        built("", &header("1"));
        (0..100).for_each(|_| drop(built("", &header("2"))));
        assert_eq!(known().unwrap(), "1");
        (0..200).for_each(|_| drop(built("", &header("2"))));
        assert_eq!(known().unwrap(), "2");
    }

    #[test]
    fn a_list_with_credentials_is_not_made_again_for_them() {
        let headers = || vec![("x-token".to_owned(), "secret".to_owned()), ("x-b".to_owned(), "1".to_owned())];
        let place = || {
            Known::with(|known| known.lists.get(Shape { count: 2, has_type: false }).unwrap().headers.as_ptr().addr())
        };
        built("", &headers());
        let made = place();
        // One that is made while the former is there has another place.
        for _ in 0..1000 {
            let expected = expected("", &headers());
            assert_eq!((built("", &headers()), place()), (expected, made));
        }
    }

    #[test]
    fn a_value_that_http_forbids_is_refused_by_name_after_one_that_it_allows() {
        let header = |value: &str| vec![("x-b".to_owned(), value.to_owned())];
        built("", &header("1"));
        let meta = ResponseMeta { content_type: String::new(), headers: header("a\nb") };
        let reply = Reply { status: 200, meta: postcard::to_allocvec(&meta).unwrap().into(), body: Bytes::new() };
        let (_, list) = reply.head().unwrap();
        let fault = HeaderBuilder { block: &reply.meta, list, content_type: b"" }.build(256).unwrap_err();
        assert!(matches!(fault, HeaderFault::Value(name) if name == "x-b"));
    }
}
