//! A request and a response about to be written: HTTP values that were checked to have a place on the wire.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName};
use http::{Method, StatusCode, Uri};

use super::headers::strip_hop_by_hop;
use super::method::encode_method;
use super::problem::{PROBLEM_JSON, problem_body};
use super::record::{Length, Record, Unfit, Written};
use super::request_id::RequestId;

/// Pieces shorter than this are joined, in bytes: each one that is kept takes 32 and perhaps the block that it is a part of.
const SHORT: usize = 1024;

/// A body in pieces, as frames arrived; long ones are copied one by one and not joined first.
#[derive(Debug, Default, Clone)]
pub(crate) struct Segments {
    first: Bytes,
    rest: Vec<Bytes>,
    /// Short pieces behind the rest.
    short: Vec<u8>,
    len: usize,
}

impl Segments {
    /// Appends a piece.
    #[inline]
    pub(crate) fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        self.len += piece.len();
        if self.first.is_empty() {
            self.first = piece;
        } else {
            self.push_behind(piece);
        }
    }

    fn push_behind(&mut self, piece: Bytes) {
        if piece.len() < SHORT {
            return self.short.extend_from_slice(&piece);
        }
        if !self.short.is_empty() {
            self.rest.push(std::mem::take(&mut self.short).into());
        }
        self.rest.push(piece);
    }

    /// Length of all pieces in bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The one piece, when there is no other.
    pub(crate) fn only(&self) -> Option<&Bytes> {
        (self.rest.is_empty() && self.short.is_empty()).then_some(&self.first)
    }

    /// The pieces in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let short = (!self.short.is_empty()).then_some(&self.short[..]);
        std::iter::once(&self.first).chain(&self.rest).map(|piece| &piece[..]).chain(short)
    }

    /// The pieces in order, each one's own.
    #[cfg(feature = "gateway")]
    pub(crate) fn into_pieces(self) -> impl Iterator<Item = Bytes> {
        let Self { first, rest, short, len: _ } = self;
        std::iter::once(first).chain(rest).chain((!short.is_empty()).then(|| short.into()))
    }
}

impl From<Bytes> for Segments {
    fn from(bytes: Bytes) -> Self {
        let mut segments = Self::default();
        segments.push(bytes);
        segments
    }
}

/// Why an HTTP message has no place on the wire.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The wire knows seven methods.
    #[error("method {0} has no code on the wire: use GET, POST, PUT, DELETE, PATCH, HEAD or OPTIONS")]
    Method(Method),
    /// The target is neither of the origin-form nor of the absolute-form, nor `*` (RFC 9112 section 3.2).
    #[error("the target {0} has no path: begin it with /")]
    Target(Uri),
    /// The records on the wire hold UTF-8 text.
    #[error("the value of header {0} is not utf-8, which the wire requires")]
    HeaderValue(HeaderName),
    /// More headers than a message may have.
    #[error("{count} headers exceed the limit of {limit}")]
    TooManyHeaders {
        /// How many there are.
        count: usize,
        /// How many are accepted.
        limit: usize,
    },
    /// Path, parameters, query and headers together are too long.
    #[error("headers, path and query take {len} bytes together, and a message has room for {limit}")]
    MetaTooLarge {
        /// Encoded length in bytes.
        len: usize,
        /// What fits in bytes.
        limit: usize,
    },
    /// A body that is too long.
    #[error("a body of {len} bytes exceeds the limit of {limit}")]
    BodyTooLarge {
        /// Length in bytes.
        len: usize,
        /// What is allowed in bytes.
        limit: usize,
    },
}

/// Writes a record of at most `limit` headers, without those that speak of a connection.
#[inline]
fn written(
    headers: &HeaderMap,
    limit: usize,
    write: impl Fn(&HeaderMap) -> Result<Written, Unfit>,
) -> Result<Written, WireError> {
    match write(headers) {
        Ok(written) => within(written, limit),
        Err(_) => stripped(headers, limit, write),
    }
}

/// As `written`, where `Connection` names headers, or one cannot be sent: that may be one of those.
#[cold]
fn stripped(
    headers: &HeaderMap,
    limit: usize,
    write: impl Fn(&HeaderMap) -> Result<Written, Unfit>,
) -> Result<Written, WireError> {
    let mut headers = headers.clone();
    strip_hop_by_hop(&mut headers);
    match write(&headers) {
        Ok(written) => within(written, limit),
        Err(Unfit::Wire(error)) => Err(error),
        Err(Unfit::Connection) => unreachable!("it was taken out"),
    }
}

#[inline]
fn within(written: Written, limit: usize) -> Result<Written, WireError> {
    match written.count {
        count if count > limit => Err(WireError::TooManyHeaders { count, limit }),
        _ => Ok(written),
    }
}

/// A response, ready to be written into its slot.
#[derive(Debug)]
pub(crate) struct OutgoingReply {
    status: StatusCode,
    record: Record,
    body: Segments,
}

impl OutgoingReply {
    /// Takes a response of at most `header_limit` headers that the wire can carry.
    #[inline]
    pub(crate) fn new(
        status: StatusCode,
        headers: &HeaderMap,
        length: Length,
        body: Segments,
        header_limit: usize,
    ) -> Result<Self, WireError> {
        let Written { record, .. } = written(headers, header_limit, |headers| Record::of_response(headers, length))?;
        Ok(Self { status, record, body })
    }

