//! What stands in a region's file, copied out as bytes by somebody who only looks.

use std::mem::offset_of;

use super::header_image::HeaderImage;
use super::layout::{PayloadDescriptor, SHM_HEADER_SIZE, SLOT_META_SIZE, ShmHeader, SlotMeta};
use super::request_id::RequestId;
use super::status::Status;

/// The fields of a slot that are worth showing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SlotImage {
    pub(crate) status: Status,
    /// The id as it stands there, whatever it is.
    pub(crate) req_id: [u8; RequestId::MAX_LEN],
    pub(crate) method: u8,
    pub(crate) request_body: u32,
    pub(crate) resp_status: u16,
    pub(crate) response_body: u32,
    pub(crate) ticket: u64,
    pub(crate) resp_ticket: u64,
    pub(crate) deadline: u64,
    pub(crate) cancel: u32,
    pub(crate) held: u32,
    pub(crate) sent_at: u64,
}

impl SlotImage {
    /// What tells one request's moment in the slot from another's.
    pub(crate) fn moment(&self) -> (Status, u64, [u8; RequestId::MAX_LEN]) {
        (self.status, self.ticket, self.req_id)
    }

    /// Reads the fields out of a copy of the slot.
    pub(crate) fn of(slot: &[u8; SLOT_META_SIZE]) -> Self {
        Self {
            status: Status::of(u32::from_le_bytes(at(slot, offset_of!(SlotMeta, status)))),
            req_id: at(slot, offset_of!(SlotMeta, req_id)),
            method: slot[offset_of!(SlotMeta, method)],
            request_body: u32::from_le_bytes(at(slot, offset_of!(SlotMeta, request) + BODY_LEN)),
            resp_status: u16::from_le_bytes(at(slot, offset_of!(SlotMeta, resp_status))),
            response_body: u32::from_le_bytes(at(slot, offset_of!(SlotMeta, response) + BODY_LEN)),
            ticket: u64::from_le_bytes(at(slot, offset_of!(SlotMeta, ticket))),
            resp_ticket: u64::from_le_bytes(at(slot, offset_of!(SlotMeta, resp_ticket))),
            deadline: u64::from_le_bytes(at(slot, offset_of!(SlotMeta, deadline))),
            cancel: u32::from_le_bytes(at(slot, offset_of!(SlotMeta, cancel))),
            held: u32::from_le_bytes(at(slot, offset_of!(SlotMeta, held))),
            sent_at: u64::from_le_bytes(at(slot, offset_of!(SlotMeta, sent_at))),
        }
    }
}

impl HeaderImage {
    /// Reads the numbers out of a copy of the header.
    pub(crate) fn of(header: &[u8; SHM_HEADER_SIZE]) -> Self {
        let word = |offset| u32::from_le_bytes(at(header, offset));
        Self {
            magic: word(offset_of!(ShmHeader, magic)),
            version: word(offset_of!(ShmHeader, version)),
            num_slots: word(offset_of!(ShmHeader, num_slots)),
            heap_offset: word(offset_of!(ShmHeader, heap_offset)),
            heap_size: word(offset_of!(ShmHeader, heap_size)),
            ext_magic: word(offset_of!(ShmHeader, ext_magic)),
            features: word(offset_of!(ShmHeader, hub_features)),
            epoch: u64::from_le_bytes(at(header, offset_of!(ShmHeader, epoch))),
            arena_size: word(offset_of!(ShmHeader, arena_size)),
        }
    }
}

/// The hub as it describes itself in the extension, for diagnostics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct HubImage {
    /// Nanoseconds since the Unix epoch.
    pub(crate) started_at: u64,
    pub(crate) pid: u32,
    pub(crate) retire: u32,
}

impl HubImage {
    /// Reads it out of a copy of the header.
    pub(crate) fn of(header: &[u8; SHM_HEADER_SIZE]) -> Self {
        Self {
            started_at: u64::from_le_bytes(at(header, offset_of!(ShmHeader, started_at))),
            pid: u32::from_le_bytes(at(header, offset_of!(ShmHeader, hub_pid))),
            retire: u32::from_le_bytes(at(header, offset_of!(ShmHeader, retire))),
        }
    }
}

const BODY_LEN: usize = offset_of!(PayloadDescriptor, body_len);

fn at<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    bytes[offset..offset + N].try_into().expect("a field is inside its record")
}
