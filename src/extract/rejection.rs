//! Why an argument could not be made, as an answer.

use std::{error::Error, fmt};

use axum_core::{
    extract::rejection::{BytesRejection, StringRejection},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};

use crate::{
    http::Refuser,
    report::causes,
    response::{Problem, Refusal},
};

/// A reason for which an extractor refuses a request.
pub trait Reason: Error + Send + Sync + 'static {
    /// The status it is answered with.
    fn status(&self) -> StatusCode;

    /// What the answer says of it: what it displays, unless it says otherwise here. Not told where the status is 5xx.
    fn detail(&self) -> String {
        self.to_string()
    }
}

impl Reason for BytesRejection {
    fn status(&self) -> StatusCode {
        self.status()
    }

    fn detail(&self) -> String {
        unread(self, self.status())
    }
}

impl Reason for StringRejection {
    fn status(&self) -> StatusCode {
        self.status()
    }

    fn detail(&self) -> String {
        match self {
            Self::InvalidUtf8(error) => match error.source() {
                Some(cause) => format!("the body is not utf-8: {cause}"),
                None => "the body is not utf-8".to_owned(),
            },
            other => unread(other, other.status()),
        }
    }
}

/// Why a body was not read to its end.
fn unread(error: &(dyn Error + 'static), status: StatusCode) -> String {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return "the body exceeds the limit".to_owned();
    }
    match causes(error).last() {
        Some(cause) => format!("the body could not be read: {cause}"),
        None => "the body could not be read".to_owned(),
    }
}

/// A refused request: the reason, and the request it is about.
///
/// As a response it is a [`Problem`] with the reason as its detail, or what
/// [`Router::map_rejection`](crate::Router::map_rejection) makes of it. A reason that is the program's own fault (status 5xx) is
/// logged instead of told.
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
    /// In a box, as a `Result` with it is moved about also when all is well.
    refuser: Box<Refuser>,
}

impl<R: Reason> Rejection<R> {
    /// Refuses the request with this head.
    pub fn new(reason: R, parts: &Parts) -> Self {
        Self::by(Refuser::of_parts(parts), reason)
    }

    /// Refuses a request that is gone.
    pub(crate) fn by(refuser: Refuser, reason: R) -> Self {
        Self { reason, refuser: Box::new(refuser) }
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
        let Self { reason, refuser } = self;
        let problem = refuser.about(Problem::new(reason.status()));
        let problem = if reason.status().is_server_error() {
            tracing::error!(
                request_id = refuser.request_id().map(tracing::field::display),
                route = refuser.route(),
                error = &reason as &(dyn Error + 'static),
                "an argument of the handler cannot be made"
            );
            problem
        } else {
            problem.detail(match refuser.exceeded_limit() {
                Some(limit) if reason.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                    format!("the body exceeds the limit of {limit} bytes")
                }
                _ => reason.detail(),
            })
        };
        refuser.answer(Refusal::because(problem, reason))
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
