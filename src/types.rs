//! The public face of the wire: layout, constants and records, under the names of the published crates.
//!
//! Everything the published 0.1.2 `types` module names is here, with the same values and offsets. Two things differ in
//! shape, not in bytes: fields of shared structs are atomics of fixed width, so that a reference to them is sound
//! whatever a peer writes; and the request's and the response's payload fields are one nested [`PayloadDescriptor`] each.
//!
//! [`method_to_u8`] and [`u8_to_method`] are lenient, as published: what they do not know is GET. The wire path of this
//! crate does not use them; it answers an unknown code 501 and refuses to send a method without a code.

pub use crate::protocol::{
    AwakeWord, BumpHead, FieldU8, FieldU16, FieldU32, FieldU64, HeldWord, IdField, METHOD_DELETE, METHOD_GET,
    METHOD_HEAD, METHOD_OPTIONS, METHOD_PATCH, METHOD_POST, METHOD_PUT, PayloadDescriptor, PieceCount, QuietByte,
    RequestMeta, ResponseMeta, SHM_HEADER_SIZE, SHM_MAGIC, SHM_VERSION, SLOT_CLAIMED, SLOT_DONE, SLOT_FREE,
    SLOT_META_SIZE, SLOT_READY, SLOT_WRITING, Seal, ShmHeader, SlotMeta, StatusWord, TicketWord, compute_layout,
    method_to_u8, u8_to_method,
};
