//! Every error the crate can give you, in one place.
//!
//! [`Error`] ends `serve`, [`CreateError`] keeps a hub from being made, [`CallError`] a response from coming. The others
//! are what these say in detail.

pub use crate::bus::BusError;
pub use crate::hub::{CallError, CreateError};
pub use crate::protocol::{GeometryError, NameError, RangeError, ReplyError, RequestIdError, WireError};
pub use crate::region::RegionError;
pub use crate::serve::Error;
pub use crate::shm::ObjectError;
