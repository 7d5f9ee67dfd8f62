//! Where a call of the bus meets `http::Request`, and `http::Response` a reply of the bus.

pub(crate) mod context;
