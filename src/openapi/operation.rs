//! One operation: a handler at its place.

use http::Method;
use serde_json::{Map, Value, json};

use super::{
    parameters::{self, PathParameter, parameter_object},
    paths::Described,
    responses::Responses,
    schemas::Schemas,
    signature::{Content, Input, MakeSchema, Output, Place, Signature},
};

/// What the arguments of a handler add up to.
struct Operation<'a> {
    schemas: &'a mut Schemas,
    /// Whether a request of this method has a body that means something (RFC 9110, sections 9.3.1 and 9.3.2).
    has_body: bool,
    path: Vec<Value>,
    parameters: Vec<Value>,
    body: Option<Value>,
    security: Vec<Value>,
    responses: Responses,
}

/// The operation of a route, and the names of the schemes of authentication that it mentions.
pub(super) fn operation(
    schemas: &mut Schemas,
    route: &Described<'_>,
    names: &[PathParameter<'_>],
    id: String,
) -> (Value, Vec<&'static str>) {
    let Described { method, pattern: _, handler: _, summary, description, deprecated, timeout, signature } = route;
    let unknown = || Signature::new().answers(Some(Output::UNKNOWN), None, false);
    let Signature { inputs, outputs } = signature.map_or_else(unknown, |signature| signature());
    let has_body = !matches!(**method, Method::GET | Method::HEAD);
    let mut operation = Operation {
        schemas,
        has_body,
        path: Vec::new(),
        parameters: Vec::new(),
        body: None,
        security: Vec::new(),
        responses: Responses::default(),
    };
    outputs.iter().for_each(|output| operation.responses.add(operation.schemas, output));
    let schemes = inputs.iter().filter_map(|input| operation.take(input)).collect();
    let own = if *timeout { &[500, 504][..] } else { &[500] };
    own.iter().for_each(|&code| operation.responses.refuse(operation.schemas, code));

    let mut object = Map::new();
    let mut set = |key: &str, value: Option<Value>| object.extend(value.map(|value| (key.to_owned(), value)));
    let text = |text: &str| (!text.is_empty()).then(|| json!(text));
    set("operationId", Some(id.into()));
    set("summary", text(summary));
    set("description", text(description));
    set("deprecated", deprecated.then(|| json!(true)));
    let Operation { schemas, has_body: _, path, parameters, body, security, responses } = operation;
    let mut all = parameters::of_path(schemas, names, &path);
    for parameter in parameters {
        // Two arguments may read the same one.
        if !all.iter().any(|other| other["in"] == parameter["in"] && other["name"] == parameter["name"]) {
            all.push(parameter);
        }
    }
    set("parameters", (!all.is_empty()).then(|| all.into()));
    set("requestBody", body);
    set("security", (!security.is_empty()).then(|| security.into()));
    set("responses", Some(responses.into_json()));
    (object.into(), schemes)
}

impl Operation<'_> {
    /// Adds an argument; gives the scheme of authentication it asks for.
    fn take(&mut self, input: &Input) -> Option<&'static str> {
        let Input { place, required, refusals } = input;
        let mut scheme = None;
        match place {
            Place::Hidden => {}
            Place::Path(schema) => self.path.extend(schema.map(|make| self.schemas.input(make))),
            Place::Query(schema) => self.query(*schema, *required),
            Place::Form(schema) if self.has_body => {
                self.body(Content { media: "application/x-www-form-urlencoded", schema: *schema }, *required);
            }
            Place::Form(schema) => self.query(*schema, *required),
            Place::Body(content) => self.body(*content, *required),
            Place::RawBody(content) if self.has_body => self.body(*content, *required),
            Place::RawBody(_) => {}
            Place::Header(name) => {
                let schema = json!({ "type": "string" });
                self.parameters.push(parameter_object("header", name, *required, schema).into());
            }
            Place::Credentials(name) => {
                self.security.push(json!({ *name: [] }));
                if !required {
                    self.security.push(json!({}));
                }
                scheme = Some(*name);
            }
        }
        let in_query = matches!(place, Place::Form(_)) && !self.has_body;
        for &code in refusals.iter().filter(|&&code| code == 400 || !in_query) {
            self.responses.refuse(self.schemas, code);
        }
        scheme
    }

    fn query(&mut self, schema: Option<MakeSchema>, required: bool) {
        if let Some(make) = schema {
            let schema = self.schemas.input(make);
            self.parameters.extend(parameters::of_query(self.schemas, &schema, required));
        }
    }

    fn body(&mut self, content: Content, required: bool) {
        let Content { media, schema } = content;
        let media_type = schema.map_or_else(|| json!({}), |make| json!({ "schema": self.schemas.input(make) }));
        let mut body = json!({ "content": { media: media_type } });
        if required {
            body["required"] = json!(true);
        }
        self.body = Some(body);
    }
}
