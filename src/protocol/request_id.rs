//! The id of a request: up to 36 bytes of text, usually a UUID.

use std::fmt;

use uuid::Uuid;

/// The id a hub gave a request: text of 1 to 36 bytes, usually a hyphenated UUID.
///
/// In the slot it is NUL-padded to 36 bytes; what follows the first NUL is not part of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId {
    bytes: [u8; Self::MAX_LEN],
    len: u8,
}

/// Why bytes are no request id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestIdError {
    /// There is no text before the first NUL.
    #[error("the request id is empty")]
    Empty,
    /// The text does not fit a slot.
    #[error("a request id of {0} bytes exceeds the slot's 36")]
    TooLong(usize),
    /// The bytes are not visible ASCII, so they could not be written into a header or a log line.
    #[error("the request id is not visible ascii")]
    NotText,
}

impl RequestId {
    /// The longest id a slot can hold, in bytes.
    pub const MAX_LEN: usize = 36;

    /// Takes `text` as an id.
    ///
    /// # Errors
    /// When it is empty, longer than 36 bytes, or not visible ASCII.
    pub fn new(text: &str) -> Result<Self, RequestIdError> {
        if text.len() > Self::MAX_LEN {
            return Err(RequestIdError::TooLong(text.len()));
        }
        let mut bytes = [0; Self::MAX_LEN];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Self::from_padded(bytes)
    }

    /// Reads an id as it stands in a slot, NUL-padded.
    #[inline]
    pub(crate) fn from_padded(mut bytes: [u8; Self::MAX_LEN]) -> Result<Self, RequestIdError> {
        // A UUID fills the slot: one pass without branches finds that nothing else has to be looked for.
        if bytes.iter().fold(true, |visible, b| visible & b.is_ascii_graphic()) {
            return Ok(Self { bytes, len: Self::MAX_LEN as u8 });
        }
        let len = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
        if len == 0 {
            return Err(RequestIdError::Empty);
        }
        if !bytes[..len].iter().all(u8::is_ascii_graphic) {
            return Err(RequestIdError::NotText);
        }
        // Equality compares the whole array, so leftovers of a longer id must not take part.
        bytes[len..].fill(0);
        Ok(Self { bytes, len: len as u8 })
    }

    /// The id as it stands in a slot, NUL-padded.
    pub(crate) fn as_padded(&self) -> &[u8; Self::MAX_LEN] {
        &self.bytes
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).expect("an id is checked to be ascii")
    }

    /// The id as a UUID, when it is one.
    pub fn uuid(&self) -> Option<Uuid> {
        Uuid::try_parse(self.as_str()).ok()
    }
}

impl From<Uuid> for RequestId {
    fn from(uuid: Uuid) -> Self {
        let mut bytes = [0; Self::MAX_LEN];
        uuid.hyphenated().encode_lower(&mut bytes);
        Self { bytes, len: Self::MAX_LEN as u8 }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_round_trips_through_the_padded_form() {
        let uuid = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        let id = RequestId::from(uuid);
        assert_eq!(RequestId::from_padded(*id.as_padded()).unwrap(), id);
        assert_eq!(id.uuid(), Some(uuid));
    }

    #[test]
    fn raw_text_is_an_id_without_a_uuid() {
        let id = RequestId::new("req-7").unwrap();
        assert_eq!((id.as_str(), id.uuid()), ("req-7", None));
    }

    #[test]
    fn bytes_behind_the_first_nul_do_not_count() {
        let mut bytes = [b'x'; 36];
        bytes[3] = 0;
        assert_eq!(RequestId::from_padded(bytes).unwrap(), RequestId::new("xxx").unwrap());
    }

    #[test]
    fn an_empty_a_long_and_a_binary_id_are_refused() {
        assert_eq!(RequestId::new(""), Err(RequestIdError::Empty));
        assert_eq!(RequestId::new(&"a".repeat(37)), Err(RequestIdError::TooLong(37)));
        assert_eq!(RequestId::from_padded([0xff; 36]), Err(RequestIdError::NotText));
        assert_eq!(RequestId::new("a b"), Err(RequestIdError::NotText));
    }
}
