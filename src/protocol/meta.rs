//! The postcard records of a request and a response.
//!
//! Two shapes of the same two records: the owned ones are the public face, the `Outgoing` ones write from HTTP types
//! without building an owned one first. Reading without one is in `decode`.

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::ser::{SerializeSeq, SerializeStruct};
use serde::{Deserialize, Serialize, Serializer};

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

/// A [`RequestMeta`] about to be written. Header values must be UTF-8, which `OutgoingCall` checks.
pub(crate) struct OutgoingRequestMeta<'a> {
    pub(crate) path: &'a str,
    pub(crate) route_pattern: &'a str,
    pub(crate) path_params: &'a [(String, String)],
    pub(crate) query: Option<&'a str>,
    pub(crate) headers: &'a HeaderMap,
}

impl Serialize for OutgoingRequestMeta<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { path, route_pattern, path_params, query, headers } = self;
        let mut record = serializer.serialize_struct("RequestMeta", 5)?;
        record.serialize_field("path", path)?;
        record.serialize_field("route_pattern", route_pattern)?;
        record.serialize_field("path_params", path_params)?;
        record.serialize_field("query", query)?;
        let headers = OutgoingHeaders { headers, count: headers.len(), content_type_apart: false };
        record.serialize_field("headers", &headers)?;
        record.end()
    }
}

/// A [`ResponseMeta`] about to be written. The content type leaves the headers, or it would be sent twice.
/// Header values must be UTF-8, which `OutgoingReply` checks.
pub(crate) struct OutgoingResponseMeta<'a> {
    pub(crate) headers: &'a HeaderMap,
}

impl Serialize for OutgoingResponseMeta<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { headers } = self;
        // One pass costs less than hashing the name.
        let (mut content_type, mut count) = (None, 0);
        for (name, value) in *headers {
            if name == CONTENT_TYPE {
                content_type.get_or_insert(value);
            } else {
                count += 1;
            }
        }
        let content_type = Text(content_type.map_or(b"", HeaderValue::as_bytes));
        let mut record = serializer.serialize_struct("ResponseMeta", 2)?;
        record.serialize_field("content_type", &content_type)?;
        record.serialize_field("headers", &OutgoingHeaders { headers, count, content_type_apart: true })?;
        record.end()
    }
}

struct OutgoingHeaders<'a> {
    headers: &'a HeaderMap,
    /// How many are written.
    count: usize,
    content_type_apart: bool,
}

impl Serialize for OutgoingHeaders<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.count))?;
        for (name, value) in self.headers {
            if !(self.content_type_apart && name == CONTENT_TYPE) {
                seq.serialize_element(&(name.as_str(), Text(value.as_bytes())))?;
            }
        }
        seq.end()
    }
}

/// Text that was checked to be UTF-8 before. Postcard writes bytes and strings alike, so it is not checked again.
struct Text<'a>(&'a [u8]);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// Whether the wire can carry a header's value: the records hold UTF-8 text, and HTTP allows any byte above 127.
pub(crate) fn is_text(value: &[u8]) -> bool {
    // Nearly all are ASCII, which is told in a tenth of the time.
    value.is_ascii() || std::str::from_utf8(value).is_ok()
}

/// How many bytes `record` takes on the wire.
pub(crate) fn encoded_len(record: &impl Serialize) -> usize {
    postcard::serialize_with_flavor(record, postcard::ser_flavors::Size::default())
        .expect("counting bytes of a record of strings cannot fail")
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
    fn an_outgoing_request_is_written_as_the_owned_record_would_be() {
        let mut headers = HeaderMap::new();
        headers.append("accept", "a".parse().unwrap());
        headers.append("accept", "b".parse().unwrap());
        headers.append(CONTENT_TYPE, "text/plain".parse().unwrap());
        let outgoing = OutgoingRequestMeta {
            path: "/p",
            route_pattern: "",
            path_params: &[("k".into(), "v".into())],
            query: None,
            headers: &headers,
        };
        let bytes = postcard::to_allocvec(&outgoing).unwrap();
        assert_eq!(bytes.len(), encoded_len(&outgoing));
        let owned: RequestMeta = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(owned.headers.len(), 3);
        assert_eq!(owned.headers[..2], [("accept".into(), "a".into()), ("accept".into(), "b".into())]);
        assert_eq!(postcard::to_allocvec(&owned).unwrap(), bytes);
    }

    #[test]
    fn a_response_sends_its_content_type_once() {
        let mut headers = HeaderMap::new();
        headers.append(CONTENT_TYPE, "text/plain".parse().unwrap());
        headers.append("x", "1".parse().unwrap());
        let bytes = postcard::to_allocvec(&OutgoingResponseMeta { headers: &headers }).unwrap();
        let owned: ResponseMeta = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(owned, ResponseMeta { content_type: "text/plain".into(), headers: vec![("x".into(), "1".into())] });
    }
}
