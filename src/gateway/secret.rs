//! The secret that callers from other machines know.

use std::fmt;
use std::net::SocketAddr;

use http::{HeaderMap, StatusCode};

use super::refused::Refused;
use crate::control::SECRET_HEADER;

/// Fewer characters can be guessed.
const LEAST: usize = 16;

/// The secret; never shown.
#[derive(Clone)]
pub(super) struct Secret(String);

impl Secret {
    pub(super) fn new(secret: String) -> Self {
        Self(secret)
    }

    /// Whether it can be guessed, or not be sent.
    pub(super) fn is_weak(&self) -> bool {
        self.0.len() < LEAST || !self.0.bytes().all(|byte| byte.is_ascii_graphic())
    }

    /// Compares in a time that does not tell where the two differ.
    fn is(&self, other: &[u8]) -> bool {
        let same_length = self.0.len() == other.len();
        self.0.bytes().zip(other).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0 && same_length
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Whether `peer` may ask at all.
pub(super) fn check(secret: Option<&Secret>, peer: SocketAddr, headers: &HeaderMap) -> Result<(), Refused> {
    if peer.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    match (secret, headers.get(SECRET_HEADER)) {
        (Some(secret), Some(given)) if secret.is(given.as_bytes()) => Ok(()),
        _ => Err(Refused::new(StatusCode::UNAUTHORIZED, "callers from other machines send the secret as x-hub-secret")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_from_other_machines_need_the_secret_to_the_letter() {
        let secret = Secret::new("0123456789abcdef".to_owned());
        let with = |given: &str| HeaderMap::from_iter([(SECRET_HEADER.parse().unwrap(), given.parse().unwrap())]);
        let (near, mapped, far) = ("127.0.0.1:1", "[::ffff:127.0.0.1]:1", "192.0.2.1:1");
        for address in [near, mapped] {
            assert!(check(Some(&secret), address.parse().unwrap(), &HeaderMap::new()).is_ok());
        }
        let far = far.parse().unwrap();
        assert!(check(Some(&secret), far, &with("0123456789abcdef")).is_ok());
        for wrong in ["0123456789abcdeg", "0123456789abcde", "0123456789abcdeff", ""] {
            assert!(check(Some(&secret), far, &with(wrong)).is_err(), "{wrong}");
        }
        assert!(check(Some(&secret), far, &HeaderMap::new()).is_err());
        assert!(check(None, far, &with("")).is_err());
    }

    #[test]
    fn a_secret_that_can_be_guessed_or_not_be_sent_is_weak() {
        for (secret, weak) in
            [("0123456789abcdef", false), ("0123456789abcde", true), ("0123456789abcdef\n", true), ("", true)]
        {
            assert_eq!(Secret::new(secret.to_owned()).is_weak(), weak, "{secret:?}");
        }
    }
}
