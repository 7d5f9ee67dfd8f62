//! Run a part of a Rust program in a process of its own, and call it as if it were a function.
//!
//! A *hub* sends HTTP-shaped requests through shared memory, a *worker* answers them with any tower service: this
//! crate's [`Router`], an `axum::Router`, a `ServiceBuilder` stack. The worker has the crash isolation of a process, the
//! middleware of tower and axum, and the latency of a function call rather than of a socket.
//!
//! A worker:
//!
//! ```no_run
//! use slotbus::{Path, Router, handler, routes};
//!
//! #[handler(GET, "/hello/{name}")]
//! async fn hello(Path(name): Path<String>) -> String {
//!     format!("hello, {name}")
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), slotbus::Error> {
//!     let app = Router::new().routes(routes![hello]);
//!     slotbus::serve(app).name("greeter").with_graceful_shutdown(slotbus::shutdown_signal()).await
//! }
//! ```
//!
//! Its hub, in another process:
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let hub = slotbus::hub::Hub::builder("greeter").create()?;
//! let response = hub.call(http::Request::get("/hello/world").body(slotbus::Body::empty())?).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Promises
//!
//! - A claimed request is answered exactly once while its worker lives: a panic is answered 500, garbage 400, what is
//!   too large 413, a shutdown 503. A worker that dies is noticed by its hub within milliseconds, and its callers get an
//!   error.
//! - A handler whose caller gives up, or whose deadline passes, is told and dropped within 20 ms.
//! - A response never reaches another request: publishing compares the exact word that the claim wrote.
//! - A handler runs at most once for each request that is sent; nothing is retried behind your back.
//! - A hub never adopts or wipes a region: it replaces one whose hub is proven dead, and refuses any other.
//!
//! # Features
//!
//! - `tokio` (default): unfinished handlers run on the tokio runtime that awaits [`serve`]; `shutdown_signal`;
//!   `tower::timeout` errors are answered 504; the option `timeout` of handlers; `hub::RetryIdempotent`; `testing`. Without it,
//!   give [`Serve::executor`] any `futures::task::Spawn`.
//! - `macros` (default): `#[handler]`.
//! - `headers`: `extract::Header`, typed by the `headers` crate, which is re-exported.
//! - `openapi`: `Router::openapi`, an OpenAPI 3.1 document of what is declared, with the schemas of the `schemars` crate, which is
//!   re-exported; see `guides::openapi`.
//! - `metrics`: workers, hubs and gateways tell the recorder of the `metrics` crate; see `guides::observability`.
//! - `inspect`: what buses of this machine do, seen from beside.
//! - `register`: `Serve::hub`, a worker that registers with a hub that speaks HTTP and gets its bus from there; with `tokio`.
//! - `gateway`: such a hub, HTTP in front of workers that register with it; with `tokio`.
//! - `conformance`: checks a worker, in whatever language, against the protocol.
//! - `cli`: the program `slotbus`, which shows buses, calls them, cleans up after them, and is a gateway; with the five before.
//!
//! # Where to read on
//!
//! `guides` for one task each, from the first worker to deployment; [`serve`] for workers, [`hub`] for hubs, [`routing`] and
//! [`extract`] for handlers, `testing` for their tests, [`types`] for the bytes on the wire. Linux with glibc only.
#![cfg_attr(docsrs, feature(doc_cfg), doc(auto_cfg(hide(loom))))]

#[cfg(not(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64", target_endian = "little")))]
compile_error!(
    "slotbus speaks the shared-memory wire of 64-bit little-endian Linux with glibc, and of nothing else yet"
);

// The macro writes `::slotbus::`, in the tests of this crate too.
#[cfg(test)]
extern crate self as slotbus;

#[cfg(all(feature = "tokio", not(loom)))]
pub mod testing;
#[cfg(all(feature = "register", not(loom)))]
pub mod register;
#[cfg(all(feature = "gateway", not(loom)))]
pub mod gateway;
mod serve;
pub mod routing;
mod handler;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod extract;
pub mod response;
mod http;
pub mod body;
#[cfg(all(feature = "conformance", not(loom)))]
pub mod conformance;
#[cfg(all(any(feature = "register", feature = "gateway"), not(loom)))]
pub mod control;
#[cfg(all(feature = "inspect", not(loom)))]
pub mod inspect;
mod worker;
pub mod hub;
mod slot;
mod bus;
mod observe;
mod region;
mod signal;
mod lock;
mod shm;
mod report;
mod protocol;
mod sync;
mod atomic;
pub mod types;
pub mod error;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "__bench")]
#[doc(hidden)]
pub mod bench;

