//! What goes wrong between a worker and an HTTP hub.

use std::time::Duration;

use http::StatusCode;

use crate::report::reported;

/// Why a hub could not be told or asked.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// The address is none.
    #[error("{url:?} is no address of a hub: {reason}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The secret cannot stand in a header.
    #[error("the hub's secret has characters that no header can carry")]
    Secret,
    /// Nobody answers at the address.
    #[error("the hub at {url} cannot be reached")]
    Unreachable {
        /// The address.
        url: String,
        /// What the connection said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The hub took too long.
    #[error("the hub at {url} did not answer within {waited:?}")]
    Silent {
        /// The address.
        url: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// No registration succeeded in time.
    #[error("no hub at {url} took the registration within {waited:?}: start it, or see that the address is right")]
    NotReached {
        /// The address.
        url: String,
        /// How long.
        waited: Duration,
    },
    /// The hub said no.
    #[error("the hub at {url} answered {status}: {body}")]
    Refused {
        /// The address.
        url: String,
        /// The status.
        status: StatusCode,
        /// The beginning of what it said.
        body: String,
    },
    /// The hub's answer is not what it should be.
    #[error("what is at {url} is no hub: its answer to {path} makes no sense")]
    Answer {
        /// The address.
        url: String,
        /// The path that was asked for.
        path: String,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A stream was declared that has no route.
    #[error("there is no GET {0} among the routes, which is to be a stream")]
    Stream(String),
    /// The hub gave a bus that is none.
    #[error("the hub named the region {0:?}, which is none of prefix and name")]
    Region(String),
}

reported!(HubError);

impl HubError {
    /// Whether the same request may succeed a moment later.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } => true,
            Self::Refused { status, .. } => {
                let passing = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
                status.is_server_error() || passing.contains(status)
            }
            _ => false,
        }
    }
}
