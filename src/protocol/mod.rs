//! The wire: values and arithmetic; no unsafe, no I/O, no clock.
//!
//! Read `layout` for the bytes, `status` for who may change what, `geometry` for how a header becomes ranges that are
//! inside the mapping, `meta` for the records, `record` and `decode` for how they are written and read, and `call` for a message on
//! its way.

mod call;
mod caller;
mod decode;
mod geometry;
mod header_image;
mod headers;
mod heap;
mod layout;
mod limits;
mod meta;
mod method;
mod name;
mod outgoing;
mod payload;
mod placement;
mod problem;
mod record;
mod request_id;
mod room;
#[cfg(all(feature = "inspect", not(loom)))]
mod slot_image;
mod slot_state;
mod stamp;
mod status;
mod words;

pub use self::call::ReplyError;
pub(crate) use self::call::{Call, CallError, Reply};
pub(crate) use self::caller::{Caller, Callers, News};
pub(crate) use self::decode::HeaderList;
pub(crate) use self::geometry::{Geometry, PUBLISHED_ANSWER, PUBLISHED_HEAD, SlotIndex};
pub use self::geometry::{GeometryError, Version};
pub(crate) use self::header_image::HeaderImage;
pub(crate) use self::headers::{correct_content_length, keep_one_content_length, strip_hop_by_hop};
pub use self::heap::RangeError;
pub(crate) use self::heap::{HeapRange, align8};
pub(crate) use self::layout::{EXT_MAGIC, Features, RETIRE_DETACH, RETIRE_DRAIN};
pub use self::layout::{
    FieldU8, FieldU16, FieldU32, FieldU64, IdField, PayloadDescriptor, SHM_HEADER_SIZE, SHM_MAGIC, SHM_VERSION,
    SLOT_META_SIZE, ShmHeader, SlotMeta, compute_layout,
};
pub(crate) use self::limits::Limits;
pub(crate) use self::meta::is_text;
pub use self::meta::{RequestMeta, ResponseMeta};
pub(crate) use self::method::decode_method;
#[cfg(all(feature = "gateway", not(loom)))]
pub(crate) use self::method::encode_method;
pub use self::method::{
    METHOD_DELETE, METHOD_GET, METHOD_HEAD, METHOD_OPTIONS, METHOD_PATCH, METHOD_POST, METHOD_PUT, method_to_u8,
    u8_to_method,
};
pub use self::name::NAME_VARIABLE;
pub use self::name::{BusName, NameError};
pub(crate) use self::name::{DEFAULT_PREFIX, Direction, Generation, SUPERVISOR_VARIABLE};
pub(crate) use self::outgoing::{OutgoingCall, OutgoingReply, Segments};
pub use self::outgoing::{Route, WireError};
pub(crate) use self::payload::{BodyPlace, MAX_META, Payload, PayloadError};
pub(crate) use self::placement::{Placement, place};
pub(crate) use self::problem::{PROBLEM_JSON, problem_body};
pub(crate) use self::record::{Length, encode_header};
pub use self::request_id::{RequestId, RequestIdError};
pub(crate) use self::room::{BodyMemory, BodyRooms, Room};
#[cfg(all(feature = "inspect", not(loom)))]
pub(crate) use self::slot_image::{HubImage, SlotImage};
pub use self::slot_state::SlotState;
pub(crate) use self::stamp::Stamp;
pub(crate) use self::status::{Claim, OwnerToken, Status};
pub use self::status::{SLOT_CLAIMED, SLOT_DONE, SLOT_FREE, SLOT_READY, SLOT_WRITING, StatusWord};
pub(crate) use self::words::AwakeBit;
pub use self::words::{AwakeWord, BumpHead, HeldWord, PieceCount, QuietByte, Seal, TicketWord};
