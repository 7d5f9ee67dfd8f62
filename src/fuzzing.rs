//! What the fuzz targets call: the paths that take bytes of a peer. Compiled for fuzzing and for the cases beside it only, no
//! part of the interface.

use bytes::Bytes;
use http::{Method, Request};

use crate::body::Body;
use crate::http::pattern::Pattern;
use crate::http::{call_to_request, reply_to_response};
use crate::protocol::{
    BusName, Call, HeapRange, Payload, PayloadDescriptor, Reply, RequestId, SlotIndex, decode_method, place,
};
use crate::region::Region;
use crate::routing::probe;

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

/// Takes any bytes as a region: every slot's request is read as a worker reads it, its answer as a hub does, and something is
/// written into each range that either may write to.
pub fn region(image: &[u8]) {
    let Ok(region) = Region::of_image(image) else { return };
    let geometry = *region.geometry();
    let header = region.header();
    if let Some(offset) = header.alloc_head.take(64, geometry.bump_end()) {
        geometry.heap_range(offset, 64).expect("what the bump allocator gives is inside the heap");
    }
    for index in geometry.slots() {
        let slot = region.slot(index);
        let _ = slot.status.observe();
        region.prefetch_request(index);
        region.prefetch_response(index);
        region.prefetch_request_to_write(index);
        region.prefetch_response_to_write(index);
        if let Some((payload, meta, body)) = message(&region, &slot.request) {
            let id = RequestId::from_padded(slot.req_id.get());
            if let (Ok(id), Some(method)) = (id, decode_method(slot.method.get())) {
                let _ =
                    call_to_request(Call { id, method, meta, body, from_published_hub: true, caller: None }, HEADERS);
            }
            overwrite(&region, index, payload);
        }
        if let Some((_, meta, body)) = message(&region, &slot.response) {
            let _ = reply_to_response(Reply { status: slot.resp_status.get(), meta, body }, &Method::HEAD, HEADERS);
        }
    }
}

/// Copies out what a descriptor describes, if that is inside the heap.
fn message(region: &Region, descriptor: &PayloadDescriptor) -> Option<(Payload, Bytes, Bytes)> {
    let payload = descriptor.read(region.geometry()).ok()?;
    let inline = payload.body.inline();
    let mut block = Vec::with_capacity(payload.meta.len() + inline.map_or(0, HeapRange::len));
    for range in [Some(payload.meta), inline].into_iter().flatten() {
        region.copy_out(range, &mut block);
    }
    let mut meta = Bytes::from(block);
    let body = meta.split_off(payload.meta.len());
    Some((payload, meta, body))
}

/// Answers over the request's own bytes and into the slot's arena.
fn overwrite(region: &Region, slot: SlotIndex, payload: Payload) {
    let geometry = region.geometry();
    let mut free = vec![geometry.reserved(payload.meta)];
    if let Some(body) = payload.body.inline() {
        free.push(geometry.reserved(body));
    }
    free.extend(geometry.arena(slot).into_iter().flat_map(|arena| [arena.request, arena.response]));
    let placement = place(&free, 2, 5);
    for (range, bytes) in [(placement.meta, &b"\0\0"[..]), (placement.body, b"hello")] {
        if let Some(range) = range {
            assert!(region.writer(range).write(bytes), "a place is as long as what it was made for");
        }
    }
}

/// Takes the first line of a text as a path and the others as patterns: each is read, and a router of all that go together
/// is asked. What it chooses and the pattern itself must agree.
pub fn pattern(text: &str) {
    let mut lines = text.lines();
    let path = lines.next().unwrap_or_default();
    let patterns: Vec<_> = lines.filter_map(|line| Pattern::parse(line).ok()).collect();
    for pattern in &patterns {
        let again = Pattern::parse(pattern.as_str()).expect("what a pattern says is a pattern");
        assert_eq!(again.as_str(), pattern.as_str());
        if let Some(colons) = pattern.colon_form() {
            assert_eq!(Pattern::parse(&colons).map(|again| again.as_str().to_owned()).as_deref(), Ok(pattern.as_str()));
        }
        let captures: Vec<_> = pattern.captures(path).collect();
        if captures.len() == pattern.names().count() && pattern.agrees(path, &captures) {
            assert!(pattern.covers(path));
        }
    }
    let Ok(request) = Request::get(path).body(Body::empty()) else { return };
    let chosen = probe::chosen(&patterns, request);
    let Some((pattern, path, params)) = chosen else { return };
    assert!(pattern.agrees(&path, &params), "{pattern:?} was chosen for {path:?} with {params:?}");
}

fn split(data: &[u8]) -> (Bytes, Bytes) {
    let Some((&share, rest)) = data.split_first() else { return (Bytes::new(), Bytes::new()) };
    let mut meta = Bytes::copy_from_slice(rest);
    let body = meta.split_off(rest.len() * usize::from(share) / 255);
    (meta, body)
}

#[cfg(all(test, not(loom)))]
#[path = "fuzzing_tests.rs"]
mod tests;
