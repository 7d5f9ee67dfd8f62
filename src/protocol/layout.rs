//! The control region, byte by byte.
//!
//! ```text
//!   0          64               64 + 128 × num_slots                     end of the mapping
//!   ├──────────┼─────────────────┼──────────────────────────────────────┤
//!   │ ShmHeader│ SlotMeta × n    │ inline heap                          │
//!   └──────────┴─────────────────┴──────────────────────────────────────┘
//! ```
//!
//! Little-endian, naturally aligned. Every field is an atomic of fixed width, so holding `&SlotMeta` is sound whatever
//! the peer writes; a field is read once into a local, and the local is checked and used.

use super::request_id::RequestId;
use super::status::StatusWord;
use super::words::{AwakeWord, BumpHead, HeldWord, PieceCount, QuietByte, Seal, TicketWord};
use crate::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};
use crate::sync::stores;

/// The first word of a control region: "SLB1".
pub const SHM_MAGIC: u32 = 0x534C_4231;
/// The version this face describes; version 2 differs only in how the heap is divided.
pub const SHM_VERSION: u32 = 1;
/// Size of [`SlotMeta`] in bytes.
pub const SLOT_META_SIZE: usize = 128;
/// Size of [`ShmHeader`] in bytes.
pub const SHM_HEADER_SIZE: usize = 64;
/// `ext_magic` of a region with this project's extension: "SBX1".
pub(crate) const EXT_MAGIC: u32 = 0x3158_4253;

/// `retire` of a region whose hub has another for what is to come: workers answer what they have and go there.
pub(crate) const RETIRE_DRAIN: u32 = 1;
/// `retire` of a region whose workers must let go of it.
pub(crate) const RETIRE_DETACH: u32 = 2;

/// The heap's offset and size for `num_slots` slots in a region of `region_size` bytes.
///
/// Lenient, as in the published crates: a region too small has a heap of 0 bytes.
pub fn compute_layout(num_slots: usize, region_size: usize) -> (usize, usize) {
    let heap_offset = SHM_HEADER_SIZE + num_slots * SLOT_META_SIZE;
    (heap_offset, region_size.saturating_sub(heap_offset))
}

