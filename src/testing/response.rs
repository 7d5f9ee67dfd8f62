//! An answer and what a test says about it.

use std::fmt;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::body::Body;
use crate::hub::CallError;
use crate::protocol::PROBLEM_JSON;

/// The answer to a [`TestRequest`](super::TestRequest), its body read.
///
/// An assertion that does not hold panics with the whole answer, at the line of the test. A call that brought no answer has the
/// status that a gateway would answer ([`CallError::status`]), no headers, no body, and an [`error`](Self::error).
#[derive(Debug)]
pub struct TestResponse {
    /// Method and target.
    request: String,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    error: Option<CallError>,
}

impl TestResponse {
    pub(super) async fn of(request: String, result: Result<Response<Body>, CallError>) -> Self {
        match result {
            Ok(response) => Self::read(request, response).await,
            Err(error) => {
                let (headers, body) = Default::default();
                Self { request, status: error.status(), headers, body, error: Some(error) }
            }
        }
    }

    /// Reads the body of a response that came another way, as from [`Hub::call`](crate::hub::Hub::call) or a service.
    ///
    /// # Panics
    /// When the body fails.
    pub async fn from_response<B>(response: Response<B>) -> Self
    where
        B: http_body::Body,
        B::Error: fmt::Debug,
    {
        Self::read("a response".to_owned(), response).await
    }

    async fn read<B>(request: String, response: Response<B>) -> Self
    where
        B: http_body::Body,
        B::Error: fmt::Debug,
    {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("the body can be read").to_bytes();
        Self { request, status: parts.status, headers: parts.headers, body, error: None }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The first header of this name; none when there is no such header.
    ///
    /// # Panics
    /// When its value is no visible ASCII text.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?;
        Some(value.to_str().unwrap_or_else(|_| panic!("header {name} is no text\n{self}")))
    }

    /// The body.
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The body as text.
    ///
    /// # Panics
    /// When it is not UTF-8.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_else(|error| panic!("the body is no text: {error}\n{self}"))
    }

    /// The body, read as JSON whatever its content type.
    ///
    /// # Panics
    /// When it is no JSON of a `T`.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("the body is no JSON of a {}: {error}\n{self}", std::any::type_name::<T>());
        })
    }

    /// Why there was no answer, if there was none.
    pub fn error(&self) -> Option<&CallError> {
        self.error.as_ref()
    }

    /// The answer as a response.
    ///
    /// # Errors
    /// When there was none.
    pub fn into_response(self) -> Result<Response<Body>, CallError> {
        let Self { request: _, status, headers, body, error } = self;
        if let Some(error) = error {
            return Err(error);
        }
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    /// Checks the status: a number or a [`StatusCode`].
    ///
    /// # Panics
    /// When it is another, or `expected` is no status.
    #[track_caller]
    pub fn assert_status(&self, expected: impl TryInto<StatusCode, Error: fmt::Debug>) -> &Self {
        let expected = expected.try_into().expect("the status that is expected is a status");
        assert!(self.status == expected, "expected status {}, got\n{self}", expected.as_u16());
        self
    }

    /// Checks that there is a header of this name whose first value is this one.
    ///
    /// # Panics
    /// When there is none or another.
    #[track_caller]
    pub fn assert_header(&self, name: &str, expected: &str) -> &Self {
        let found = self.headers.get(name).is_some_and(|value| value.as_bytes() == expected.as_bytes());
        assert!(found, "expected header {name}: {expected}, got\n{self}");
        self
    }

    /// Checks the body's text.
    ///
    /// # Panics
    /// When it is another.
    #[track_caller]
    pub fn assert_text(&self, expected: impl AsRef<str>) -> &Self {
        let expected = expected.as_ref();
        assert!(self.body == expected.as_bytes(), "expected the text {expected:?}, got\n{self}");
        self
    }

    /// Checks that the body is this value in JSON, however it is laid out, and that its content type says so.
    ///
    /// # Panics
    /// When it is another or none, or `expected` cannot be JSON.
    #[track_caller]
    pub fn assert_json<T: Serialize + ?Sized>(&self, expected: &T) -> &Self {
        let expected = serde_json::to_value(expected).expect("the value that is expected is JSON");
        let found = serde_json::from_slice::<serde_json::Value>(&self.body);
        // Whatever its parameters.
        let content_type = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let says_so = content_type.split(';').next().is_some_and(|found| found.trim() == "application/json");
        assert!(says_so && found.is_ok_and(|found| found == expected), "expected the JSON {expected}, got\n{self}");
        self
    }

    /// Checks that this is a problem of that status (RFC 9457), as the framework answers errors, and returns its detail; empty
    /// when it has none.
    ///
    /// # Panics
    /// When it is anything else.
    #[track_caller]
    pub fn assert_problem(&self, status: impl TryInto<StatusCode, Error: fmt::Debug>) -> String {
        self.assert_status(status);
        let problem = serde_json::from_slice::<serde_json::Value>(&self.body).unwrap_or_default();
        let is_problem = self.headers.get(CONTENT_TYPE).is_some_and(|found| found == PROBLEM_JSON)
            && problem["type"] == "about:blank"
            && problem["status"] == self.status.as_u16()
            && problem["title"].as_str() == self.status.canonical_reason();
        assert!(is_problem, "expected a problem, got\n{self}");
        problem["detail"].as_str().unwrap_or_default().to_owned()
    }
}

/// The whole answer: what was asked, status, headers and body.
impl fmt::Display for TestResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request, status, headers, body, error } = self;
        if let Some(error) = error {
            write!(f, "{request}: no answer, for a gateway {status}: {error}")?;
            let mut source = std::error::Error::source(error);
            while let Some(cause) = source {
                write!(f, ": {cause}")?;
                source = cause.source();
            }
            return Ok(());
        }
        writeln!(f, "{request}: {status}")?;
        for (name, value) in headers {
            writeln!(f, "{name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
        }
        match std::str::from_utf8(body) {
            Ok(text) => write!(f, "\n{text}"),
            Err(_) => write!(f, "\n{} bytes that are no text: {:?}", body.len(), body),
        }
    }
}
