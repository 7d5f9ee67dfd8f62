//! A request as data, so that it can be sent twice, printed, and made smaller.

use std::fmt;

use bytes::Bytes;
use futures::stream;
use http::{HeaderName, HeaderValue, Method, Request, header};
use slotbus::Body;

/// One request.
#[derive(Clone, PartialEq)]
pub(crate) struct Case {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    /// Whether the body's length is not told before it.
    pub(crate) streamed: bool,
}

impl Case {
    pub(crate) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((HeaderName::from_static(name), HeaderValue::from_static(value)));
        self
    }

    pub(crate) fn json(self) -> Self {
        self.header("content-type", "application/json")
    }

    pub(crate) fn form(self) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    /// The path alone.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The request of it.
    pub(crate) fn request(&self) -> Request<Body> {
        let mut request = Request::builder().method(&self.method).uri(&self.target).header(header::HOST, "localhost");
        if !self.body.is_empty() && !self.streamed {
            request = request.header(header::CONTENT_LENGTH, self.body.len());
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let body = if self.streamed {
            let (one, two) = (self.body.slice(..self.body.len() / 2), self.body.slice(self.body.len() / 2..));
            Body::from_stream(stream::iter([one, two].map(Ok::<_, std::io::Error>)))
        } else {
            Body::from(self.body.clone())
        };
        request.body(body).expect("a case is a request")
    }
}

/// As on a wire: the head line by line, then the body, or the beginning of a long one.
impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, target, headers, body, streamed } = self;
        writeln!(f, "{method} {target}")?;
        for (name, value) in headers {
            writeln!(f, "{name}: {value:?}")?;
        }
        let how = if *streamed { ", streamed" } else { "" };
        write!(f, "{} bytes{how}: {:?}", body.len(), body.slice(..body.len().min(1000)))
    }
}

/// A request with a body and without headers.
pub(crate) fn case(method: Method, target: &str, body: impl Into<Bytes>) -> Case {
    Case { method, target: target.to_owned(), headers: Vec::new(), body: body.into(), streamed: false }
}

/// A GET without a body.
pub(crate) fn get(target: &str) -> Case {
    case(Method::GET, target, "")
}

/// A POST of `body`.
pub(crate) fn post(target: &str, body: impl Into<Bytes>) -> Case {
    case(Method::POST, target, body)
}
