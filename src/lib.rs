//! Run a part of a Rust program in a process of its own.
#![cfg_attr(docsrs, feature(doc_cfg))]

// The macro writes `::slotbus::`, in the tests of this crate too.
#[cfg(test)]
extern crate self as slotbus;

mod serve;
pub mod routing;
mod handler;
pub mod extract;
pub mod response;
mod http;
pub mod body;
mod worker;
pub mod hub;
mod slot;
mod bus;
mod region;
mod signal;
mod lock;
mod shm;
mod protocol;
mod sync;
pub mod types;

pub use self::body::Body;
pub use self::bus::BusError;
pub use self::extract::{Extension, Form, Json, MatchedPath, Path, Query, State};
pub use self::protocol::{BusName, NameError, RequestId, RequestIdError, Version};
pub use self::routing::Router;
#[cfg(feature = "tokio")]
pub use self::serve::shutdown_signal;
pub use self::serve::{DEFAULT_MESSAGE_LIMIT, Error, NAME_VARIABLE, Serve, ServeFuture, serve};
#[cfg(feature = "macros")]
pub use slotbus_macros::handler;

/// What `#[handler]` writes paths to; no part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use axum_core::{
        extract::{FromRequest, FromRequestParts, Request},
        response::IntoResponse,
    };
    pub use http::Method;

    pub use crate::handler::{Declaration, Handler, ReadsNoBody, ResponseFuture, Shared, reads_no_body, sendable};
}
