//! The schema of problems.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::response::Problem;

/// As RFC 9457, section 3.1, has it, with the id of the request.
impl JsonSchema for Problem {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Problem")
    }

    fn schema_id() -> Cow<'static, str> {
        Cow::Borrowed("slotbus::response::Problem")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "What went wrong (RFC 9457).",
            "properties": {
                "type": { "type": "string", "format": "uri-reference", "description": "What kind of problem it is." },
                "title": { "type": "string", "description": "The same for all problems of the kind." },
                "status": { "type": "integer", "minimum": 100, "maximum": 599, "description": "The status of the answer." },
                "detail": { "type": "string", "description": "What went wrong with this request." },
                "request_id": { "type": "string", "description": "The request this is about." },
            },
            "required": ["type", "title", "status"],
        })
    }
}
