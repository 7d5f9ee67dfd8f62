//! The schemas of a document: made by two generators, gathered under one name each.
//!
//! A type is read by one contract and written by another: a field with a default may be missing in what is read and is
//! always there in what is written. So requests and responses have a generator each, whose references tell them apart, and
//! at the end a type that is the same for both gets one schema, and one that is not gets two.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use percent_encoding::percent_decode_str;
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value};

use super::signature::MakeSchema;

/// Where references to what is read point, and all of them in the end.
const INPUTS: &str = "#/components/schemas/";
/// Where references to what is written point until then.
const OUTPUTS: &str = "#/components/outputs/";

#[derive(Debug)]
pub(super) struct Schemas {
    inputs: SchemaGenerator,
    outputs: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        // OpenAPI 3.1 takes JSON Schema 2020-12 as it is; `SchemaSettings::openapi3` is for 3.0.
        let generator = |path: &str| {
            let path = path.trim_start_matches('#').trim_end_matches('/').to_owned();
            SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = path.into())
        };
        Self {
            inputs: generator(INPUTS).for_deserialize().into_generator(),
            outputs: generator(OUTPUTS).for_serialize().into_generator(),
        }
    }

    /// The schema of something that is read.
    pub(super) fn input(&mut self, make: MakeSchema) -> Value {
        make(&mut self.inputs).to_value()
    }

    /// The schema of something that is written.
    pub(super) fn output(&mut self, make: MakeSchema) -> Value {
        make(&mut self.outputs).to_value()
    }

    /// What a schema of something read is, where it is a reference.
    pub(super) fn resolve<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        let mut seen = HashSet::new();
        while let Some(reference) = schema.get("$ref").and_then(Value::as_str)
            && seen.insert(reference)
            && let Some(definition) = self.inputs.definitions().get(&name_of(reference))
        {
            schema = definition;
        }
        schema
    }

    /// The schemas that `paths` refers to, by their names; the references are put in order.
    pub(super) fn gather(self, paths: &mut Value) -> Map<String, Value> {
        let Self { inputs, outputs } = self;
        let of = |prefix: &str, generator: &SchemaGenerator| -> Vec<_> {
            let definitions = generator.definitions().iter();
            definitions.map(|(name, schema)| (format!("{prefix}{name}"), schema.clone())).collect()
        };
        let all = of(INPUTS, &inputs).into_iter().chain(of(OUTPUTS, &outputs)).collect::<BTreeMap<_, _>>();
        let mut needed = needed(&all, paths);
        let names = names(&needed);
        let rename = &mut |reference: &mut String| {
            if let Some(name) = names.get(&plain(reference)) {
                *reference = format!("{INPUTS}{name}");
            }
        };
        references(paths, rename);
        needed.values_mut().for_each(|schema| references(schema, rename));
        needed.into_iter().map(|(reference, schema)| (names[&reference].clone(), schema)).collect()
    }
}

/// The last part of a reference, unescaped (RFC 6901, section 6).
pub(super) fn name_of(reference: &str) -> String {
    let name = reference.rsplit('/').next().unwrap_or_default();
    percent_decode_str(name).decode_utf8_lossy().replace("~1", "/").replace("~0", "~")
}

/// A reference with its name unescaped, as the keys here are.
fn plain(reference: &str) -> String {
    let prefix = if reference.starts_with(OUTPUTS) { OUTPUTS } else { INPUTS };
    format!("{prefix}{}", name_of(reference))
}

/// Shows `f` all references to schemas.
fn references(value: &mut Value, f: &mut impl FnMut(&mut String)) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(text) if key == "$ref" && (text.starts_with(INPUTS) || text.starts_with(OUTPUTS)) => {
                        f(text);
                    }
                    _ => references(value, f),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| references(value, f)),
        _ => {}
    }
}

fn referred(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    references(&mut value.clone(), &mut |reference| {
        found.insert(plain(reference));
    });
    found
}

/// Those of `all` that can be reached: what was only looked at to take it apart is left out.
fn needed(all: &BTreeMap<String, Value>, paths: &Value) -> BTreeMap<String, Value> {
    let mut needed = BTreeMap::new();
    let mut open: Vec<_> = referred(paths).into_iter().collect();
    while let Some(reference) = open.pop() {
        if let Some(schema) = all.get(&reference)
            && needed.insert(reference, schema.clone()).is_none()
        {
            open.extend(referred(schema));
        }
    }
    needed
}

/// What each schema is called in the end.
fn names(needed: &BTreeMap<String, Value>) -> BTreeMap<String, String> {
    let differing = differing(needed);
    let mut names = BTreeMap::new();
    let mut taken = HashSet::new();
    let mut unique = |name: &str| {
        let allowed = |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' };
        let name: String = name.chars().map(allowed).collect();
        let numbered = (2..).map(|n| format!("{name}{n}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| taken.insert(name.clone()));
        free.expect("there is always another number")
    };
    // Inputs come first, so that outputs find the names of their twins.
    let (inputs, outputs): (Vec<_>, Vec<_>) = needed.keys().partition(|reference| reference.starts_with(INPUTS));
    for reference in inputs {
        names.insert(reference.clone(), unique(&reference[INPUTS.len()..]));
    }
    for reference in outputs {
        let name = &reference[OUTPUTS.len()..];
        let called = match names.get(&format!("{INPUTS}{name}")) {
            Some(_) if differing.contains(name) => unique(&format!("{name}Output")),
            Some(twin) => twin.clone(),
            None => unique(name),
        };
        names.insert(reference.clone(), called);
    }
    names
}

/// The names whose schemas are not the same for both contracts, by themselves or by what they refer to.
fn differing(needed: &BTreeMap<String, Value>) -> BTreeSet<String> {
    let twins: Vec<_> = needed
        .iter()
        .filter_map(|(reference, written)| {
            let name = reference.strip_prefix(OUTPUTS)?;
            Some((name, needed.get(&format!("{INPUTS}{name}"))?, written))
        })
        .collect();
    let as_input = |schema: &Value| {
        let mut schema = schema.clone();
        references(&mut schema, &mut |reference| *reference = reference.replacen(OUTPUTS, INPUTS, 1));
        schema
    };
    let own = twins.iter().filter(|(_, read, written)| **read != as_input(written));
    let mut differing: BTreeSet<_> = own.map(|(name, ..)| (*name).to_owned()).collect();
    loop {
        let reach = |read: &Value| referred(read).iter().any(|other| differing.contains(&other[INPUTS.len()..]));
        let more: Vec<_> = twins
            .iter()
            .filter(|(name, read, _)| !differing.contains(*name) && reach(read))
            .map(|(name, ..)| (*name).to_owned())
            .collect();
        if more.is_empty() {
            return differing;
        }
        differing.extend(more);
    }
}
