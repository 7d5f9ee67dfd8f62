//! Header names that came before: the same peers send the same names in the same order, and comparing one is a tenth of making
//! it. Of a name that http has no constant for it is also the allocation.

use std::cell::Cell;

use http::header::{HeaderName, InvalidHeaderName};

/// So many places are remembered.
const PLACES: usize = 16;
/// Longer names are made anew each time.
const LONGEST: usize = 64;

thread_local! {
    /// Away while a map of this thread is made.
    static KNOWN: Cell<Option<Box<Names>>> = const { Cell::new(None) };
}

/// The name that stood at each place of the last maps.
#[derive(Default)]
pub(super) struct Names([Option<HeaderName>; PLACES]);

impl Names {
    /// This thread's; to be put back.
    pub(super) fn take() -> Box<Self> {
        // A thread that is ending has none any more.
        KNOWN.try_with(Cell::take).ok().flatten().unwrap_or_default()
    }

    pub(super) fn put_back(self: Box<Self>) {
        let _ = KNOWN.try_with(|known| known.set(Some(self)));
    }

    /// The name that `bytes` are, the `place`th of its map.
    pub(super) fn get(&mut self, place: usize, bytes: &[u8]) -> Result<HeaderName, InvalidHeaderName> {
        let Some(known) = self.0.get_mut(place).filter(|_| bytes.len() <= LONGEST) else {
            return HeaderName::from_bytes(bytes);
        };
        match known {
            Some(name) if name.as_str().as_bytes() == bytes => Ok(name.clone()),
            known => {
                let name = HeaderName::from_bytes(bytes)?;
                *known = Some(name.clone());
                Ok(name)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_http_makes_of_its_bytes_whatever_stood_at_its_place_before() {
        let mut names = Names::default();
        let long = "x".repeat(LONGEST + 1);
        for bytes in
            ["accept", "accept", "ACCEPT", "x-a", "x-a", "X-A", "x-b", &long, &long, "accept-encoding", "a b", ""]
        {
            for place in [0, PLACES - 1, PLACES, usize::MAX] {
                let made = HeaderName::from_bytes(bytes.as_bytes());
                assert_eq!(names.get(place, bytes.as_bytes()).ok(), made.ok(), "{bytes:?}");
            }
        }
    }
}
