//! Where a call of the bus meets `http::Request`, and `http::Response` a reply of the bus, both ways.
//!
//! May use `response`, `protocol` and `body`. What stays true: what HTTP forbids never becomes an HTTP type by force, and what the
//! wire cannot carry never reaches it; either is an error that names the thing.

pub(crate) mod context;
mod deadline;
mod header_builder;
mod incoming;
mod known;
mod limit;
mod lists;
mod names;
mod outgoing;
pub(crate) mod pattern;
mod refuser;
mod spare;
mod target;
mod whole;

pub use self::deadline::Deadline;
#[cfg(any(fuzzing, test, feature = "__bench"))]
pub(crate) use self::incoming::call_to_request;
pub(crate) use self::incoming::{put_request, reply_to_response};
pub(crate) use self::limit::limit_body;
pub(crate) use self::outgoing::{BodyCollector, CollectError, has_body, reply_of, request_to_call};
pub use self::refuser::RefusedRequest;
pub(crate) use self::refuser::{RefusalMap, Refuser};
pub(crate) use self::spare::{let_go, reclaim};
pub(crate) use self::whole::{allowed_len, take_body, take_text, whole_body};
