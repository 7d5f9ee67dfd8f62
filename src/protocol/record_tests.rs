//! Records against what postcard writes, and one pass over the headers against one step after the other.

use http::{Method, StatusCode};
use proptest::prelude::*;

use super::*;
use crate::protocol::headers::strip_hop_by_hop;
use crate::protocol::{OutgoingCall, OutgoingReply, RequestId, RequestMeta, ResponseMeta, Segments};

const NAMES: [&str; 9] =
    ["a", "b", "x-hop", "content-type", "content-length", "connection", "te", "keep-alive", "upgrade"];
const VALUES: [&[u8]; 8] = [b"", b"1", b"3", b"x-hop", b"close", b"Keep-Alive , x-hop", b"content-length", b"\xff"];

fn map(headers: &[(String, String)]) -> HeaderMap {
    headers.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect()
}

fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8(value.as_bytes().to_vec()).unwrap();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

fn sorted(mut pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    pairs.sort();
    pairs
}

fn appended<'v>(pairs: impl IntoIterator<Item = (&'static str, &'v [u8])>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    headers
}

fn request(target: &str, route: &Route, headers: &HeaderMap) -> Written {
    Record::of_request(&target.parse().unwrap(), route, headers).unwrap()
}

fn response(headers: &[(&'static str, &[u8])], length: Length) -> ResponseMeta {
    let written = Record::of_response(&appended(headers.iter().copied()), length).unwrap();
    let meta: ResponseMeta = postcard::from_bytes(written.record.as_bytes()).unwrap();
    assert_eq!(meta.headers.len() + usize::from(!meta.content_type.is_empty()), written.count);
    meta
}

/// What is to be sent of a message's headers, step by step; `None` if it is to be refused.
fn expected(mut headers: HeaderMap, length: Length, limit: usize) -> Option<HeaderMap> {
    strip_hop_by_hop(&mut headers);
    match length {
        Length::LeftOut => drop(headers.remove(CONTENT_LENGTH)),
        Length::Of(len) if headers.contains_key(CONTENT_LENGTH) => drop(headers.insert(CONTENT_LENGTH, len.into())),
        Length::Of(_) | Length::Kept => (),
    }
    (headers.len() <= limit && headers.values().all(|value| is_text(value.as_bytes()))).then_some(headers)
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
        let written = request(&target, &route, &headers);
        let owned = RequestMeta { path, route_pattern: pattern, path_params: params, query, headers: pairs(&headers) };
        prop_assert_eq!(written.record.as_bytes(), postcard::to_allocvec(&owned).unwrap());
        prop_assert!(!written.owes_length && written.count == headers.len());
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
        let written = Record::of_response(&headers, Length::Of(7)).unwrap();
        prop_assert_eq!(written.record.as_bytes(), postcard::to_allocvec(&owned).unwrap());
    }

    #[test]
    fn what_one_pass_leaves_out_corrects_and_refuses_is_what_one_step_after_the_other_does(
        headers in proptest::collection::vec((0..NAMES.len(), 0..VALUES.len()), 0..7),
        length in prop_oneof![Just(Length::Kept), Just(Length::LeftOut), Just(Length::Of(3))],
        limit in prop_oneof![0..4_usize, Just(256)],
    ) {
        let headers = appended(headers.into_iter().map(|(name, value)| (NAMES[name], VALUES[value])));
        let reply = OutgoingReply::new(StatusCode::OK, &headers, length, Segments::default(), limit);
        match (expected(headers.clone(), length, limit), &reply) {
            (Some(mut sent), Ok(reply)) => {
                let meta: ResponseMeta = postcard::from_bytes(reply.meta()).unwrap();
                let content_type = sent.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
                prop_assert_eq!(meta.content_type.as_bytes(), content_type);
                sent.remove(CONTENT_TYPE);
                prop_assert_eq!(sorted(meta.headers), sorted(pairs(&sent)));
            }
            // What is not sent of several content types need not be text.
            (None, Ok(_)) => prop_assert!(headers.get_all(CONTENT_TYPE).iter().count() > 1),
            (expected, Err(_)) => prop_assert!(expected.is_none()),
        }

        let call = |headers: &HeaderMap, limit| {
            let (id, target) = (RequestId::new("x").unwrap(), "/".parse().unwrap());
            OutgoingCall::new(id, &Method::GET, &target, &Route::default(), headers, limit)
        };
        match (expected(headers.clone(), Length::Of(3), limit), call(&headers, limit)) {
            (Some(sent), Ok(mut call)) => {
                call.put_body(Segments::from(bytes::Bytes::from_static(b"abc")));
                let meta: RequestMeta = postcard::from_bytes(call.meta()).unwrap();
                prop_assert_eq!(sorted(meta.headers), sorted(pairs(&sent)));
            }
            (expected, call) => prop_assert!(expected.is_none() && call.is_err()),
        }
    }
}

#[test]
fn a_content_type_is_sent_once_and_apart() {
    let headers = [("x", &b"1"[..]), ("content-type", b"a/b"), ("content-type", b"c/d")];
    let written = Record::of_response(&appended(headers), Length::Kept).unwrap();
    let meta: ResponseMeta = postcard::from_bytes(written.record.as_bytes()).unwrap();
    assert_eq!((meta.content_type.as_str(), meta.headers), ("a/b", vec![("x".into(), "1".into())]));
    assert_eq!(written.count, 3, "each counts");
}

#[test]
fn a_content_length_is_kept_left_out_or_made_to_say_what_the_body_has() {
    let lengths = |length| {
        let meta = response(&[("content-length", b"1"), ("content-length", b"2"), ("x", b"")], length);
        let lengths = meta.headers.iter().filter(|(name, _)| name == "content-length");
        (meta.headers.len(), lengths.map(|(_, value)| value.clone()).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(lengths(Length::Kept), (3, "1 2".into()));
    assert_eq!(lengths(Length::LeftOut), (1, String::new()));
    assert_eq!(lengths(Length::Of(34)), (2, "34".into()));
    assert_eq!(response(&[], Length::Of(34)).headers, [], "one that is not there is not added");
}

#[test]
fn a_content_length_that_is_owed_is_announced_and_written_last() {
    let mut written = request("/", &Route::default(), &appended([("content-length", &b"1"[..]), ("a", b"b")]));
    assert!(written.owes_length);
    written.record.length(300);
    let meta: RequestMeta = postcard::from_bytes(written.record.as_bytes()).unwrap();
    assert_eq!(meta.headers, [("a".into(), "b".into()), ("content-length".into(), "300".into())]);
}

#[test]
fn a_count_that_gets_a_byte_shorter_is_corrected() {
    let mut headers: HeaderMap = (0..127).map(|i| (format!("x-{i}").parse().unwrap(), "1".parse().unwrap())).collect();
    headers.insert("te", HeaderValue::from_static("trailers"));
    let written = Record::of_response(&headers, Length::Kept).unwrap();
    assert_eq!((written.record.as_bytes()[1], written.count), (127, 127));
    assert_eq!(postcard::from_bytes::<ResponseMeta>(written.record.as_bytes()).unwrap().headers.len(), 127);
}

#[test]
fn what_a_connection_says_of_itself_is_left_out_at_once_and_what_it_names_besides_is_not() {
    for known in ["close", "keep-alive", "Keep-Alive, Upgrade", "te"] {
        let meta = response(&[("connection", known.as_bytes()), ("te", b"\xff"), ("a", b"b")], Length::Kept);
        assert_eq!(meta.headers, [("a".into(), "b".into())]);
    }
    for other in ["x-hop", "close, x-hop", ""] {
        let headers = appended([("x", &b"1"[..]), ("connection", other.as_bytes())]);
        assert!(matches!(Record::of_response(&headers, Length::Kept), Err(Unfit::Connection)), "{other:?}");
    }
}

#[test]
fn nothing_of_one_record_is_in_the_next_of_its_thread_or_in_what_is_logged_of_it() {
    for text in ["secret", &"x".repeat(300), "", "a"] {
        let mut record = Record::new();
        assert!(record.as_bytes().is_empty());
        record.text(text.as_bytes());
        assert_eq!(record.as_bytes(), postcard::to_allocvec(text).unwrap());
        assert_eq!(format!("{record:?}"), format!("Record {{ len: {} }}", record.as_bytes().len()));
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
    assert!(kept(1) >= USUAL);
    assert_eq!(kept(MOST_KEPT), 0);
}
