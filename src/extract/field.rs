//! A query string or form that is not as expected, with the field that was to blame.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_html_form::de::{Deserializer, Error};

/// Where the client chooses the keys, one may be as long as the body; a longer one is not told.
const LONGEST: usize = 64;

/// Why a query string or a form does not hold what it should.
#[derive(Clone, Debug)]
pub struct FieldError {
    field: Option<String>,
    error: Error,
}

impl FieldError {
    /// The field whose value was to blame; none where all of it was, as when a field is missing.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = &self.field {
            write!(f, "`{field}`: ")?;
        }
        self.error.fmt(f)
    }
}

impl std::error::Error for FieldError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Deserialises `name=value` pairs.
pub(super) fn parse<T: DeserializeOwned>(pairs: &[u8]) -> Result<T, FieldError> {
    serde_html_form::from_bytes(pairs).map_err(|error| {
        // Once more, since who is asked for the field each time takes memory for each.
        let located = serde_path_to_error::deserialize::<_, T>(Deserializer::from_bytes(pairs));
        let field = located.err().map(|error| error.path().to_string());
        let field = field.filter(|path| path != "." && path.len() <= LONGEST);
        FieldError { field, error }
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only whether it can be made is asked")]
    struct Page {
        limit: u8,
        #[serde(default)]
        tag: Vec<u8>,
    }

    #[test]
    fn the_field_that_was_to_blame_is_named() {
        let error = |pairs: &str| parse::<Page>(pairs.as_bytes()).unwrap_err();
        assert_eq!(error("limit=x").to_string(), "`limit`: invalid digit found in string");
        assert_eq!(error("limit=1&tag=2&tag=x").field(), Some("tag[1]"));
        assert_eq!((error("tag=1").to_string(), error("tag=1").field()), ("missing field `limit`".to_owned(), None));
        assert!(parse::<Page>(b"limit=1&tag=2").is_ok());
        let keys_of_the_clients = |key: &str| {
            let error = parse::<std::collections::HashMap<String, u8>>(format!("{key}=x").as_bytes()).unwrap_err();
            error.field().map(str::len)
        };
        assert_eq!(keys_of_the_clients(&"k".repeat(LONGEST)), Some(LONGEST));
        assert_eq!(keys_of_the_clients(&"k".repeat(LONGEST + 1)), None);
    }
}
