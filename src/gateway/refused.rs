//! What the gateway answers by itself: problems, with the headers that belong to their status.

use std::borrow::Cow;

use axum_core::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::client_body::BodyFault;
use super::table::Conflict;
use super::worker::Unanswered;
use crate::hub::CallError;
use crate::protocol::RequestId;
use crate::response::Problem;

/// Seconds after which a client may try again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// What a client may send again.
const RETRIED: [StatusCode; 2] = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS];

/// A request that the gateway answers itself.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) detail: Cow<'static, str>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refused {
    pub(super) fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        let header = RETRIED.contains(&status).then_some((header::RETRY_AFTER, RETRY_AFTER));
        Self { status, detail: detail.into(), header }
    }

    pub(super) fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(super) fn internal(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    pub(super) fn not_allowed(allowed: HeaderValue) -> Self {
        let refused = Self::new(StatusCode::METHOD_NOT_ALLOWED, "no worker has registered this method for the path");
        Self { header: Some((header::ALLOW, allowed)), ..refused }
    }

    pub(super) fn into_response(self, id: RequestId) -> Response {
        let Self { status, detail, header } = self;
        let mut response = Problem::new(status).detail(detail).request_id(id).into_response();
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<Conflict> for Refused {
    fn from(conflict: Conflict) -> Self {
        Self::new(StatusCode::CONFLICT, conflict.to_string())
    }
}

impl From<&BodyFault> for Refused {
    fn from(fault: &BodyFault) -> Self {
        let status = match fault {
            BodyFault::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
            BodyFault::Slow(_) => StatusCode::REQUEST_TIMEOUT,
            BodyFault::Broken(_) => StatusCode::BAD_REQUEST,
        };
        Self::new(status, fault.to_string())
    }
}

impl From<Unanswered> for Refused {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::NoWorker(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, unanswered.to_string()),
            Unanswered::Left(_) => Self::new(StatusCode::BAD_GATEWAY, unanswered.to_string()),
            Unanswered::Call(error) => error.into(),
        }
    }
}

impl From<CallError> for Refused {
    fn from(error: CallError) -> Self {
        let detail = match &error {
            CallError::Closed => "the worker is being replaced".to_owned(),
            CallError::Interrupted => {
                "the worker was replaced over the request, which it may have carried out".to_owned()
            }
            // What to do about it is for whoever runs the gateway.
            CallError::Unclaimed(after) => format!("no worker has taken the request within {after:?}"),
            error => error.to_string(),
        };
        Self::new(error.status(), detail)
    }
}