    /// An error that this crate answers with by itself.
    pub(crate) fn problem(status: StatusCode, detail: &str, id: Option<&RequestId>) -> Self {
        let body = Bytes::from(problem_body(status, Some(detail), id)).into();
        Self { status, record: Record::of_type(PROBLEM_JSON), body }
    }

    /// The shortest answer there is: a status, no header, no body.
    pub(crate) fn bare(status: StatusCode) -> Self {
        Self { status, record: Record::of_type(""), body: Segments::default() }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The encoded [`ResponseMeta`](super::ResponseMeta).
    pub(crate) fn meta(&self) -> &[u8] {
        self.record.as_bytes()
    }

    pub(crate) fn body(&self) -> &Segments {
        &self.body
    }
}

/// A request, ready to be written into a slot.
#[derive(Debug)]
pub(crate) struct OutgoingCall {
    pub(crate) id: RequestId,
    method: u8,
    record: Record,
    /// The record announces the body's length, which is not known yet.
    owes_length: bool,
    body: Segments,
}

/// What a hub knows of a request's route: the pattern it matched and the parameters it took from the path.
///
/// A hub puts it into the request's extensions; without one the worker's router matches the path itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// The pattern, for example `/session/{id}`.
    pub pattern: String,
    /// The parameters as they stand in the path, not percent-decoded.
    pub params: Vec<(String, String)>,
}

impl OutgoingCall {
    /// Takes a request of at most `header_limit` headers that the wire can carry. It has no body yet.
    pub(crate) fn new(
        id: RequestId,
        method: &Method,
        target: &Uri,
        route: &Route,
        headers: &HeaderMap,
        header_limit: usize,
    ) -> Result<Self, WireError> {
        let method = encode_method(method).ok_or_else(|| WireError::Method(method.clone()))?;
        if !target.path().starts_with('/') && target.path() != "*" {
            return Err(WireError::Target(target.clone()));
        }
        let Written { record, owes_length, .. } =
            written(headers, header_limit, |headers| Record::of_request(target, route, headers))?;
        Ok(Self { id, method, record, owes_length, body: Segments::default() })
    }

    /// Takes its body, once.
    #[inline]
    pub(crate) fn put_body(&mut self, body: Segments) {
        if std::mem::take(&mut self.owes_length) {
            self.record.length(body.len());
        }
        self.body = body;
    }

    pub(crate) fn method(&self) -> u8 {
        self.method
    }

    /// The encoded [`RequestMeta`](super::RequestMeta), once it has its body.
    pub(crate) fn meta(&self) -> &[u8] {
        debug_assert!(!self.owes_length, "it has no body yet");
        self.record.as_bytes()
    }

    pub(crate) fn body(&self) -> &Segments {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ResponseMeta;

    #[test]
    fn segments_keep_order_and_skip_empty_pieces() {
        let mut body = Segments::default();
        for piece in ["", "a", "", "bc", "d"] {
            body.push(Bytes::from_static(piece.as_bytes()));
        }
        assert_eq!(body.len(), 4);
        assert_eq!(body.iter().collect::<Vec<_>>().concat(), b"abcd");
    }

    #[test]
    fn a_method_without_a_code_and_a_binary_value_are_not_encoded() {
        let call = |method: Method, headers| {
            let id = RequestId::new("x").unwrap();
            OutgoingCall::new(id, &method, &"/".parse().unwrap(), &Route::default(), &headers, 256)
        };
        assert_eq!(call(Method::TRACE, HeaderMap::new()).unwrap_err(), WireError::Method(Method::TRACE));
        let headers = HeaderMap::from_iter([(http::header::ETAG, http::HeaderValue::from_bytes(b"\xff").unwrap())]);
        assert_eq!(call(Method::GET, headers).unwrap_err(), WireError::HeaderValue(http::header::ETAG));
    }

    #[test]
    fn a_target_without_a_path_is_refused_by_name() {
        let call = |target: &'static str| {
            let (id, target) = (RequestId::new("x").unwrap(), Uri::from_static(target));
            OutgoingCall::new(id, &Method::OPTIONS, &target, &Route::default(), &HeaderMap::new(), 256)
        };
        for target in ["hello", "localhost:80"] {
            let error = call(target).unwrap_err();
            assert_eq!(error.to_string(), format!("the target {target} has no path: begin it with /"));
        }
        for target in ["/", "*", "/a?b", "http://localhost", "http://localhost/a"] {
            assert!(call(target).is_ok(), "{target}");
        }
    }

    #[test]
    fn what_is_bound_to_a_connection_is_neither_sent_nor_counted_nor_checked() {
        let reply = |headers: &[(&'static str, &'static [u8])], limit| {
            let headers = headers
                .iter()
                .map(|&(name, value)| (HeaderName::from_static(name), http::HeaderValue::from_bytes(value).unwrap()));
            let reply =
                OutgoingReply::new(StatusCode::OK, &headers.collect(), Length::Kept, Segments::default(), limit)?;
            let meta: ResponseMeta = postcard::from_bytes(reply.meta()).unwrap();
            Ok::<_, WireError>(meta.headers.into_iter().map(|(name, _)| name).collect::<Vec<_>>())
        };
        assert_eq!(reply(&[("x-hop", b"\xff"), ("connection", b"x-hop"), ("a", b"")], 1).unwrap(), ["a"]);
        let error = reply(&[("te", b""), ("a", b""), ("b", b"")], 1).unwrap_err();
        assert_eq!(error, WireError::TooManyHeaders { count: 2, limit: 1 });
    }
}
