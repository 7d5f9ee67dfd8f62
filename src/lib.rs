//! Run a part of a Rust program in a process of its own.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod serve;
pub mod response;
mod http;
pub mod body;
mod worker;
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
pub use self::protocol::{BusName, NameError, RequestId, RequestIdError};
pub use self::serve::{DEFAULT_MESSAGE_LIMIT, Error, NAME_VARIABLE, Serve, ServeFuture, serve};
#[cfg(feature = "tokio")]
pub use self::serve::shutdown_signal;
