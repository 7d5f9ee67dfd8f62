//! Run a part of a Rust program in a process of its own.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod body;
mod bus;
mod http;
mod lock;
mod protocol;
mod region;
mod shm;
mod signal;
mod slot;
mod sync;
pub mod types;

pub use self::body::Body;
