//! Header names that came before: comparing one is a tenth of making it. Of a name that http has no constant for it is also the
//! allocation.

use http::header::{HeaderName, InvalidHeaderName};

/// So many names are remembered.
const PLACES: usize = 64;
/// Longer names are made anew each time.
const LONGEST: usize = 64;

/// The last name of each place.
pub(super) struct Names([Option<HeaderName>; PLACES]);

impl Default for Names {
    fn default() -> Self {
        Self([const { None }; PLACES])
    }
}

impl Names {
    /// The name that `bytes` are.
    pub(super) fn get(&mut self, bytes: &[u8]) -> Result<HeaderName, InvalidHeaderName> {
        let known = match bytes {
            &[first, .., last] if bytes.len() <= LONGEST => &mut self.0[place(first, bytes.len(), last)],
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

/// Where a name is remembered. The usual ones of a request have places of their own.
fn place(first: u8, len: usize, last: u8) -> usize {
    (usize::from(first) * 2 + len * 3 + usize::from(last) * 5) % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_http_makes_of_its_bytes_whatever_was_remembered_before() {
        let mut names = Names::default();
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
