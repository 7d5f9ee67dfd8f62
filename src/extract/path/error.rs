//! Why the parameters of a path are not what the handler asked for.

use std::fmt;

use http::StatusCode;
use serde::de;

use crate::extract::{Reason, Rejection};

/// Why the parameters of a path are not what the handler asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// The value is not one of that type. Answered 400.
    #[error("path parameter `{name}`: `{value}`: {reason}")]
    Value {
        /// The parameter.
        name: String,
        /// Its value, decoded.
        value: String,
        /// What the type says about it.
        reason: String,
    },
    /// The value has a broken percent-encoding, or is not UTF-8 once decoded. Answered 400.
    #[error("path parameter `{name}`: `{value}` is not percent-encoded utf-8")]
    Encoding {
        /// The parameter.
        name: String,
        /// Its value as it stands in the path.
        value: String,
    },
    /// The values do not go together. Answered 400.
    #[error("{0}")]
    Refused(String),
    /// The type takes another number of parameters than the pattern has. Answered 500.
    #[error("the pattern has {got} parameters, the handler takes {expected}")]
    Count {
        /// How many the type takes.
        expected: usize,
        /// How many the pattern has.
        got: usize,
    },
    /// The type has a field that the pattern has no parameter for. Answered 500.
    #[error("the pattern has no parameter `{0}`")]
    Missing(&'static str),
    /// The pattern has a parameter that the type forbids. Answered 500.
    #[error("the handler takes no parameter `{0}`, which the pattern has")]
    Unexpected(String),
    /// The type cannot be made of text. Answered 500.
    #[error("a path parameter cannot be {0}")]
    Unsupported(&'static str),
    /// No route was chosen: the function runs as a fallback, or without a router. Answered 500.
    #[error("no route was chosen for the request")]
    NoRoute,
}

/// What [`Path`](super::Path) is refused with.
pub type PathRejection = Rejection<PathError>;

impl PathError {
    /// Adds the parameter to what its type said about the value.
    pub(super) fn at(self, name: &str, value: &str) -> Self {
        match self {
            Self::Refused(reason) => Self::Value { name: name.to_owned(), value: value.to_owned(), reason },
            located => located,
        }
    }
}

impl Reason for PathError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Value { .. } | Self::Encoding { .. } | Self::Refused(_) => StatusCode::BAD_REQUEST,
            Self::Count { .. } | Self::Missing(_) | Self::Unexpected(_) | Self::Unsupported(_) | Self::NoRoute => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}

impl de::Error for PathError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Refused(message.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::Unexpected(field.to_owned())
    }
}
