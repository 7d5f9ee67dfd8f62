//! Headers that speak of one connection, and the length of a body that is known.

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};

/// Headers that RFC 9110 section 7.6.1 and RFC 2616 section 13.5.1 bind to one connection.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A bit for each length that one of them has: most other names have none of these.
const LENGTHS: u32 = {
    let (mut lengths, mut i) = (0, 0);
    while i < HOP_BY_HOP.len() {
        lengths |= 1 << HOP_BY_HOP[i].len();
        i += 1;
    }
    lengths
};

/// Whether a header of this name speaks of one connection.
#[inline]
pub(super) fn is_hop_by_hop(name: &str) -> bool {
    name.len() < 32 && LENGTHS >> name.len() & 1 == 1 && HOP_BY_HOP.contains(&name)
}

/// Whether a `Connection` names more than those, and the option that is no header (RFC 9110 section 7.6.1).
pub(super) fn names_others(connection: &HeaderValue) -> bool {
    let is_known = |option: &[u8]| {
        let is = |name: &str| option.eq_ignore_ascii_case(name.as_bytes());
        is("close") || HOP_BY_HOP.into_iter().any(is)
    };
    connection.as_bytes().split(|byte| *byte == b',').any(|option| !is_known(option.trim_ascii()))
}

/// Removes what speaks of a connection, which the bus has none of, and what `Connection` names besides.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    // Hardly any message has one, and looking is cheaper than removing what is not there.
    if headers.keys().any(|name| is_hop_by_hop(name.as_str())) {
        remove_hop_by_hop(headers);
    }
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Leaves one content length at most where the body it speaks of is not there: none that is contradicted, nor any where no body could
/// be (RFC 9110 section 8.6).
pub(crate) fn keep_one_content_length(headers: &mut HeaderMap, may_be_there: bool) {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let Some(first) = lengths.next() else { return };
    match (may_be_there, lengths.all(|other| other == first)) {
        (true, true) => {
            let first = first.clone();
            headers.insert(CONTENT_LENGTH, first);
        }
        _ => drop(headers.remove(CONTENT_LENGTH)),
    }
}

/// Makes a content length that is there say what the body has, once. `Record` does so for what is sent.
#[inline]
pub(crate) fn correct_content_length(headers: &mut HeaderMap, len: usize) {
    // Most messages have none, and comparing names costs less than hashing one.
    if headers.keys().any(|name| name == CONTENT_LENGTH) {
        correct_those_there(headers, len);
    }
}

fn correct_those_there(headers: &mut HeaderMap, len: usize) {
    let mut lengths = headers.iter_mut().filter_map(|(name, value)| (name == CONTENT_LENGTH).then_some(value));
    let (first, is_repeated) = (lengths.next(), lengths.next().is_some());
    match first {
        Some(value) if !is_repeated => {
            if !is_decimal(value.as_bytes(), len) {
                *value = HeaderValue::from(len);
            }
        }
        // This makes room for one more, also where it takes the place of others.
        _ => drop(headers.insert(CONTENT_LENGTH, HeaderValue::from(len))),
    }
}

/// Whether `text` is `number` as it is written, without a sign or zeros before it.
fn is_decimal(text: &[u8], number: usize) -> bool {
    let Some((&last, before)) = text.split_last() else { return false };
    let is_last = last == b'0' + (number % 10) as u8;
    is_last && if number < 10 { before.is_empty() } else { is_decimal(before, number / 10) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hop_by_hop_headers_and_those_that_connection_names_go() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("keep-alive", "5"),
            ("te", "trailers"),
            ("accept", "*/*"),
            ("user-agent", "as long as connection"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        strip_hop_by_hop(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["accept", "user-agent"]);
    }

    #[test]
    fn what_a_connection_names_is_removed_beside_what_is_no_name() {
        let mut headers = HeaderMap::new();
        headers.insert(CONNECTION, HeaderValue::from_bytes("x-hop, é, x-other ,,".as_bytes()).unwrap());
        for name in ["x-hop", "x-other", "x-kept"] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        strip_hop_by_hop(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-kept"]);
    }

    #[test]
    fn a_wrong_content_length_is_corrected_and_a_missing_one_not_added() {
        let mut headers = HeaderMap::new();
        correct_content_length(&mut headers, 3);
        assert!(headers.is_empty());
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("7"));
        correct_content_length(&mut headers, 3);
        assert_eq!(headers[CONTENT_LENGTH], "3");
        headers.append(CONTENT_LENGTH, HeaderValue::from_static("+3"));
        correct_content_length(&mut headers, 3);
        assert_eq!(headers.get_all(CONTENT_LENGTH).iter().collect::<Vec<_>>(), ["3"]);
        for wrong in ["+3", "03", "3 ", "", "30", "13", "3, 3"] {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static(wrong));
            correct_content_length(&mut headers, 3);
            assert_eq!(headers[CONTENT_LENGTH], "3", "{wrong:?}");
        }
    }

    #[test]
    fn a_number_is_known_as_it_is_written() {
        for number in [0, 1, 9, 10, 99, 100, 1024, 1 << 20, usize::MAX] {
            assert!(is_decimal(number.to_string().as_bytes(), number));
            assert!(!is_decimal((number ^ 1).to_string().as_bytes(), number));
        }
    }

    #[test]
    fn a_content_length_that_is_right_stays_where_it_is() {
        let mut headers: HeaderMap = [(CONTENT_LENGTH, HeaderValue::from_static("3"))].into_iter().collect();
        let (room, value) = (headers.capacity(), headers[CONTENT_LENGTH].as_bytes().as_ptr());
        correct_content_length(&mut headers, 3);
        assert_eq!((headers.capacity(), headers[CONTENT_LENGTH].as_bytes().as_ptr()), (room, value));
    }
}
