//! Whole lists of headers that came before. The map of one is cloned instead of made, and a value that is the same is neither
//! checked nor copied again.
//!
//! Credentials are not remembered, nor lists that are long. What is remembered is compared byte by byte each time, so it is never
//! seen where it was not sent.

use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};

use crate::protocol::encode_header;

/// So many lists are remembered, one of each length.
const PLACES: usize = 16;
/// Lists of more headers are made anew each time.
const MOST: usize = 24;
/// Lists whose values are longer together, in bytes, too.
const LONGEST: usize = 1024;

/// So many lists in a row that are another one than what is remembered in their place take it.
const STRANGERS: u8 = 4;
/// So many that differed in a value are enough to take the values of the last.
const STALE: u8 = 250;

/// The lists that a thread knows.
#[derive(Default)]
pub(super) struct Lists([Place; PLACES]);

#[derive(Default)]
struct Place {
    list: Option<List>,
    strangers: u8,
    /// How many had the same names, but not all the same values.
    others: u8,
}

/// The headers of one message, each name once.
pub(super) struct List {
    /// In order.
    pub(super) headers: Vec<ListedHeader>,
    pub(super) map: HeaderMap,
}

pub(super) struct ListedHeader {
    pub(super) name: HeaderName,
    pub(super) value: HeaderValue,
    /// Both, as they stand in a record.
    pub(super) encoded: Vec<u8>,
}

impl Lists {
    /// What is remembered at `place`.
    pub(super) fn get(&self, place: usize) -> Option<&List> {
        self.0[place % PLACES].list.as_ref()
    }

    /// A message had the headers of the list at `place`, with the same values or not.
    pub(super) fn came_again(&mut self, place: usize, headers: &HeaderMap, is_same: bool) {
        let known = &mut self.0[place % PLACES];
        known.strangers = 0;
        known.others += u8::from(!is_same);
        if known.others >= STALE {
            known.take(headers);
        }
    }

    /// A message had other headers than the list at `place`.
    pub(super) fn came(&mut self, place: usize, headers: &HeaderMap) {
        let known = &mut self.0[place % PLACES];
        known.strangers += 1;
        if known.list.is_none() || known.strangers >= STRANGERS {
            known.take(headers);
        }
    }
}

impl Place {
    fn take(&mut self, headers: &HeaderMap) {
        *self = Self { list: List::of(headers), ..Self::default() };
    }
}

impl List {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let bytes: usize = headers.values().map(HeaderValue::len).sum();
        if headers.len() != headers.keys_len() || headers.len() > MOST || bytes > LONGEST {
            return None;
        }
        let headers: Vec<_> = headers.iter().map(|(name, value)| ListedHeader::of(name, value)).collect();
        let map = headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect();
        Some(Self { headers, map })
    }
}

impl ListedHeader {
    /// In memory of its own: what came is a slice of its message.
    fn of(name: &HeaderName, value: &HeaderValue) -> Self {
        let value = if is_secret(name) { b"" } else { value.as_bytes() };
        let encoded = encode_header(name.as_str(), value);
        Self { name: name.clone(), value: HeaderValue::from_bytes(value).expect("it was a value"), encoded }
    }
}

fn is_secret(name: &HeaderName) -> bool {
    [AUTHORIZATION, COOKIE, SET_COOKIE].contains(name) || name.as_str().contains("secret")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|&(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn value(lists: &Lists) -> Option<&[u8]> {
        lists.get(0).map(|list| list.headers[0].value.as_bytes())
    }

    #[test]
    fn a_list_stays_while_it_comes_again_and_another_takes_its_place_when_it_does_not() {
        let mut lists = Lists::default();
        let [one, other] = ["1", "2"].map(|value| headers(&[("a", value)]));
        lists.came(0, &one);
        for _ in 0..100 {
            for _ in 1..STRANGERS {
                lists.came(0, &other);
                assert_eq!(value(&lists), Some(&b"1"[..]));
            }
            lists.came_again(0, &one, true);
        }
        (0..STRANGERS).for_each(|_| lists.came(0, &other));
        assert_eq!(value(&lists), Some(&b"2"[..]));
    }

    #[test]
    fn a_value_that_has_changed_is_taken_in_the_end() {
        let mut lists = Lists::default();
        lists.came(0, &headers(&[("a", "1")]));
        let other = headers(&[("a", "2")]);
        for _ in 0..STALE {
            assert_eq!(value(&lists), Some(&b"1"[..]));
            lists.came_again(0, &other, false);
        }
        assert_eq!(value(&lists), Some(&b"2"[..]));
    }

    #[test]
    fn credentials_are_not_remembered() {
        for name in ["authorization", "cookie", "set-cookie", "x-hub-secret"] {
            let mut lists = Lists::default();
            lists.came(0, &headers(&[(name, "secret")]));
            let list = lists.get(0).unwrap();
            assert!(list.headers[0].value.is_empty() && list.map[name].is_empty());
            assert_eq!(list.headers[0].encoded, encode_header(name, b""));
        }
    }

    #[test]
    fn neither_long_lists_nor_repeated_names_are_remembered() {
        let mut twice = headers(&[("a", "1")]);
        twice.append("a", HeaderValue::from_static("2"));
        let names = (0..=MOST).map(|i| HeaderName::try_from(format!("x-{i}")).unwrap());
        let many = names.map(|name| (name, HeaderValue::from_static(""))).collect();
        for headers in [twice, many, headers(&[("a", &"x".repeat(LONGEST + 1))])] {
            let mut lists = Lists::default();
            lists.came(0, &headers);
            assert!(lists.get(0).is_none());
        }
    }
}
