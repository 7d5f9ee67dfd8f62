//! Whole lists of headers that came before. The map of one is cloned instead of made, and a value that is the same is neither
//! checked nor copied again. A map that comes back as it was is used again instead of cloned.
//!
//! What is remembered is compared byte by byte each time, so it is never seen where it was not sent. Values of headers whose names
//! speak of credentials are not remembered, nor are long lists.

use std::{mem, ptr};

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::protocol::encode_header;

/// So many lists are remembered.
const PLACES: usize = 16;
/// Lists of more headers are made anew each time.
const MOST: usize = 24;
/// Lists that are longer as they stand in a record, in bytes, too.
const LONGEST: usize = 2048;

/// So many lists that are another one than what is remembered in their place, in a row, have the last of them take it.
const STRANGERS: u8 = 64;
/// So many that differed in a value, too.
const STALE: u8 = 250;

/// Parts of names whose values are not remembered.
const CREDENTIALS: [&str; 9] =
    ["auth", "token", "key", "cookie", "secret", "session", "password", "credential", "signature"];

/// What two records have in common that may have the same headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// How many headers the record has.
    pub(super) count: usize,
    /// Whether it has a content type beside them, as a response has.
    pub(super) has_type: bool,
}

impl Shape {
    fn place(self) -> usize {
        (2 * self.count + usize::from(self.has_type)) % PLACES
    }
}

/// The lists that a thread knows.
#[derive(Default)]
pub(super) struct Lists([Place; PLACES]);

#[derive(Default)]
struct Place {
    known: Option<(Shape, Option<List>)>,
    /// How many had other names, or another shape, since the list came.
    strangers: u8,
    /// How many had the same names, but not all the same values.
    others: u8,
}

/// The headers of one message, each name once.
pub(super) struct List {
    /// In order.
    pub(super) headers: Vec<ListedHeader>,
    map: HeaderMap,
    /// A map of these names in this order that came back, with the values of the list or none.
    spare: Option<HeaderMap>,
}

pub(super) struct ListedHeader {
    pub(super) name: HeaderName,
    pub(super) value: HeaderValue,
    /// Both, as they stand in a record.
    pub(super) encoded: Vec<u8>,
    /// Length of the name there.
    name_len: usize,
    /// Its value is not remembered.
    is_secret: bool,
}

impl Lists {
    /// What is remembered of a shape.
    #[inline]
    pub(super) fn get(&mut self, shape: Shape) -> Option<&mut List> {
        match &mut self.0[shape.place()].known {
            Some((of, list)) if *of == shape => list.as_mut(),
            _ => None,
        }
    }

    /// Keeps the map of a request that is over, if it is one of a list still. Of what is no list's value nothing is kept.
    #[inline]
    pub(super) fn take_back(&mut self, headers: &mut HeaderMap) {
        let shape = Shape { count: headers.len(), has_type: false };
        if let Some(list) = self.get(shape).filter(|list| list.spare.is_none())
            && list.clean(headers)
        {
            list.spare = Some(mem::take(headers));
        }
    }

    /// A message had the headers of the list of its shape, with the same values or not.
    #[inline]
    pub(super) fn came_again(&mut self, shape: Shape, headers: &HeaderMap, is_same: bool) {
        let place = &mut self.0[shape.place()];
        place.strangers = 0;
        place.others += u8::from(!is_same && place.is_another(headers));
        if place.others >= STALE {
            place.take(shape, headers);
        }
    }

    /// A message had other headers than the list of its shape, or there is none.
    pub(super) fn came(&mut self, shape: Shape, headers: &HeaderMap) {
        let place = &mut self.0[shape.place()];
        place.strangers += 1;
        if place.known.is_none() || place.strangers >= STRANGERS {
            place.take(shape, headers);
        }
    }
}

