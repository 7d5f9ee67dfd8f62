//! Parameters: the schema of one argument, taken apart.

use serde_json::{Map, Value, json};

use super::schemas::{Schemas, name_of};

/// A parameter of a pattern.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PathParameter<'a> {
    pub(super) name: &'a str,
    /// Whether it takes the rest of the path.
    pub(super) rest: bool,
}

/// What the schema of an argument says of the single values it is made of.
enum Shape {
    /// By name: the schema, and whether it must be there.
    Named(Vec<(String, Value, bool)>),
    /// By place.
    Listed(Vec<Value>),
    /// The same for all of a list.
    Each(Value),
    /// It is one value, or something that has no such parts.
    Whole,
}

impl Shape {
    fn of(schemas: &Schemas, schema: &Value) -> Self {
        let schema = schemas.resolve(schema);
        let has = |key: &str| schema.get(key).is_some();
        if has("oneOf") || has("anyOf") || has("allOf") {
            return Self::Whole;
        }
        let is = |kind: &str| schema.get("type").and_then(Value::as_str) == Some(kind);
        if let Some(Value::Object(properties)) = schema.get("properties") {
            let required = schema.get("required").and_then(Value::as_array);
            let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|other| other == name));
            let named = properties.iter().map(|(name, schema)| (name.clone(), schema.clone(), is_required(name)));
            return Self::Named(named.collect());
        }
        // `()` and what is like it: there is nothing to be taken.
        if is("null") {
            return Self::Named(Vec::new());
        }
        match schema.get("prefixItems").or_else(|| schema.get("items")) {
            Some(Value::Array(items)) => Self::Listed(items.clone()),
            Some(items) => Self::Each(items.clone()),
            None if is("object") && others(schema).is_none() && !has("patternProperties") => Self::Named(Vec::new()),
            None => Self::Whole,
        }
    }
}

/// What the members of an object are that it does not name, if it may have any.
fn others(schema: &Value) -> Option<&Value> {
    schema.get("additionalProperties").filter(|others| **others != Value::Bool(false))
}

/// The parameters of a path, each of which is declared: as a string, where nothing more is known.
pub(super) fn of_path(schemas: &Schemas, names: &[PathParameter<'_>], arguments: &[Value]) -> Vec<Value> {
    let parameters = names.iter().enumerate().map(|(i, parameter)| {
        let mut known = arguments.iter().filter_map(|schema| value_at(schemas, schema, i, parameter.name, names.len()));
        let schema = known.next().unwrap_or_else(|| json!({ "type": "string" }));
        let mut object = parameter_object("path", parameter.name, true, schema);
        if parameter.rest {
            let note = "The rest of the path, with its slashes.";
            object.entry("description").or_insert_with(|| json!(note));
        }
        object.into()
    });
    parameters.collect()
}

/// The schema of one of `count` parameters, as one argument says it.
fn value_at(schemas: &Schemas, schema: &Value, index: usize, name: &str, count: usize) -> Option<Value> {
    match Shape::of(schemas, schema) {
        Shape::Named(named) => named.into_iter().find(|(other, ..)| other == name).map(|(_, schema, _)| schema),
        Shape::Listed(list) => list.get(index).cloned(),
        Shape::Each(schema) => Some(match Shape::of(schemas, &schema) {
            // Names and values.
            Shape::Listed(pair) if pair.len() == 2 => pair[1].clone(),
            _ => schema,
        }),
        Shape::Whole => match others(schemas.resolve(schema)) {
            Some(values) => Some(values.clone()),
            None => (count == 1).then(|| schema.clone()),
        },
    }
}

/// The parameters of a query: each property of the argument, or all in one where it has none that are known by name.
pub(super) fn of_query(schemas: &Schemas, schema: &Value, required: bool) -> Vec<Value> {
    match Shape::of(schemas, schema) {
        Shape::Named(named) => named
            .into_iter()
            .map(|(name, schema, needed)| parameter_object("query", &name, required && needed, schema).into())
            .collect(),
        // The style `form`, exploded, makes a parameter of each member, whatever the whole is called.
        Shape::Whole => {
            let name = schema.get("$ref").and_then(Value::as_str).map_or_else(|| "query".to_owned(), name_of);
            let mut object = parameter_object("query", &name, false, schema.clone());
            object.insert("style".to_owned(), json!("form"));
            object.insert("explode".to_owned(), json!(true));
            vec![object.into()]
        }
        // Pairs have no parameters of their own.
        Shape::Listed(_) | Shape::Each(_) => Vec::new(),
    }
}

/// A parameter, with what its schema says about it.
pub(super) fn parameter_object(place: &str, name: &str, required: bool, schema: Value) -> Map<String, Value> {
    let mut schema = without_null(schema);
    let mut object = Map::new();
    object.insert("name".to_owned(), json!(name));
    object.insert("in".to_owned(), json!(place));
    if required {
        object.insert("required".to_owned(), json!(true));
    }
    if let Some(schema) = schema.as_object_mut() {
        for key in ["description", "deprecated"] {
            object.extend(schema.remove(key).map(|value| (key.to_owned(), value)));
        }
    }
    object.insert("schema".to_owned(), schema);
    object
}

/// A parameter is left out and never null.
fn without_null(mut schema: Value) -> Value {
    let Some(object) = schema.as_object_mut() else { return schema };
    if object.get("default").is_some_and(Value::is_null) {
        object.remove("default");
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [kind] = types.as_slice() {
            let kind = kind.clone();
            object.insert("type".to_owned(), kind);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            // What stands beside the choice is about this place, so it wins.
            let beside = std::mem::replace(object, only);
            object.extend(beside);
        }
    }
    schema
}
