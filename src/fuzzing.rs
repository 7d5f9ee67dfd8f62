//! What the fuzz targets call: the paths that take bytes of a peer. Compiled for fuzzing only, no part of the interface.

use bytes::Bytes;
use http::Method;

use crate::http::{call_to_request, reply_to_response};
use crate::protocol::{BusName, Call, Reply, RequestId};

/// As many headers as a message may have by default.
const HEADERS: usize = 256;

/// Makes a request of a peer's bytes: the first says the length of the meta's share of the rest.
pub fn request(data: &[u8]) {
    let (meta, body) = split(data);
    let id = RequestId::new("fuzz").expect("a good id");
    let _ = call_to_request(
        Call { id, method: Method::POST, meta, body, from_published_hub: false, caller: None },
        HEADERS,
    );
}

/// Makes a response of a peer's bytes, in the same way; the status is the first two bytes of the body's share.
pub fn response(data: &[u8]) {
    let (meta, body) = split(data);
    let status = u16::from_le_bytes([body.first().copied().unwrap_or(200), body.get(1).copied().unwrap_or(0)]);
    let _ = reply_to_response(Reply { status, meta, body }, &Method::GET, HEADERS);
}

/// Takes any text as a bus's name; one that is taken stays in its folder.
pub fn name(text: &str) {
    if let Ok(name) = BusName::new("slotbus", text) {
        assert!(!name.to_string().contains('/') && !name.to_string().contains(".."));
    }
}

fn split(data: &[u8]) -> (Bytes, Bytes) {
    let Some((&share, rest)) = data.split_first() else { return (Bytes::new(), Bytes::new()) };
    let mut meta = Bytes::copy_from_slice(rest);
    let body = meta.split_off(rest.len() * usize::from(share) / 255);
    (meta, body)
}