impl Place {
    /// Whether these headers, of the names of the list here, have another value. Credentials have one each time.
    fn is_another(&self, headers: &HeaderMap) -> bool {
        let list = self.known.iter().filter_map(|(_, list)| list.as_ref()).flat_map(|list| &list.headers);
        list.zip(headers.values()).any(|(known, value)| !known.is_secret && !known.is_own(value))
    }

    fn take(&mut self, shape: Shape, headers: &HeaderMap) {
        *self = Self { known: Some((shape, List::of(shape, headers))), ..Self::default() };
    }
}

impl List {
    /// `None` of what cannot come again as it is, or is long.
    fn of(shape: Shape, headers: &HeaderMap) -> Option<Self> {
        let count = shape.count + usize::from(shape.has_type);
        // Fewer are in the map when a name was repeated, or spoke of a connection.
        if headers.keys_len() != count || headers.len() != count || count > MOST {
            return None;
        }
        let headers: Vec<_> = headers.iter().map(|(name, value)| ListedHeader::of(name, value)).collect();
        if headers.iter().map(|header| header.encoded.len()).sum::<usize>() > LONGEST {
            return None;
        }
        let map = headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect();
        Some(Self { headers, map, spare: None })
    }

    /// A map of the list's names in its order. Not all values need be the list's.
    #[inline]
    pub(super) fn take_map(&mut self) -> HeaderMap {
        self.spare.take().unwrap_or_else(|| self.map.clone())
    }

    /// Takes all values that are not the list's own out of `headers`; whether its names are those of the list, in order and
    /// each once.
    #[inline]
    fn clean(&self, headers: &mut HeaderMap) -> bool {
        let Self { headers: known, map, .. } = self;
        // One that has taken a value more than it was made for has twice the room.
        headers.len() == known.len()
            && headers.capacity() <= 2 * map.capacity()
            && known.iter().zip(headers.iter_mut()).all(|(known, (name, value))| {
                if !known.is_own(value) {
                    *value = HeaderValue::from_static("");
                }
                value.set_sensitive(false);
                known.name == name
            })
    }
}

impl ListedHeader {
    /// In memory of its own: what came is a slice of its message.
    fn of(name: &HeaderName, value: &HeaderValue) -> Self {
        let is_secret = is_secret(name);
        let value = if is_secret { b"" } else { value.as_bytes() };
        let (encoded, name_len) = encode_header(name.as_str(), value);
        let value = HeaderValue::from_bytes(value).expect("it was a value");
        Self { name: name.clone(), value, encoded, name_len, is_secret }
    }

    /// Whether a value is this one in the same memory, which lives as long as this does: so the bytes are the same too.
    pub(super) fn is_own(&self, value: &HeaderValue) -> bool {
        ptr::eq(value.as_bytes(), self.value.as_bytes())
    }

    /// The name alone, as it stands in a record.
    pub(super) fn encoded_name(&self) -> &[u8] {
        &self.encoded[..self.name_len]
    }
}

