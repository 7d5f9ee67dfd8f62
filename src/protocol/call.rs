//! A request and a response on their way: what came out of shared memory, and what goes in.
//!
//! `Call` and `Reply` are private copies, taken once; nothing in them changes when a peer writes on. The `Outgoing`
//! ones hold HTTP values that were checked to have a place on the wire.

use std::io;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use http::{Method, StatusCode};

use super::geometry::RangeError;
use super::meta::{OutgoingRequestMeta, OutgoingResponseMeta, RequestMetaRef, ResponseMetaRef, text};
use super::method::encode_method;
use super::request_id::{RequestId, RequestIdError};

/// The most headers a message may have, in either direction.
pub(crate) const MAX_HEADERS: usize = 256;

/// A request, copied out of its slot.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: RequestId,
    pub(crate) method: Method,
    /// The postcard `RequestMeta`, not decoded yet.
    pub(crate) meta: Bytes,
    pub(crate) body: Bytes,
    /// Whether the hub announces no extension: then its pings are answered by the worker itself.
    pub(crate) from_published_hub: bool,
}

impl Call {
    /// Whether this is the liveness probe of a published hub.
    pub(crate) fn is_ping(&self) -> bool {
        self.from_published_hub && self.method == Method::GET && self.meta().is_ok_and(|meta| meta.path == "/__ping__")
    }

    /// Decodes the meta from the private copy.
    pub(crate) fn meta(&self) -> Result<RequestMetaRef<'_>, CallError> {
        let meta: RequestMetaRef<'_> = postcard::from_bytes(&self.meta).map_err(CallError::Meta)?;
        if meta.headers.len() > MAX_HEADERS {
            return Err(CallError::TooManyHeaders(meta.headers.len()));
        }
        Ok(meta)
    }
}

/// Why a claimed slot holds no request that can be run. It is answered with [`CallError::status`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error(transparent)]
    Id(#[from] RequestIdError),
    #[error("method code {0} is unknown")]
    Method(u8),
    #[error("meta {0}")]
    MetaRange(RangeError),
    #[error("body {0}")]
    BodyRange(RangeError),
    #[error("the meta is no postcard RequestMeta")]
    Meta(#[source] postcard::Error),
    #[error("{0} headers exceed the limit of {MAX_HEADERS}")]
    TooManyHeaders(usize),
    #[error("a body of {len} bytes exceeds the limit of {limit}")]
    BodyTooLarge { len: u32, limit: usize },
    #[error("overflow object {name} could not be read")]
    Overflow { name: String, source: io::Error },
    #[error("header name {0:?} is not allowed in http")]
    HeaderName(String),
    #[error("the value of header {0} is not allowed in http")]
    HeaderValue(HeaderName),
    #[error("path and query {0:?} are no request target")]
    Target(String),
}

impl CallError {
    /// The answer that says so.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Method(_) => StatusCode::NOT_IMPLEMENTED,
            Self::TooManyHeaders(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            // The request was well formed; the hub took its body away.
            Self::Overflow { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

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
    #[error("{0} headers exceed the limit of {MAX_HEADERS}")]
    TooManyHeaders(usize),
    /// Path, parameters, query and headers together are too long.
    #[error("a meta of {len} bytes exceeds the limit of {limit}")]
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

fn check_headers(headers: &HeaderMap) -> Result<(), WireError> {
    if headers.len() > MAX_HEADERS {
        return Err(WireError::TooManyHeaders(headers.len()));
    }
    match headers.iter().find(|(_, value)| text(value).is_none()) {
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
    pub(crate) fn new(status: StatusCode, headers: HeaderMap, body: Segments) -> Result<Self, WireError> {
        check_headers(&headers)?;
        Ok(Self { status, headers, body })
    }

    /// An error made below HTTP, with a line of text.
    pub(crate) fn error(status: StatusCode, detail: String) -> Self {
        let mut headers = HeaderMap::with_capacity(1);
        headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("text/plain; charset=utf-8"));
        Self { status, headers, body: Bytes::from(detail).into() }
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

/// A response, copied out of its slot.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The postcard `ResponseMeta`, not decoded yet.
    pub(crate) meta: Bytes,
    pub(crate) body: Bytes,
}

impl Reply {
    /// Decodes the meta from the private copy.
    pub(crate) fn meta(&self) -> Result<ResponseMetaRef<'_>, ReplyError> {
        let meta: ResponseMetaRef<'_> = postcard::from_bytes(&self.meta).map_err(ReplyError::Meta)?;
        if meta.headers.len() > MAX_HEADERS {
            return Err(ReplyError::TooManyHeaders(meta.headers.len()));
        }
        Ok(meta)
    }
}

/// Why a finished slot holds no response.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// The meta lies outside the heap.
    #[error("response meta {0}")]
    MetaRange(RangeError),
    /// The body lies outside the heap.
    #[error("response body {0}")]
    BodyRange(RangeError),
    /// The meta cannot be decoded.
    #[error("the meta is no postcard ResponseMeta")]
    Meta(#[source] postcard::Error),
    /// More headers than a message may have.
    #[error("{0} headers exceed the limit of {MAX_HEADERS}")]
    TooManyHeaders(usize),
    /// A body longer than the hub accepts.
    #[error("a response body of {len} bytes exceeds the limit of {limit}")]
    BodyTooLarge {
        /// Length in bytes.
        len: u32,
        /// What is accepted in bytes.
        limit: usize,
    },
    /// The body's overflow object is gone or too short.
    #[error("overflow object {name} could not be read")]
    Overflow {
        /// Name of the object.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// A status below 100 or above 999.
    #[error("status {0} is no http status")]
    Status(u16),
    /// A header that HTTP forbids.
    #[error("response header {0:?} is not allowed in http")]
    Header(String),
    /// The worker answered another dispatch than this one.
    #[error("the response carries ticket {found} instead of {expected}")]
    Ticket {
        /// The ticket in the slot.
        found: u64,
        /// The ticket of this dispatch.
        expected: u64,
    },
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
    fn sixty_thousand_empty_headers_are_answered_431() {
        let mut meta = vec![0, 0, 0, 0, 0xE0, 0xD4, 0x03];
        meta.extend(std::iter::repeat_n(0, 2 * 60_000));
        let call = Call {
            id: RequestId::new("x").unwrap(),
            method: Method::GET,
            meta: meta.into(),
            body: Bytes::new(),
            from_published_hub: false,
        };
        let error = call.meta().unwrap_err();
        assert_eq!(error.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        assert_eq!(error.to_string(), "60000 headers exceed the limit of 256");
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