pub use self::body::Body;
pub use self::bus::{CleanError, Cleaned, Left, Reason, clean};
#[cfg(feature = "headers")]
pub use self::extract::Header;
pub use self::extract::{Cancelled, Deadline, Extension, Form, Json, MatchedPath, Path, Query, State, TraceContext};
pub use self::protocol::{BusName, RequestId, Version};
pub use self::region::TrustedPeers;
pub use self::routing::Router;
#[cfg(all(feature = "tokio", not(loom)))]
pub use self::serve::shutdown_signal;
pub use self::serve::{DEFAULT_MESSAGE_LIMIT, Error, NAME_VARIABLE, Serve, ServeFuture, serve};
#[cfg(feature = "headers")]
pub use headers;
#[cfg(feature = "openapi")]
pub use schemars;
#[cfg(feature = "macros")]
pub use slotbus_macros::handler;

/// A module that shows a file of `docs`. The labels of its links lead to files there, for who reads it as Markdown; here they lead to
/// what `links.md` says, since the first definition of a label is the one that counts.
#[cfg(all(feature = "tokio", feature = "macros", not(loom)))]
macro_rules! guide {
    ($name:ident, $file:literal $(, $definition:literal)?) => {
        // Examples are found by their lines, so nothing stands before them when they are run.
        #[cfg_attr(not(doctest), doc = include_str!("links.md"))]
        $(#[cfg_attr(not(doctest), doc = $definition)])?
        #[doc = include_str!(concat!("../docs/", $file))]
        pub mod $name {}
    };
}

/// Guides, one for each task; that on tests is [`testing`].
#[cfg(all(feature = "tokio", feature = "macros", not(loom)))]
pub mod guides {
    guide!(first_worker, "guides/first_worker.md");
    guide!(state, "guides/state.md");
    guide!(errors, "guides/errors.md");
    guide!(middleware, "guides/middleware.md");
    #[cfg(feature = "openapi")]
    guide!(openapi, "guides/openapi.md");
    guide!(observability, "guides/observability.md");
    guide!(from_axum, "guides/from_axum.md");
    // Examples need the feature.
    #[cfg(any(feature = "register", not(doctest)))]
    guide!(from_published, "guides/from_published.md");
    guide!(deployment, "guides/deployment.md");
    #[cfg(feature = "gateway")]
    guide!(deploy, "deploy.md", "[gateway]: crate::gateway");
    guide!(differences, "differences.md");
}

/// What `#[handler]` writes paths to; no part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use axum_core::{
        extract::{FromRequest, FromRequestParts, Request},
        response::IntoResponse,
    };
    pub use http::Method;

    pub use crate::handler::{
        Answer, Argument, ArgumentsOf, Declaration, Documented, Handler, Head, HeadForState, HoldForState, HoldHead,
        HoldWhole, LastArgument, LastOf, OnDisconnect, ReadsNoBody, ResponseFuture, Shared, TakeAtOnce, TakeLater,
        Whole, let_go, reads_no_body, respond, respond_unnamed, sendable,
    };
    #[cfg(feature = "openapi")]
    pub use crate::openapi::private as openapi;
}
