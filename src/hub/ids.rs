//! Ids for requests that bring none.

use uuid::{Builder, Uuid};

use crate::protocol::RequestId;
use crate::sync::Counter;

/// The bits of a UUID's second half that say of which variant it is (RFC 9562 section 4.1), and what they say.
const VARIANT_BITS: u64 = 0b11 << 62;
const VARIANT: u64 = 0b10 << 62;
/// Where the digits of the second half stand.
const DIGITS: [usize; 16] = [19, 20, 21, 22, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35];

/// Ids for requests: a random half for this hub, a counter for the request, marked as a custom UUID (version 8, RFC 9562
/// section 5.8). Drawing each at random would cost a system call or a generator's lock.
#[derive(Debug)]
pub(super) struct Ids {
    /// An id whose second half is to be replaced.
    template: RequestId,
    counter: Counter,
}

impl Ids {
    pub(super) fn new() -> Self {
        let template = Builder::from_custom_bytes(Uuid::new_v4().into_bytes()).into_uuid();
        Self { template: template.into(), counter: Counter::default() }
    }

    #[inline]
    pub(super) fn next(&self) -> RequestId {
        let half = self.counter.next() & !VARIANT_BITS | VARIANT;
        let digit = |i: usize| b"0123456789abcdef"[(half >> (60 - 4 * i)) as usize & 0xf];
        let mut text = *self.template.as_padded();
        for (i, place) in DIGITS.into_iter().enumerate() {
            text[place] = digit(i);
        }
        RequestId::from_padded(text).expect("a uuid is an id")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_uuids_and_never_repeat() {
        let ids = Ids::new();
        let drawn: HashSet<Uuid> = (0..1000).map(|_| ids.next().uuid().unwrap()).collect();
        assert_eq!(drawn.len(), 1000);
        assert!(drawn.iter().all(|uuid| uuid.get_version_num() == 8 && uuid.get_variant() == uuid::Variant::RFC4122));
        let numbers: HashSet<u64> = drawn.iter().map(|uuid| uuid.as_u64_pair().1 & !VARIANT_BITS).collect();
        assert_eq!(numbers, (0..1000).collect(), "they are counted");
    }
}
