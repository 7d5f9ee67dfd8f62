//! A query string, a form or JSON that is not as expected, with the field that was to blame.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_html_form::de::Deserializer;

/// Where the client chooses the keys, one may be as long as the body; a longer one is not told.
const LONGEST: usize = 64;

/// Why a query string, a form or JSON does not hold what it should. Its source is what `serde_html_form` or `serde_json` said.
#[derive(Clone, Debug)]
pub struct FieldError {
    field: Option<String>,
    error: Arc<dyn Error + Send + Sync>,
}

impl FieldError {
    fn new<E: Error + Send + Sync + 'static>(error: E, located: Option<serde_path_to_error::Error<E>>) -> Self {
        let field = located.map(|error| error.path().to_string());
        let field = field.filter(|path| path != "." && path.len() <= LONGEST);
        Self { field, error: Arc::new(error) }
    }

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

impl Error for FieldError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.error)
    }
}

/// Deserialises `name=value` pairs.
pub(super) fn parse<T: DeserializeOwned>(pairs: &[u8]) -> Result<T, FieldError> {
    serde_html_form::from_bytes(pairs).map_err(|error| {
        // Once more, since who is asked for the field each time takes memory for each.
        let located = serde_path_to_error::deserialize::<_, T>(Deserializer::from_bytes(pairs));
        FieldError::new(error, located.err())
    })
}

/// Finds the field of JSON that made `error`.
pub(super) fn of_json<T: DeserializeOwned>(json: &[u8], error: serde_json::Error) -> FieldError {
    let located = serde_path_to_error::deserialize::<_, T>(&mut serde_json::Deserializer::from_slice(json));
    FieldError::new(error, located.err())
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
