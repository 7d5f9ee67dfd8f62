//! Where an answer goes in a region without arenas.

use crate::protocol::{BodyPlace, Payload, PayloadError, Placement, Version, align8, place as place_in};
use crate::region::Region;

/// Places an answer over the request's own bytes, else in the bump area. A body that fits nowhere goes to an overflow object.
pub(super) fn place(
    region: &Region,
    request: Result<Payload, PayloadError>,
    meta_len: usize,
    body_len: usize,
) -> Placement {
    let geometry = region.geometry();
    debug_assert_eq!(geometry.version(), Version::V1);
    let mut placement = over_request(region, request, meta_len, body_len);
    let bump = |len: usize| {
        let taken = u32::try_from(align8(len)).ok()?;
        let offset = region.header().alloc_head.take(taken, geometry.bump_end())?;
        geometry.heap_range(offset, len as u32).ok()
    };
    placement.meta = placement.meta.or_else(|| bump(meta_len));
    if body_len > 0 {
        placement.body = placement.body.or_else(|| bump(body_len));
    }
    placement
}

fn over_request(
    region: &Region,
    request: Result<Payload, PayloadError>,
    meta_len: usize,
    body_len: usize,
) -> Placement {
    let geometry = region.geometry();
    let Ok(Payload { meta, body }) = request else { return Placement::default() };
    let meta = geometry.reserved(meta);
    let BodyPlace::Inline(body) = body else { return place_in(&[meta], meta_len, body_len) };
    let body = geometry.reserved(body);
    match meta.join(body) {
        Some(joined) => place_in(&[joined], meta_len, body_len),
        None => place_in(&[meta, body], meta_len, body_len),
    }
}
