//! Errors as `application/problem+json` (RFC 9457), and which error of a service becomes which.

use std::{borrow::Cow, error::Error};

use axum_core::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode};
use tower::load_shed::error::Overloaded;

use super::{Refusal, typed};
use crate::body::BoxError;
use crate::protocol::{PROBLEM_JSON, RequestId, problem_body};

/// An error as `application/problem+json` (RFC 9457).
///
/// `type` is `about:blank`, so `title` is the reason phrase of the status and `detail` says what happened this time. The
/// framework's own errors carry the id of the request as `request_id`.
///
/// ```
/// use http::StatusCode;
/// use slotbus::response::{IntoResponse, Problem, Response};
///
/// enum AppError { NoSuchUser(u64) }
///
/// impl IntoResponse for AppError {
///     fn into_response(self) -> Response {
///         match self {
///             Self::NoSuchUser(id) => Problem::new(StatusCode::NOT_FOUND)
///                 .detail(format!("there is no user {id}"))
///                 .into_response(),
///         }
///     }
/// }
/// # assert_eq!(AppError::NoSuchUser(7).into_response().status(), 404);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Problem {
    pub(super) status: StatusCode,
    pub(super) detail: Option<Cow<'static, str>>,
    pub(super) request_id: Option<RequestId>,
}

impl Problem {
    /// A problem that says no more than its status.
    pub fn new(status: StatusCode) -> Self {
        Self { status, detail: None, request_id: None }
    }

    /// What went wrong with this request, for whoever sent it.
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The request this is about.
    pub fn request_id(mut self, id: impl Into<Option<RequestId>>) -> Self {
        self.request_id = id.into();
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, detail, request_id } = &self;
        let body = problem_body(*status, detail.as_deref(), request_id.as_ref());
        let mut response = typed(HeaderValue::from_static(PROBLEM_JSON), body.into());
        *response.status_mut() = *status;
        response
    }
}

/// What a request whose service failed is refused with: 504 for a time-out, 503 for an overload, else 500.
///
/// The cause may stand anywhere in the chain of sources, since layers like to wrap errors. What a 500 was is for the
/// log, not for the client.
pub(crate) fn refusal_of(error: BoxError, id: Option<&RequestId>) -> Refusal {
    let (status, detail) = known(&*error).unwrap_or_else(|| {
        tracing::error!(
            request_id = id.map(tracing::field::display),
            error = &*error as &(dyn Error + 'static),
            "service failed"
        );
        (StatusCode::INTERNAL_SERVER_ERROR, "the service failed")
    });
    Refusal::because(Problem::new(status).detail(detail).request_id(id.copied()), error)
}

/// The status and detail of the first error in the chain that has its own.
fn known(error: &(dyn Error + 'static)) -> Option<(StatusCode, &'static str)> {
    if is_timeout(error) {
        Some((StatusCode::GATEWAY_TIMEOUT, "the service did not answer in time"))
    } else if error.is::<Overloaded>() {
        Some((StatusCode::SERVICE_UNAVAILABLE, "the service is overloaded"))
    } else {
        error.source().and_then(known)
    }
}

#[cfg(feature = "tokio")]
fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    error.is::<tower::timeout::error::Elapsed>()
}

#[cfg(not(feature = "tokio"))]
fn is_timeout(_: &(dyn Error + 'static)) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("wrapped")]
    struct Wrapped(#[source] BoxError);

    fn status(error: impl Into<BoxError>) -> StatusCode {
        refusal_of(error.into(), None).status()
    }

    #[test]
    fn an_overload_is_503_and_any_other_error_500() {
        assert_eq!(status(Overloaded::new()), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(status("boom"), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[cfg(feature = "tokio")]
    #[test]
    fn a_timeout_is_504() {
        assert_eq!(status(tower::timeout::error::Elapsed::new()), StatusCode::GATEWAY_TIMEOUT);
    }

    #[test]
    fn a_wrapped_cause_is_found() {
        assert_eq!(status(Wrapped(Wrapped(Overloaded::new().into()).into())), StatusCode::SERVICE_UNAVAILABLE);
    }

    #[tokio::test]
    async fn the_answer_names_the_request() {
        let id = RequestId::new("req-7").unwrap();
        let response = refusal_of("boom".into(), Some(&id)).into_response();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&problem["request_id"], &problem["status"]), (&"req-7".into(), &500.into()));
    }
}