fn is_secret(name: &HeaderName) -> bool {
    CREDENTIALS.iter().any(|part| name.as_str().contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Shape = Shape { count: 1, has_type: false };

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|&(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn value(lists: &mut Lists) -> Option<&[u8]> {
        lists.get(ONE).map(|list| list.headers[0].value.as_bytes())
    }

    #[test]
    fn a_list_stays_while_it_comes_again_and_another_takes_its_place_when_it_does_not() {
        let mut lists = Lists::default();
        let [one, other] = ["1", "2"].map(|value| headers(&[("a", value)]));
        lists.came(ONE, &one);
        for _ in 0..100 {
            for _ in 1..STRANGERS {
                lists.came(ONE, &other);
                assert_eq!(value(&mut lists), Some(&b"1"[..]));
            }
            lists.came_again(ONE, &one, true);
        }
        (0..STRANGERS).for_each(|_| lists.came(ONE, &other));
        assert_eq!(value(&mut lists), Some(&b"2"[..]));
    }

    #[test]
    fn a_list_of_another_shape_is_not_taken_for_one_of_its_place() {
        let mut lists = Lists::default();
        let other = Shape { count: 1 + PLACES / 2, has_type: false };
        assert_eq!(ONE.place(), other.place());
        lists.came(ONE, &headers(&[("a", "1")]));
        assert!(lists.get(ONE).is_some() && lists.get(other).is_none());
    }

    #[test]
    fn a_value_that_has_changed_is_taken_in_the_end() {
        let mut lists = Lists::default();
        lists.came(ONE, &headers(&[("a", "1")]));
        let other = headers(&[("a", "2")]);
        for _ in 0..STALE {
            assert_eq!(value(&mut lists), Some(&b"1"[..]));
            lists.came_again(ONE, &other, false);
        }
        assert_eq!(value(&mut lists), Some(&b"2"[..]));
    }

    #[test]
    fn values_of_names_that_speak_of_credentials_are_not_remembered() {
        for name in ["authorization", "cookie", "set-cookie", "x-hub-secret", "x-api-key", "x-amz-security-token"] {
            let mut lists = Lists::default();
            lists.came(ONE, &headers(&[(name, "secret")]));
            let list = lists.get(ONE).unwrap();
            assert!(list.headers[0].value.is_empty() && list.map[name].is_empty());
            assert_eq!(list.headers[0].encoded, encode_header(name, b"").0);
        }
    }

    #[test]
    fn a_map_that_comes_back_is_used_again_without_the_values_that_are_not_the_lists() {
        let two = Shape { count: 2, has_type: false };
        let mut lists = Lists::default();
        lists.came(two, &headers(&[("a", "1"), ("b", "2")]));
        let mut map = lists.get(two).unwrap().take_map();
        let memory = ptr::from_ref(&map["a"]);
        *map.get_mut("b").unwrap() = HeaderValue::from_static("of one request");
        lists.take_back(&mut map);
        assert!(map.is_empty());
        let map = lists.get(two).unwrap().take_map();
        assert_eq!(memory, ptr::from_ref(&map["a"]));
        assert_eq!((map["a"].as_bytes(), map["b"].as_bytes()), (&b"1"[..], &b""[..]));
    }

    #[test]
    fn a_map_of_other_names_or_with_room_for_more_is_not_kept() {
        let two = Shape { count: 2, has_type: false };
        let mut lists = Lists::default();
        lists.came(two, &headers(&[("a", "1"), ("b", "2")]));
        let made = lists.get(two).unwrap().take_map();
        let mut roomy = made.clone();
        roomy.reserve(100);
        let mut repeated = headers(&[("a", "1")]);
        repeated.append("a", HeaderValue::from_static("2"));
        for mut other in [roomy, repeated, headers(&[("b", "2"), ("a", "1")]), headers(&[("a", "1"), ("c", "2")])] {
            lists.take_back(&mut other);
            assert!(lists.get(two).unwrap().spare.is_none() && other.len() == 2);
        }
        lists.take_back(&mut made.clone());
        assert!(lists.get(two).unwrap().spare.is_some());
    }

    #[test]
    fn neither_long_lists_nor_such_as_lost_a_header_are_remembered() {
        let mut twice = headers(&[("a", "1")]);
        twice.append("a", HeaderValue::from_static("2"));
        let names = (0..=MOST).map(|i| HeaderName::try_from(format!("x-{i}")).unwrap());
        let many: HeaderMap = names.map(|name| (name, HeaderValue::from_static(""))).collect();
        let long = headers(&[("a", &"x".repeat(LONGEST))]);
        for (count, headers) in [(2, twice), (MOST + 1, many), (1, long), (2, headers(&[("a", "1")]))] {
            let (mut lists, shape) = (Lists::default(), Shape { count, has_type: false });
            lists.came(shape, &headers);
            assert!(lists.get(shape).is_none());
        }
    }
}
