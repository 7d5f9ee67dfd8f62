//! Ids for requests that bring none.

use uuid::{Builder, Uuid};

use crate::protocol::RequestId;
use crate::sync::Counter;

/// Ids for requests: a random half for this hub, a counter for the request, marked as a custom UUID (version 8, RFC 9562
/// section 5.8). Drawing each at random would cost a system call or a generator's lock.
#[derive(Debug)]
pub(super) struct Ids {
    hub: u64,
    counter: Counter,
}

impl Ids {
    pub(super) fn new() -> Self {
        Self { hub: Uuid::new_v4().as_u128() as u64, counter: Counter::default() }
    }

    pub(super) fn next(&self) -> RequestId {
        let bits = u128::from(self.hub) << 64 | u128::from(self.counter.next());
        RequestId::from(Builder::from_custom_bytes(bits.to_be_bytes()).into_uuid())
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
        assert!(drawn.iter().all(|uuid| uuid.get_version_num() == 8));
    }
}
