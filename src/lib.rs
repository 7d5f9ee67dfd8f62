//! Run a part of a Rust program in a process of its own.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod body;
mod http;
mod protocol;
mod sync;
pub mod types;

pub use self::body::Body;