macro_rules! field {
    ($(#[$doc:meta])* $name:ident($atomic:ty): $int:ty) => {
        $(#[$doc])*
        #[repr(transparent)]
        #[derive(Debug)]
        pub struct $name($atomic);

        impl $name {
            /// Reads the field. Relaxed: the status word orders it.
            #[inline]
            pub fn get(&self) -> $int {
                self.0.load(Ordering::Relaxed)
            }

            /// Writes the field. Relaxed: the status word orders it.
            #[inline]
            pub(crate) fn set(&self, value: $int) {
                stores::store(stringify!($name), || self.0.store(value, Ordering::Relaxed));
            }
        }
    };
}

field! {
    /// One byte of shared memory.
    FieldU8(AtomicU8): u8
}
field! {
    /// Two bytes of shared memory, little-endian.
    FieldU16(AtomicU16): u16
}
field! {
    /// Four bytes of shared memory, little-endian.
    FieldU32(AtomicU32): u32
}
field! {
    /// Eight bytes of shared memory, little-endian.
    FieldU64(AtomicU64): u64
}

/// The header at offset 0 of the control region: 64 bytes.
#[repr(C)]
#[derive(Debug)]
pub struct ShmHeader {
    /// [`SHM_MAGIC`], stored last by a hub that creates a region.
    pub magic: Seal,
    /// Protocol version: 1 or 2.
    pub version: FieldU32,
    /// Number of slots: 1 to 256.
    pub num_slots: FieldU32,
    /// Where the heap starts, from the region's start.
    pub heap_offset: FieldU32,
    /// Size of the heap in bytes.
    pub heap_size: FieldU32,
    /// Version 1: head of the heap's bump allocator.
    pub alloc_head: BumpHead,
    /// Extension: `0x31584253` once the fields below are complete.
    pub ext_magic: Seal,
    /// Extension: what the hub offers: bit 0 TICKET, 1 CANCEL, 2 DEADLINE, 3 ARENAS, 4 LOCKS, 5 SENT, 6 AWAKE,
    /// 7 QUIET, 8 AHEAD.
    pub hub_features: FieldU32,
    /// Extension: random, never 0, new for every region object.
    pub epoch: FieldU64,
    /// Extension: when the hub started, in nanoseconds since the Unix epoch, for diagnostics.
    pub started_at: FieldU64,
    /// Extension: the hub's process id, for diagnostics only.
    pub hub_pid: FieldU32,
    /// Extension, with AWAKE: a bit for each worker that is awake.
    pub awake: AwakeWord,
    /// Extension: 0 live, 1 draining, 2 detach now.
    pub retire: Seal,
    /// Extension, with ARENAS: bytes of one slot's arena at the start of the heap.
    pub arena_size: FieldU32,
}

/// Where one message of a slot lies: its meta and its body.
#[repr(C)]
#[derive(Debug)]
pub struct PayloadDescriptor {
    /// Heap offset of the postcard meta.
    pub meta_offset: FieldU32,
    /// Length of the meta in bytes.
    pub meta_len: FieldU16,
    pad0: FieldU16,
    /// Heap offset of the body; 0 when it is empty or in an overflow object.
    pub body_offset: FieldU32,
    /// Length of the body in bytes.
    pub body_len: FieldU32,
    /// 0: the body is inline; n ≥ 1: it is in the overflow object of generation n − 1.
    pub body_overflow: FieldU8,
    pad1: [FieldU8; 3],
}

/// One slot: 128 bytes. `num_slots` of them follow the header.
#[repr(C)]
#[derive(Debug)]
pub struct SlotMeta {
    /// Who owns the slot now.
    pub status: StatusWord,
    /// The request's id: text of up to 36 bytes, NUL-padded.
    pub req_id: IdField,
    /// The method's code, see [`method_to_u8`](super::method_to_u8).
    pub method: FieldU8,
    /// Extension, with QUIET: 1 while the request's caller looks at the slot by itself.
    pub quiet: QuietByte,
    /// Extension, with AHEAD: zeroed at dispatch, then how many pieces of the request's body are written.
    pub request_pieces: PieceCount,
    /// Extension, with AHEAD: zeroed at dispatch, then how many pieces of the response's body are written.
    pub response_pieces: PieceCount,
    /// The request, written by the hub.
    pub request: PayloadDescriptor,
    /// The HTTP status of the response.
    pub resp_status: FieldU16,
    pad1: FieldU16,
    /// The response, written by the worker.
    pub response: PayloadDescriptor,
    /// Extension: the number of this dispatch.
    pub ticket: TicketWord,
    /// Extension: zeroed at dispatch, then the worker's copy of `ticket`.
    pub resp_ticket: FieldU64,
    /// Extension: CLOCK_MONOTONIC nanoseconds, 0 for none.
    pub deadline: FieldU64,
    /// Extension: low half of the ticket whose caller gave up, 0 for none.
    pub cancel: FieldU32,
    /// Extension: owner whose zero-copy bytes of this slot are alive, 0 for none.
    pub held: HeldWord,
    /// Extension, with SENT: when the request was made READY, in CLOCK_MONOTONIC nanoseconds, 0 for not known.
    pub sent_at: FieldU64,
}

/// The 36 bytes of a request id, held as nine words.
#[repr(transparent)]
#[derive(Debug)]
pub struct IdField([FieldU32; 9]);

impl IdField {
    /// Copies the bytes out.
    #[inline]
    pub(crate) fn get(&self) -> [u8; RequestId::MAX_LEN] {
        let mut bytes = [0; RequestId::MAX_LEN];
        for (chunk, word) in bytes.chunks_exact_mut(4).zip(&self.0) {
            chunk.copy_from_slice(&word.get().to_le_bytes());
        }
        bytes
    }

    /// Writes the bytes.
    #[inline]
    pub(crate) fn set(&self, bytes: &[u8; RequestId::MAX_LEN]) {
        for (chunk, word) in bytes.chunks_exact(4).zip(&self.0) {
            word.set(u32::from_le_bytes(chunk.try_into().expect("chunks of four")));
        }
    }
}

/// What a hub announces in `hub_features`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Features(u32);

impl Features {
    /// Dispatches are numbered.
    pub(crate) const TICKET: Self = Self(1);
    /// Callers that give up say so.
    pub(crate) const CANCEL: Self = Self(1 << 1);
    /// Requests say until when they are waited for.
    pub(crate) const DEADLINE: Self = Self(1 << 2);
    /// Each slot has an arena of its own at the start of the heap.
    pub(crate) const ARENAS: Self = Self(1 << 3);
    /// Life and death are proven by file locks; claims carry their owner.
    pub(crate) const LOCKS: Self = Self(1 << 4);
    /// Requests say when they were made READY.
    pub(crate) const SENT: Self = Self(1 << 5);
    /// Workers say while they are awake, so that nobody rings for them; with LOCKS.
    pub(crate) const AWAKE: Self = Self(1 << 6);
    /// Callers say while they look by themselves, so that nobody rings for them.
    pub(crate) const QUIET: Self = Self(1 << 7);
    /// Long bodies may be read while they are written: both sides say how far they are.
    pub(crate) const AHEAD: Self = Self(1 << 8);

    /// The features of a raw word; unknown bits are kept and mean nothing to us.
    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The raw word.
    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    /// Both together.
    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is offered.
    pub(crate) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

// Loom's atomics are larger than the words they stand for.
#[cfg(not(loom))]
const _: () = {
    use std::mem::{offset_of, size_of};

    assert!(cfg!(target_endian = "little"), "the wire is little-endian");
    assert!(size_of::<ShmHeader>() == SHM_HEADER_SIZE);
    assert!(offset_of!(ShmHeader, version) == 4);
    assert!(offset_of!(ShmHeader, num_slots) == 8);
    assert!(offset_of!(ShmHeader, heap_offset) == 12);
    assert!(offset_of!(ShmHeader, heap_size) == 16);
    assert!(offset_of!(ShmHeader, alloc_head) == 20);
    assert!(offset_of!(ShmHeader, ext_magic) == 24);
    assert!(offset_of!(ShmHeader, hub_features) == 28);
    assert!(offset_of!(ShmHeader, epoch) == 32);
    assert!(offset_of!(ShmHeader, started_at) == 40);
    assert!(offset_of!(ShmHeader, hub_pid) == 48);
    assert!(offset_of!(ShmHeader, awake) == 52);
    assert!(offset_of!(ShmHeader, retire) == 56);
    assert!(offset_of!(ShmHeader, arena_size) == 60);
    assert!(size_of::<SlotMeta>() == SLOT_META_SIZE);
    assert!(offset_of!(SlotMeta, req_id) == 4);
    assert!(offset_of!(SlotMeta, method) == 40);
    assert!(offset_of!(SlotMeta, quiet) == 41);
    assert!(offset_of!(SlotMeta, request_pieces) == 42);
    assert!(offset_of!(SlotMeta, response_pieces) == 43);
    assert!(offset_of!(SlotMeta, request) == 44);
    assert!(offset_of!(SlotMeta, resp_status) == 64);
    assert!(offset_of!(SlotMeta, response) == 68);
    assert!(offset_of!(SlotMeta, ticket) == 88);
    assert!(offset_of!(SlotMeta, resp_ticket) == 96);
    assert!(offset_of!(SlotMeta, deadline) == 104);
    assert!(offset_of!(SlotMeta, cancel) == 112);
    assert!(offset_of!(SlotMeta, held) == 116);
    assert!(offset_of!(SlotMeta, sent_at) == 120);
    assert!(size_of::<PayloadDescriptor>() == 20);
    assert!(offset_of!(PayloadDescriptor, meta_len) == 4);
    assert!(offset_of!(PayloadDescriptor, body_offset) == 8);
    assert!(offset_of!(PayloadDescriptor, body_len) == 12);
    assert!(offset_of!(PayloadDescriptor, body_overflow) == 16);
};
