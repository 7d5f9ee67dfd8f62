//! Whose body an overflow object holds: the last bytes of an object that a peer of ours wrote.
//!
//! Overflow objects are found by name, and a name outlives the hub, the worker and the dispatch it was used for: a worker
//! that stood still may use it long after its slot belongs to another request. The stamp says which dispatch a body
//! belongs to, and the reader believes nothing else. Published readers read from the object's start and do not see it.

use super::status::OwnerToken;

/// "SBX1 end" in the order of its bytes.
const STAMP_MAGIC: u64 = u64::from_le_bytes(*b"SBX1 end");

/// The dispatch that an overflow object was written for, and by whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    /// The region's life.
    pub(crate) epoch: u64,
    /// The dispatch within it; never 0.
    pub(crate) ticket: u64,
    /// The worker that wrote it; `None` for the hub.
    pub(crate) owner: Option<OwnerToken>,
}

impl Stamp {
    /// Length of a stamp in bytes. It ends where its object ends.
    pub(crate) const LEN: usize = 32;

    pub(crate) fn to_bytes(self) -> [u8; Self::LEN] {
        let Self { epoch, ticket, owner } = self;
        let owner = owner.map_or(0, OwnerToken::get);
        let mut bytes = [0; Self::LEN];
        for (field, value) in bytes.chunks_exact_mut(8).zip([STAMP_MAGIC, epoch, ticket, owner.into()]) {
            field.copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    /// Reads a stamp, if these bytes are one.
    pub(crate) fn from_bytes(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let field = |i: usize| u64::from_le_bytes(bytes[8 * i..][..8].try_into().expect("eight bytes"));
        let owner = u32::try_from(field(3)).ok()?;
        (field(0) == STAMP_MAGIC).then(|| Self {
            epoch: field(1),
            ticket: field(2),
            owner: OwnerToken::from_raw(owner),
        })
    }

    /// Whether both are of the same dispatch.
    pub(crate) fn is_of(&self, other: &Self) -> bool {
        (self.epoch, self.ticket) == (other.epoch, other.ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_as_it_was_written() {
        for owner in [None, OwnerToken::from_raw(7)] {
            let stamp = Stamp { epoch: u64::MAX, ticket: 1, owner };
            assert_eq!(Stamp::from_bytes(&stamp.to_bytes()), Some(stamp));
        }
    }

    #[test]
    fn bytes_that_are_no_stamp_are_none() {
        assert_eq!(Stamp::from_bytes(&[0; Stamp::LEN]), None);
    }
}
