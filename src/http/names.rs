//! Header names that came before: the same peers send the same names again and again, and comparing one is a tenth of making
//! it. Of a name that http has no constant for it is also the allocation.

use std::cell::Cell;

use http::header::{HeaderName, InvalidHeaderName};

/// So many names are remembered.
const PLACES: usize = 64;
/// Longer names are made anew each time.
const LONGEST: usize = 64;

/// The last name of each place.
type Names = [Option<HeaderName>; PLACES];

thread_local! {
    /// Away while a map of this thread is made.
    static KNOWN: Cell<Option<Box<Names>>> = const { Cell::new(None) };
}

/// The names that this thread knows, until it is dropped.
pub(super) struct KnownNames(Option<Box<Names>>);

impl KnownNames {
    pub(super) fn take() -> Self {
        // A thread that is ending knows none any more.
        let known = KNOWN.try_with(Cell::take).ok().flatten();
        Self(Some(known.unwrap_or_else(|| Box::new([const { None }; PLACES]))))
    }

    /// The name that `bytes` are.
    pub(super) fn get(&mut self, bytes: &[u8]) -> Result<HeaderName, InvalidHeaderName> {
        let known = match (&mut self.0, bytes) {
            (Some(names), &[first, .., last]) if bytes.len() <= LONGEST => &mut names[place(first, bytes.len(), last)],
            _ => return HeaderName::from_bytes(bytes),
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

impl Drop for KnownNames {
    fn drop(&mut self) {
        let known = self.0.take();
        let _ = KNOWN.try_with(|place| place.set(known));
    }
}

/// Where a name is remembered. The usual ones of a request have places of their own.
fn place(first: u8, len: usize, last: u8) -> usize {
    (usize::from(first) * 2 + len * 3 + usize::from(last) * 5) % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_http_makes_of_its_bytes_whatever_was_remembered_before() {
        let mut names = KnownNames::take();
        let long = "x".repeat(LONGEST + 1);
        // The second and third have one place, as have others that differ in the middle.
        for bytes in
            ["accept", "x-ab", "x-bb", "x-ab", "accept", "ACCEPT", "X-AB", &long, &long, "a b", "ab", "a", "", "a\0b"]
        {
            for _ in 0..2 {
                assert_eq!(
                    names.get(bytes.as_bytes()).ok(),
                    HeaderName::from_bytes(bytes.as_bytes()).ok(),
                    "{bytes:?}"
                );
            }
        }
    }
}
