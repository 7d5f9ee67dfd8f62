//! Errors as `application/problem+json` (RFC 9457): the one record for all that the crate answers by itself.

use http::StatusCode;
use serde::Serialize;

use super::request_id::RequestId;

/// The content type of a problem.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// The body of a problem.
pub(crate) fn problem_body(status: StatusCode, detail: Option<&str>, id: Option<&RequestId>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Members<'a> {
        r#type: &'static str,
        title: &'static str,
        status: u16,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<&'a str>,
    }

    let members = Members {
        r#type: "about:blank",
        title: status.canonical_reason().unwrap_or("Unknown Error"),
        status: status.as_u16(),
        detail,
        request_id: id.map(RequestId::as_str),
    };
    serde_json::to_vec(&members).expect("strings and a number always serialise")
}
