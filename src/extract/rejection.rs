//! Why an argument could not be made, as an answer.

use std::{error::Error, fmt};

use axum_core::response::{IntoResponse, Response};
use http::{Extensions, StatusCode};

use crate::{http::context::CallContext, protocol::RequestId, response::Problem};

/// A reason for which an extractor refuses a request.
pub trait Reason: Error + Send + Sync + 'static {
    /// The status it is answered with.
    fn status(&self) -> StatusCode;
}

/// A refused request: the reason, and the request it is about.
///
/// As a response it is a [`Problem`] with the reason as its detail. A reason that is the program's own fault (status 5xx)
/// is logged instead of told.
///
/// Ask for a `Result` to handle it yourself:
///
/// ```
/// use slotbus::{Json, extract::{JsonError, JsonRejection}};
///
/// #[slotbus::handler(POST, "/names")]
/// async fn create(names: Result<Json<Vec<String>>, JsonRejection>) -> String {
///     match names {
///         Ok(Json(names)) => format!("{} names", names.len()),
///         Err(rejection) => match rejection.reason() {
///             JsonError::Data(error) => format!("not names: {error}"),
///             _ => rejection.to_string(),
///         },
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Rejection<R> {
    reason: R,
    request_id: Option<RequestId>,
}

impl<R: Reason> Rejection<R> {
    /// For a request with these extensions.
    pub(crate) fn new(reason: R, extensions: &Extensions) -> Self {
        Self { reason, request_id: CallContext::id_in(extensions) }
    }

    /// For a request whose extensions are gone.
    pub(crate) fn with_id(reason: R, request_id: Option<RequestId>) -> Self {
        Self { reason, request_id }
    }

    /// Why the request was refused.
    pub fn reason(&self) -> &R {
        &self.reason
    }

    /// Why the request was refused.
    pub fn into_reason(self) -> R {
        self.reason
    }

    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        self.reason.status()
    }
}

impl<R: Reason> IntoResponse for Rejection<R> {
    fn into_response(self) -> Response {
        let Self { reason, request_id } = self;
        let problem = Problem::new(reason.status()).request_id(request_id);
        if !reason.status().is_server_error() {
            return problem.detail(reason.to_string()).into_response();
        }
        tracing::error!(
            request_id = request_id.as_ref().map(tracing::field::display),
            error = &reason as &(dyn Error + 'static),
            "an argument of the handler cannot be made"
        );
        problem.detail("the handler does not fit its route").into_response()
    }
}

impl<R: fmt::Display> fmt::Display for Rejection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<R: Error> Error for Rejection<R> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.reason.source()
    }
}
