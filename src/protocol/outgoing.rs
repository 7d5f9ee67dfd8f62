//! A request and a response about to be written: HTTP values that were checked to have a place on the wire.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};

use super::meta::{OutgoingRequestMeta, OutgoingResponseMeta, is_text};
use super::method::encode_method;
use super::problem::{PROBLEM_JSON, problem_body};
use super::request_id::RequestId;

/// A body in pieces, as frames arrived; copied piece by piece, never joined first.
#[derive(Debug, Default, Clone)]
pub(crate) struct Segments {
    first: Bytes,
    rest: Vec<Bytes>,
    len: usize,
}

impl Segments {
    /// Appends a piece.
    pub(crate) fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        self.len += piece.len();
        if self.first.is_empty() {
            self.first = piece;
        } else {
            self.rest.push(piece);
        }
    }

    /// Length of all pieces in bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The one piece, when there is no other.
    pub(crate) fn only(&self) -> Option<&Bytes> {
        self.rest.is_empty().then_some(&self.first)
    }

    /// The pieces in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(&self.first).chain(&self.rest).map(|piece| &piece[..])
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
pub enum WireError {
    /// The wire knows seven methods.
    #[error("method {0} has no code on the wire: use GET, POST, PUT, DELETE, PATCH, HEAD or OPTIONS")]
    Method(Method),
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

impl WireError {
    /// Checks that there are at most `limit` headers.
    pub(crate) fn check_count(headers: &HeaderMap, limit: usize) -> Result<(), Self> {
        match headers.len() {
            count if count > limit => Err(Self::TooManyHeaders { count, limit }),
            _ => Ok(()),
        }
    }
}

fn check_headers(headers: &HeaderMap) -> Result<(), WireError> {
    match headers.iter().find(|(_, value)| !is_text(value.as_bytes())) {
        Some((name, _)) => Err(WireError::HeaderValue(name.clone())),
        None => Ok(()),
    }
}

/// A response, ready to be written into its slot.
#[derive(Debug)]
pub(crate) struct OutgoingReply {
    status: StatusCode,
    headers: HeaderMap,
    body: Segments,
}

impl OutgoingReply {
    /// Takes a response whose headers the wire can carry.
    #[inline]
    pub(crate) fn new(status: StatusCode, headers: HeaderMap, body: Segments) -> Result<Self, WireError> {
        check_headers(&headers)?;
        Ok(Self { status, headers, body })
    }

    /// An error that this crate answers with by itself.
    pub(crate) fn problem(status: StatusCode, detail: &str, id: Option<&RequestId>) -> Self {
        let mut headers = HeaderMap::with_capacity(1);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        Self { status, headers, body: Bytes::from(problem_body(status, Some(detail), id)).into() }
    }

    /// The shortest answer there is: a status, no header, no body.
    pub(crate) fn bare(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Segments::default() }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn meta(&self) -> OutgoingResponseMeta<'_> {
        OutgoingResponseMeta { headers: &self.headers }
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
    target: http::Uri,
    route: Route,
    headers: HeaderMap,
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
    /// Takes a request that the wire can carry.
    pub(crate) fn new(
        id: RequestId,
        method: &Method,
        target: http::Uri,
        route: Route,
        headers: HeaderMap,
        body: Segments,
    ) -> Result<Self, WireError> {
        let method = encode_method(method).ok_or_else(|| WireError::Method(method.clone()))?;
        check_headers(&headers)?;
        Ok(Self { id, method, target, route, headers, body })
    }

    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    pub(crate) fn set_body(&mut self, body: Segments) {
        self.body = body;
    }

    pub(crate) fn method(&self) -> u8 {
        self.method
    }

    pub(crate) fn meta(&self) -> OutgoingRequestMeta<'_> {
        OutgoingRequestMeta {
            path: self.target.path(),
            route_pattern: &self.route.pattern,
            path_params: &self.route.params,
            query: self.target.query(),
            headers: &self.headers,
        }
    }

    pub(crate) fn body(&self) -> &Segments {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            OutgoingCall::new(id, &method, "/".parse().unwrap(), Route::default(), headers, Segments::default())
        };
        assert_eq!(call(Method::TRACE, HeaderMap::new()).unwrap_err(), WireError::Method(Method::TRACE));
        let headers = HeaderMap::from_iter([(http::header::ETAG, http::HeaderValue::from_bytes(b"\xff").unwrap())]);
        assert_eq!(call(Method::GET, headers).unwrap_err(), WireError::HeaderValue(http::header::ETAG));
    }
}
