//! An OpenAPI 3.1 document of what a router declares.
//!
//! `#[slotbus::handler]` knows the types of a function and not what they are; the compiler knows what they are and not that
//! anybody asks. So the attribute asks about each type by a `probe`, which is answered by what stands in `arguments` and
//! `answers` for the types of this crate, with a schema where their parameter has one, and by nothing for all others. The
//! answers are a [`Signature`]: plain data. Of signatures and patterns the `document` is made, one `operation` at a time.
//!
//! Nothing here runs before [`Router::openapi`](crate::Router::openapi) is called, and no type needs to implement anything
//! for a router that never calls it.
//!
//! The guide `guides::openapi` shows it in use.

mod document;
mod tag;
mod paths;
mod names;
mod operation;
mod parameters;
mod responses;
mod schemas;
mod problem;
mod signature;
mod probe;
mod arguments;
mod answers;

pub(crate) use self::paths::Described;
pub(crate) use self::signature::Signature;
pub use self::{
    document::OpenApi,
    tag::{Server, Tag},
};

/// What `__describe!` writes paths to; no part of the interface.
#[doc(hidden)]
pub mod private {
    pub use super::probe::{Answers, Probe, Splits, Takes, Unnamed};
    pub use super::signature::Signature;
}
