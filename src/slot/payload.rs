//! Writing a message into shared memory and copying one out.

use bytes::Bytes;
use postcard::ser_flavors::Flavor;
use serde::Serialize;

use super::lend::{Keeper, Kept, Lending};
use super::overflow::OverflowStore;
use super::read_ahead::{ReadAhead, Teller};
use super::views::{Unreadable, ViewStore};
use crate::protocol::{BodyPlace, HeapRange, MAX_META, Payload, Placement, Segments, SlotIndex, Stamp, encoded_len};
use crate::region::{HeapWriter, Region, lend_range, lend_view};

/// The longest meta in bytes that is encoded in private memory first.
const SHORT_META: usize = 768;

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
pub(crate) fn write_into(
    target: &Target<'_>,
    free: HeapRange,
    meta: &impl Serialize,
    body: &Segments,
) -> Result<Payload, NoRoom> {
    let region = target.region;
    let most = free.len().min(MAX_META);
    let (room, _) = free.split(most).expect("no longer than the range");
    // Encoded once: how long it is shows when it is there. Nearly every meta is short; it goes over in one copy, because
    // each line of shared memory has to come from the other side's cache, and one copy asks for all of them at once.
    let mut short = [0; SHORT_META];
    let len = match postcard::to_slice(meta, &mut short) {
        Ok(encoded) if region.writer(room).write(encoded) => encoded.len(),
        _ => postcard::serialize_with_flavor(meta, HeapCursor(region.writer(room)))
            .map_err(|_| NoRoom::Meta(encoded_len(meta)))?,
    };
    let (meta, rest) = free.split(len).expect("it was written there");
    let place = rest.split(body.len()).map(|(place, _)| place);
    write_body(target, meta, place, body)
}

/// Writes `meta` and `body` where `placement` says, a body without a place into an overflow object.
///
/// `meta_len` is the encoded length the placement was made for.
pub(crate) fn write(
    target: &Target<'_>,
    placement: Placement,
    (meta, meta_len): (&impl Serialize, usize),
    body: &Segments,
) -> Result<Payload, NoRoom> {
    let meta_range = match placement.meta {
        Some(range) if meta_len <= MAX_META => range,
        _ => return Err(NoRoom::Meta(meta_len)),
    };
    let payload = write_body(target, meta_range, placement.body, body)?;
    let cursor = HeapCursor(target.region.writer(meta_range));
    let written = postcard::serialize_with_flavor(meta, cursor).expect("the placement has room for the meta");
    debug_assert_eq!(written, meta_len);
    Ok(payload)
}

/// Writes the body of a message whose meta is at `meta`.
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

/// Lets postcard write straight into the heap.
struct HeapCursor<'a>(HeapWriter<'a>);

impl Flavor for HeapCursor<'_> {
    type Output = usize;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        if self.0.write(bytes) { Ok(()) } else { Err(postcard::Error::SerializeBufferFull) }
    }

    fn finalize(self) -> postcard::Result<usize> {
        Ok(self.0.written())
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
pub(super) enum Reading<K> {
    /// By copy; part of it may be copied already.
    Copied(Option<Box<ReadAhead>>),
    /// Not at all: it is lent, if its writer is one of ours, which has stamped it.
    Lent(Lending<K>),
}

/// Copies a message out: its meta and its body, in one private block when both are inline and nothing was read ahead.
pub(super) fn read<K: Keeper>(
    origin: &Origin<'_>,
    payload: Payload,
    reading: Reading<K>,
) -> Result<(Bytes, Bytes), ReadError> {
    let &Origin { region, views, slot, body_limit, dispatch } = origin;
    let Payload { meta, body } = payload;
    let len = body.len();
    if len as usize > body_limit {
        return Err(ReadError::TooLarge { len, limit: body_limit });
    }
    let meta_alone = || {
        let mut block = Vec::with_capacity(meta.len());
        region.copy_out(meta, &mut block);
        Bytes::from(block)
    };
    // Its keeper stays until the copying is over.
    let _keeper = match (reading, dispatch) {
        (Reading::Lent(Lending { trust, keeper }), Some(dispatch)) => {
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
        (Reading::Lent(lending), None) => Some(lending),
        (Reading::Copied(ahead), _) => {
            if let Some(body) = ahead.and_then(|ahead| ahead.finish(origin, body)) {
                return Ok((meta_alone(), body.into()));
            }
            None
        }
    };
    let inline = match body {
        BodyPlace::Inline(range) => Some(range),
        _ => None,
    };
    let mut block = Vec::with_capacity(meta.len() + inline.map_or(0, HeapRange::len));
    region.copy_out(meta, &mut block);
    if let Some(range) = inline {
        region.copy_out(range, &mut block);
    }
    let mut meta_bytes = Bytes::from(block);
    let inline_body = meta_bytes.split_off(meta.len());
    let body = match body {
        BodyPlace::Overflow { generation, len } => {
            views.read(slot, generation, len as usize, dispatch).map_err(ReadError::Overflow)?.into()
        }
        BodyPlace::Empty | BodyPlace::Inline(_) => inline_body,
    };
    Ok((meta_bytes, body))
}
