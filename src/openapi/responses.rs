//! The responses of an operation, gathered by status and content type.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    schemas::Schemas,
    signature::{Output, Status, schema_of},
};
use crate::{protocol::PROBLEM_JSON, response::Problem};

#[derive(Debug, Default)]
pub(super) struct Responses(BTreeMap<Key, BTreeMap<&'static str, Vec<Option<Value>>>>);

/// A status as a document writes it, in the order in which it is read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Key {
    Is(u16),
    Success,
    Default,
}

impl Responses {
    /// Adds what a function answers.
    pub(super) fn add(&mut self, schemas: &mut Schemas, output: &Output) {
        let key = match output.status {
            Status::Is(code) => Key::Is(code),
            Status::Success => Key::Success,
            Status::Open | Status::Unknown => Key::Default,
        };
        let contents = self.0.entry(key).or_default();
        if let Some(content) = output.content {
            let schema = content.schema.map(|make| schemas.output(make));
            let schemas = contents.entry(content.media).or_default();
            if !schemas.contains(&schema) {
                schemas.push(schema);
            }
        }
    }

    /// Adds a refusal.
    pub(super) fn refuse(&mut self, schemas: &mut Schemas, code: u16) {
        let output = Output { status: Status::Is(code), ..Output::ok(PROBLEM_JSON, Some(schema_of::<Problem>())) };
        self.add(schemas, &output);
    }

    pub(super) fn into_json(self) -> Value {
        let responses = self.0.into_iter().map(|(key, contents)| {
            let mut response = Map::new();
            response.insert("description".to_owned(), json!(key.description()));
            if !contents.is_empty() {
                let contents = contents.into_iter().map(|(media, schemas)| (media.to_owned(), media_type(schemas)));
                response.insert("content".to_owned(), contents.collect::<Map<_, _>>().into());
            }
            (key.text(), response.into())
        });
        responses.collect::<Map<_, _>>().into()
    }
}

/// A media type of which one of these is true; it is open as soon as one of them is.
fn media_type(schemas: Vec<Option<Value>>) -> Value {
    match schemas.into_iter().collect::<Option<Vec<_>>>() {
        None => json!({}),
        Some(mut schemas) if schemas.len() == 1 => json!({ "schema": schemas.remove(0) }),
        Some(schemas) => json!({ "schema": { "anyOf": schemas } }),
    }
}

impl Key {
    fn text(self) -> String {
        match self {
            Self::Is(code) => code.to_string(),
            Self::Success => "2XX".to_owned(),
            Self::Default => "default".to_owned(),
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::Is(code) => StatusCode::from_u16(code).ok().and_then(|code| code.canonical_reason()).unwrap_or(""),
            Self::Success => "Success",
            Self::Default => "Any other answer",
        }
    }
}
