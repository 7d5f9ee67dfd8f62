//! Answers that have a content type and no other header. The head of one is that of an answer which was sent before.

use std::any::Any;
use std::cell::Cell;

use axum_core::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::response::Parts;
use http::{Extensions, StatusCode, Version};

use crate::body::Body;

/// What axum-core sends text as.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
/// What axum-core sends bytes as.
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// Maps that have room for more headers are let go.
const MOST: usize = 8;

thread_local! {
    /// The head of an answer with a content type, which is empty, and nothing else that differs from a new one.
    static SPARE: Cell<Option<Parts>> = const { Cell::new(None) };
}

/// What `result` is as an answer: texts and bytes are what most handlers return.
pub(crate) fn answer_of<T: IntoResponse + 'static>(result: T) -> Response {
    let result = match downcast::<T, &'static str>(result) {
        Ok(text) => return typed(TEXT, text.into()),
        Err(other) => other,
    };
    let result = match downcast::<T, String>(result) {
        Ok(text) => return typed(TEXT, text.into()),
        Err(other) => other,
    };
    let result = match downcast::<T, Bytes>(result) {
        Ok(bytes) => return typed(BYTES, bytes.into()),
        Err(other) => other,
    };
    match downcast::<T, Vec<u8>>(result) {
        Ok(bytes) => typed(BYTES, bytes.into()),
        Err(other) => other.into_response(),
    }
}

/// `value`, if it is a `U`.
pub(crate) fn downcast<T: 'static, U: 'static>(value: T) -> Result<U, T> {
    let mut value = Some(value);
    if let Some(found) = (&mut value as &mut dyn Any).downcast_mut::<Option<U>>() {
        return Ok(found.take().expect("it was put there"));
    }
    Err(value.expect("nobody took it"))
}

/// An answer of status 200.
pub(crate) fn typed(content_type: HeaderValue, body: Body) -> Response {
    if let Some(mut parts) = SPARE.try_with(Cell::take).ok().flatten() {
        *parts.headers.values_mut().next().expect("a head is kept with its content type") = content_type;
        return Response::from_parts(parts, body);
    }
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// Keeps the head of an answer that is on its way, without its values, if a content type is all there is among its headers.
#[inline]
pub(crate) fn take_back(mut parts: Parts) {
    let Parts { status, version, headers, extensions, .. } = &mut parts;
    if headers.len() == 1 && headers.capacity() <= MOST && extensions.is_empty() && clear(headers) {
        (*status, *version) = (StatusCode::OK, Version::HTTP_11);
        // One that was emptied keeps its room.
        *extensions = Extensions::new();
        let _ = SPARE.try_with(|spare| spare.set(Some(parts)));
    }
}

/// Drops the value of a map's only header; false if that is no content type.
#[inline]
fn clear(headers: &mut HeaderMap) -> bool {
    headers.iter_mut().all(|(name, value)| {
        *value = HeaderValue::from_static("");
        *name == CONTENT_TYPE
    })
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn pairs(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
        headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
    }

    /// What axum-core makes of it too.
    fn check<T: IntoResponse + Clone + 'static>(result: T) {
        let [answer, expected] = [answer_of(result.clone()), result.into_response()];
        assert_eq!((answer.status(), answer.version()), (expected.status(), expected.version()));
        assert_eq!(answer.headers(), expected.headers());
        let [answer, expected] = [answer, expected]
            .map(|response| futures::executor::block_on(response.into_body().collect()).unwrap().to_bytes());
        assert_eq!(answer, expected);
    }

    #[test]
    fn a_result_is_answered_as_axum_core_answers_it_with_a_new_map_and_with_a_used_one() {
        for _ in 0..3 {
            check("text");
            check("");
            check("text".to_owned());
            check(http::StatusCode::ACCEPTED);
            check((http::StatusCode::ACCEPTED, [("x", "1")], "text"));
            check(vec![7_u8]);
            check(Vec::<u8>::new());
            check(Bytes::from_static(b"bytes"));
            let mut sent = answer_of("text").into_parts().0;
            (sent.status, sent.version) = (http::StatusCode::IM_A_TEAPOT, http::Version::HTTP_2);
            take_back(sent);
        }
    }

    #[test]
    fn the_head_of_an_answer_that_was_sent_is_the_next_ones_without_its_value() {
        let mut secret = HeaderValue::from_static("a/secret");
        secret.set_sensitive(true);
        take_back(typed(secret, Body::empty()).into_parts().0);
        let kept = SPARE.take().expect("it is kept");
        assert_eq!(pairs(&kept.headers), [("content-type", &b""[..])]);
        SPARE.set(Some(kept));
        let response = typed(HeaderValue::from_static("a/b"), Body::empty());
        assert_eq!(pairs(response.headers()), [("content-type", &b"a/b"[..])]);
        assert!(!response.headers()[CONTENT_TYPE].is_sensitive());
        assert!(SPARE.take().is_none(), "it is taken once");
    }

    #[test]
    fn a_head_with_another_header_or_much_room_or_none_or_an_extension_is_not_kept() {
        let map = |names: &[&'static str]| -> HeaderMap {
            names.iter().map(|&name| (name.parse().unwrap(), HeaderValue::from_static("1"))).collect()
        };
        let mut repeated = map(&["content-type"]);
        repeated.append(CONTENT_TYPE, HeaderValue::from_static("2"));
        let mut roomy = map(&["content-type"]);
        roomy.reserve(100);
        for other in [HeaderMap::new(), map(&["x"]), map(&["content-type", "x"]), repeated, roomy] {
            let mut parts = Response::new(()).into_parts().0;
            parts.headers = other;
            take_back(parts);
            assert!(SPARE.take().is_none());
        }
        let mut parts = answer_of("text").into_parts().0;
        parts.extensions.insert(1);
        take_back(parts);
        assert!(SPARE.take().is_none());
    }
}
