//! The postcard records of a request and a response.
//!
//! The owned ones are the public face. Writing from HTTP types without building one is in `record`, reading without one in
//! `decode`.

use serde::{Deserialize, Serialize};

/// What a request says beside its id, method and body. Field order is the wire order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RequestMeta {
    /// The request's path, for example `/session/abc123`.
    pub path: String,
    /// The pattern the hub matched, for example `/session/:id` or `/session/{id}`; empty when it matched none.
    pub route_pattern: String,
    /// The parameters the hub extracted, in any order, not percent-decoded.
    pub path_params: Vec<(String, String)>,
    /// The query, without the leading `?`.
    pub query: Option<String>,
    /// The request's headers; a repeated name stands as often as it was sent.
    pub headers: Vec<(String, String)>,
}

/// What a response says beside its status and body. Field order is the wire order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ResponseMeta {
    /// The content type; empty for none.
    pub content_type: String,
    /// The other headers.
    pub headers: Vec<(String, String)>,
}

/// Whether the wire can carry a header's value: the records hold UTF-8 text, and HTTP allows any byte above 127.
#[inline]
pub(crate) fn is_text(value: &[u8]) -> bool {
    // Nearly all are ASCII, which is told in a tenth of the time.
    is_ascii(value) || std::str::from_utf8(value).is_ok()
}

/// As the standard library's, which looks at the last bytes one by one, and values are short.
#[inline]
fn is_ascii(value: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let Some(last) = value.last_chunk() else { return value.is_ascii() };
    let (chunks, _) = value.as_chunks();
    let all = chunks.iter().fold(u64::from_ne_bytes(*last), |all, chunk| all | u64::from_ne_bytes(*chunk));
    all & HIGH == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_meta_has_its_golden_bytes() {
        let meta = RequestMeta {
            path: "/a/1".into(),
            route_pattern: "/a/:id".into(),
            path_params: vec![("id".into(), "1".into())],
            query: Some("x=y".into()),
            headers: vec![("host".into(), "h".into())],
        };
        let golden = b"\x04/a/1\x06/a/:id\x01\x02id\x011\x01\x03x=y\x01\x04host\x01h";
        assert_eq!(postcard::to_allocvec(&meta).unwrap(), golden);
        assert_eq!(postcard::from_bytes::<RequestMeta>(golden).unwrap(), meta);
    }

    #[test]
    fn a_response_meta_has_its_golden_bytes() {
        let meta = ResponseMeta { content_type: "text/plain".into(), headers: vec![("a".into(), "b".into())] };
        assert_eq!(postcard::to_allocvec(&meta).unwrap(), b"\x0atext/plain\x01\x01a\x01b");
        assert_eq!(postcard::to_allocvec(&ResponseMeta::default()).unwrap(), [0, 0]);
    }

    #[test]
    fn a_byte_above_127_is_seen_wherever_it_stands() {
        for len in 0..40 {
            let mut value = vec![0x7f; len];
            assert!(is_text(&value), "{len}");
            for at in 0..len {
                value[at] = 0x80;
                assert!(!is_text(&value), "{at} of {len}");
                value[at] = 0;
            }
        }
        assert!(is_text("\u{e4}".repeat(9).as_bytes()), "utf-8 is text");
    }
}
