//! A request and a response as they came out of shared memory: private copies, taken once.
//!
//! Nothing in them changes when a peer writes on. Their meta is decoded from the copy, by whoever needs it.

use std::io;

use bytes::Bytes;
use http::header::HeaderName;
use http::{Method, StatusCode};

use super::caller::Caller;
use super::decode::{self, HeaderList, RequestHead};
use super::heap::RangeError;
use super::request_id::{RequestId, RequestIdError};

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
    /// Who waits for the answer; `None` where the hub does not tell.
    pub(crate) caller: Option<Caller>,
}

impl Call {
    /// Whether this is the liveness probe of a published hub.
    #[inline]
    pub(crate) fn is_ping(&self) -> bool {
        // The path is the record's first field, behind its length.
        self.from_published_hub && self.method == Method::GET && self.meta.starts_with(b"\x09/__ping__")
    }

    /// Decodes a call's meta from the private copy, up to its headers.
    pub(crate) fn head(meta: &Bytes) -> Result<(RequestHead<'_>, HeaderList<'_>), CallError> {
        decode::request_head(meta).map_err(CallError::Meta)
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
    #[error("{count} headers exceed the limit of {limit}")]
    TooManyHeaders { count: usize, limit: usize },
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
            Self::TooManyHeaders { .. } => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            // The request was well formed; the hub took its body away.
            Self::Overflow { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
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
    /// Decodes the meta from the private copy, up to its headers: its content type.
    pub(crate) fn head(&self) -> Result<(&[u8], HeaderList<'_>), ReplyError> {
        decode::response_head(&self.meta).map_err(ReplyError::Meta)
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
    #[error("{count} headers exceed the limit of {limit}")]
    TooManyHeaders {
        /// How many there are.
        count: usize,
        /// How many are accepted.
        limit: usize,
    },
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
