//! Long bodies that are read while they are written, so that the two copies of a body take the time of one.
//!
//! Who writes a long body puts down where it will be, then copies it piece by piece and tells how many pieces are there (`Teller`).
//! Who waits awake for just that slot copies what is told into private memory (`ReadAhead`), and believes nothing of it yet:
//! - A worker reads ahead of its claim, in a slot that is WRITING. After the claim the ticket says whether the pieces were
//!   of that request, see [`PieceCount`].
//! - A caller of the hub reads ahead of DONE, in a slot that is CLAIMED. The pieces are cleared before READY, and told of by the one
//!   lease that may write the answer.
//!
//! In both cases the descriptor must be the same in the end as when reading began. Whoever writes does not wait for whoever reads,
//! and a message that is given up half-way is one that nobody ever claims or takes.
//!
//! Where bodies are lent none is read ahead: a hub that lends them does not ask its workers to tell, and tells them nothing.

use std::sync::Arc;

use super::attachment::Attachment;
use super::cursor::ScanCursor;
use super::overflow::KEEP;
use super::payload::Origin;
use crate::protocol::{BodyPlace, HeapRange, Payload, PayloadDescriptor, PieceCount, Segments, Status};
use crate::region::{OverflowView, Region};

/// Bytes of a piece: few enough that reading begins soon, and so many that the line in which they are told of goes to and fro
/// rarely.
pub(super) const PIECE: usize = 16 * 1024;

/// Shorter bodies are there as soon as somebody could look.
const LONG: usize = 2 * PIECE;

/// Tells how far the writing of a long body is.
#[derive(Clone, Copy)]
pub(super) struct Teller<'a> {
    pub(super) descriptor: &'a PayloadDescriptor,
    pub(super) pieces: &'a PieceCount,
}

impl Teller<'_> {
    /// Has `write` append `body`, which is to be where `payload` says; told of to readers by `teller`, if there is one.
    #[inline]
    pub(super) fn write(teller: Option<Self>, payload: Payload, body: &Segments, mut write: impl FnMut(&[u8])) {
        let Some(Self { descriptor, pieces }) = teller.filter(|_| body.len() >= LONG) else {
            return match body.only() {
                Some(piece) => write(piece),
                None => body.iter().for_each(write),
            };
        };
        descriptor.write(payload);
        let (mut written, mut told) = (0, 0);
        for piece in body.iter().flat_map(|segment| segment.chunks(PIECE)) {
            write(piece);
            written += piece.len();
            // Once for each piece, whatever the body is made of: the reader looks at the same line.
            if written / PIECE > told {
                told = written / PIECE;
                pieces.tell(told);
            }
        }
    }
}

/// What was copied of a body that may not be whole yet.
#[derive(Debug)]
pub(crate) struct ReadAhead {
    ticket: u64,
    body: BodyPlace,
    /// `None` when it cannot be read: that is not tried again, and the error is that of who reads the message.
    source: Option<Source>,
    copied: Vec<u8>,
}

#[derive(Debug)]
enum Source {
    /// What is left of it in the heap.
    Heap(HeapRange),
    Object(Arc<OverflowView>),
}

impl Attachment {
    /// Copies what there is of a long body that is being written where the last request was.
    pub(super) fn read_ahead(&self, cursor: &mut ScanCursor) {
        let ScanCursor { last: Some((index, last)), ahead, .. } = cursor else { return };
        let slot = self.slot(*index);
        if slot.status.observe() != Status::Writing || slot.request_pieces.told() == 0 || !self.copies_ahead() {
            return;
        }
        // The count again, behind the ticket: which dispatch it is of is known so alone.
        let ticket = slot.ticket.before_pieces();
        let pieces = slot.request_pieces.told();
        // A slot that was just reserved says what it said of the request before.
        if pieces > 0 && ticket != *last && self.bus.is_own_life() {
            let stamp = self.stamp(ticket);
            ReadAhead::go_on(ahead, &self.origin(*index, stamp.as_ref()), &slot.request, pieces);
        }
    }

    /// Whether requests are worth being copied before they are claimed: where they are lent they are not copied at all.
    fn copies_ahead(&self) -> bool {
        self.goes_ahead && self.trust.is_none()
    }
}

impl ReadAhead {
    /// Copies as much as `pieces` are. `ahead` is what was copied before; of another dispatch it is forgotten.
    pub(super) fn go_on(
        ahead: &mut Option<Box<Self>>,
        origin: &Origin<'_>,
        descriptor: &PayloadDescriptor,
        pieces: usize,
    ) {
        let Some(ticket) = origin.dispatch.map(|stamp| stamp.ticket) else { return };
        if ahead.as_ref().is_none_or(|ahead| ahead.ticket != ticket) {
            *ahead = Some(Box::new(Self::begin(origin, descriptor, ticket)));
        }
        if let Some(ahead) = ahead {
            ahead.copy_up_to(origin.region, pieces * PIECE);
        }
    }

    fn begin(origin: &Origin<'_>, descriptor: &PayloadDescriptor, ticket: u64) -> Self {
        let body = descriptor.read(origin.region.geometry()).map_or(BodyPlace::Empty, |payload| payload.body);
        let len = body.len() as usize;
        let source = match body {
            _ if len < LONG || len > origin.body_limit => None,
            BodyPlace::Empty => None,
            BodyPlace::Inline(range) => Some(Source::Heap(range)),
            // Longer ones are read with file calls.
            BodyPlace::Overflow { .. } if len > KEEP => None,
            BodyPlace::Overflow { generation, .. } => origin.dispatch.and_then(|stamp| {
                let view = origin.views.view(origin.slot, generation, len, stamp).ok()?;
                Some(Source::Object(view))
            }),
        };
        let copied = Vec::with_capacity(if source.is_some() { len } else { 0 });
        Self { ticket, body, source, copied }
    }

    fn copy_up_to(&mut self, region: &Region, end: usize) {
        let Self { body, source, copied, .. } = self;
        let end = end.min(body.len() as usize);
        if end <= copied.len() {
            return;
        }
        match source {
            None => {}
            Some(Source::Heap(left)) => {
                let (piece, rest) = left.split(end - copied.len()).expect("there is as much left");
                region.copy_out(piece, copied);
                *left = rest;
            }
            Some(Source::Object(view)) => view.append_to(copied, end),
        }
    }

    /// How many bytes were copied.
    #[cfg(test)]
    pub(super) fn copied(&self) -> usize {
        self.copied.len()
    }

    /// The whole body, if it is what reading began with: that of the message at `origin`, at `body`.
    pub(super) fn finish(mut self, origin: &Origin<'_>, body: BodyPlace) -> Option<Vec<u8>> {
        let is_same = self.body == body && origin.dispatch.is_some_and(|stamp| stamp.ticket == self.ticket);
        if !is_same || self.source.is_none() {
            return None;
        }
        self.copy_up_to(origin.region, body.len() as usize);
        Some(self.copied)
    }
}
