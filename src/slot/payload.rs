//! Writing a message into shared memory and copying one out.

use bytes::Bytes;

use super::block::block;
use super::lend::{Keeper, Kept, Lending};
use super::overflow::OverflowStore;
use super::read_ahead::{ReadAhead, Teller};
use super::views::{Unreadable, ViewStore};
use crate::protocol::{BodyPlace, HeapRange, MAX_META, Payload, Placement, Segments, SlotIndex, Stamp};
use crate::region::{Region, lend_range, lend_view};

/// Why a message was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoRoom {
    #[error("a meta of {0} bytes has no room in its slot")]
    Meta(usize),
    #[error("a body of {0} bytes found no overflow object")]
    Overflow(usize, #[source] std::io::Error),
    #[error("a body of {0} bytes cannot be described by a slot")]
    Body(usize),
}

/// Where a message is written to.
pub(crate) struct Target<'a> {
    pub(crate) region: &'a Region,
    pub(crate) overflow: &'a OverflowStore,
    pub(crate) slot: SlotIndex,
    /// Which dispatch an overflow object is of, where its reader looks for that.
    pub(crate) stamp: Option<Stamp>,
    /// Tells readers how far a long body is, if they listen to that.
    pub(super) teller: Option<Teller<'a>>,
}

/// Writes `meta` to the start of `free` and `body` behind it; a body that does not fit into an overflow object.
#[inline]
pub(crate) fn write_into(
    target: &Target<'_>,
    free: HeapRange,
    meta: &[u8],
    body: &Segments,
) -> Result<Payload, NoRoom> {
    let split = if meta.len() <= MAX_META { free.split(meta.len()) } else { None };
    let (range, rest) = split.ok_or(NoRoom::Meta(meta.len()))?;
    let place = rest.split(body.len()).map(|(place, _)| place);
    write_meta(target, range, meta);
    write_body(target, range, place, body)
}

/// Writes `meta` and `body` where `placement` says, a body without a place into an overflow object. The placement was made for them.
pub(crate) fn write(
    target: &Target<'_>,
    placement: Placement,
    meta: &[u8],
    body: &Segments,
) -> Result<Payload, NoRoom> {
    let range = placement.meta.filter(|_| meta.len() <= MAX_META).ok_or(NoRoom::Meta(meta.len()))?;
    let payload = write_body(target, range, placement.body, body)?;
    write_meta(target, range, meta);
    Ok(payload)
}

/// In one copy: each line of shared memory has to come from the other side's cache, and one copy asks for all of them at once.
#[inline]
fn write_meta(target: &Target<'_>, range: HeapRange, meta: &[u8]) {
    assert!(target.region.writer(range).write(meta), "the range is as long as the meta");
}

/// Writes the body of a message whose meta is at `meta`.
#[inline]
fn write_body(
    target: &Target<'_>,
    meta: HeapRange,
    place: Option<HeapRange>,
    body: &Segments,
) -> Result<Payload, NoRoom> {
    let &Target { region, overflow, slot, stamp, teller } = target;
    let len = u32::try_from(body.len()).map_err(|_| NoRoom::Body(body.len()))?;
    let payload = |body| Payload { meta, body };
    match place {
        _ if len == 0 => Ok(payload(BodyPlace::Empty)),
        Some(range) => {
            let (payload, mut writer) = (payload(BodyPlace::Inline(range)), region.writer(range));
            Teller::write(teller, payload, body, |piece| {
                assert!(writer.write(piece), "the range is as long as the body");
            });
            Ok(payload)
        }
        None => {
            let payload = |generation| payload(BodyPlace::Overflow { generation, len });
            let copy =
                |generation, write: &mut dyn FnMut(&[u8])| Teller::write(teller, payload(generation), body, write);
            let written = overflow.write(slot, body, stamp, copy);
            written.map(payload).map_err(|error| NoRoom::Overflow(body.len(), error))
        }
    }
}

/// Why a body was not copied out.
#[derive(Debug)]
pub(crate) enum ReadError {
    TooLarge { len: u32, limit: usize },
    Overflow(Unreadable),
}

/// Where a message is read from.
pub(super) struct Origin<'a> {
    pub(super) region: &'a Region,
    pub(super) views: &'a ViewStore,
    pub(super) slot: SlotIndex,
    /// The longest body that is taken, in bytes.
    pub(super) body_limit: usize,
    /// Its writer has stamped an overflow object for this dispatch, if it is one of ours.
    pub(super) dispatch: Option<&'a Stamp>,
}

/// How the body of a message is read.
pub(super) enum Reading<'a, K> {
    /// By copy; part of it may be copied already.
    Copied(Option<Box<ReadAhead>>),
    /// Not at all: it is lent. Its writer is one of ours, which has stamped it.
    Lent(Lending<K>, &'a Stamp),
}

/// Copies a message out: its meta and its body, in one private block when both are inline and nothing was read ahead.
pub(super) fn read<K: Keeper>(
    origin: &Origin<'_>,
    payload: Payload,
    reading: Reading<'_, K>,
) -> Result<(Bytes, Bytes), ReadError> {
    let &Origin { region, views, slot, body_limit, dispatch } = origin;
    let Payload { meta, body } = payload;
    let len = body.len();
    if len as usize > body_limit {
        return Err(ReadError::TooLarge { len, limit: body_limit });
    }
    let meta_alone = || block(meta.len(), |block| region.copy_out(meta, block));
    match reading {
        Reading::Lent(Lending { trust, keeper }, dispatch) => {
            let body = match body {
                BodyPlace::Empty => Bytes::new(),
                BodyPlace::Inline(range) => lend_range(Kept(keeper), range, trust),
                BodyPlace::Overflow { generation, len } => {
                    let view = views.view(slot, generation, len as usize, dispatch).map_err(ReadError::Overflow)?;
                    lend_view(Kept(keeper), view, len as usize, trust)
                }
            };
            return Ok((meta_alone(), body));
        }
        Reading::Copied(ahead) => {
            if let Some(body) = ahead.and_then(|ahead| ahead.finish(origin, body)) {
                return Ok((meta_alone(), body.into()));
            }
        }
    }
    let inline = body.inline();
    let mut meta_bytes = block(meta.len() + inline.map_or(0, HeapRange::len), |block| {
        region.copy_out(meta, block);
        if let Some(range) = inline {
            region.copy_out(range, block);
        }
    });
    let inline_body = meta_bytes.split_off(meta.len());
    let body = match body {
        BodyPlace::Overflow { generation, len } => {
            views.read(slot, generation, len as usize, dispatch).map_err(ReadError::Overflow)?.into()
        }
        BodyPlace::Empty | BodyPlace::Inline(_) => inline_body,
    };
    Ok((meta_bytes, body))
}
