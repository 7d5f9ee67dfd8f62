//! All operations of a router, by path and method.

use http::Method;
use serde_json::{Map, Value, json};

use super::{
    document::OpenApi, names::operation_ids, operation::operation, parameters::PathParameter, schemas::Schemas,
    signature::Signature,
};

/// A route as a document describes it.
#[derive(Clone, Debug)]
pub(crate) struct Described<'a> {
    pub(crate) method: &'a Method,
    /// With braces, and with the prefixes it is nested under.
    pub(crate) pattern: &'a str,
    /// The function, with its module.
    pub(crate) handler: &'a str,
    pub(crate) summary: &'a str,
    pub(crate) description: &'a str,
    pub(crate) deprecated: bool,
    /// Whether it has a time-out of its own.
    pub(crate) timeout: bool,
    /// None for a handler that was not made by the attribute.
    pub(crate) signature: Option<fn() -> Signature>,
}

impl OpenApi {
    /// The document of these routes.
    pub(crate) fn of(routes: &[Described<'_>]) -> Self {
        let mut schemas = Schemas::new();
        let mut paths = Map::new();
        let mut schemes = Map::new();
        let ids = operation_ids(routes.iter().map(|route| route.handler));
        for (route, id) in routes.iter().zip(ids) {
            let (path, names) = template(route.pattern);
            let (operation, mentioned) = operation(&mut schemas, route, &names, id);
            let item = paths.entry(path).or_insert_with(|| json!({}));
            item[route.method.as_str().to_ascii_lowercase()] = operation;
            schemes
                .extend(mentioned.into_iter().map(|name| (name.to_owned(), json!({ "type": "http", "scheme": name }))));
        }
        let mut paths = Value::Object(paths);
        let mut components = Map::new();
        for (key, objects) in [("schemas", schemas.gather(&mut paths)), ("securitySchemes", schemes)] {
            if !objects.is_empty() {
                components.insert(key.to_owned(), objects.into());
            }
        }
        let title = routes.first().and_then(|route| route.handler.split("::").next()).unwrap_or("api");
        Self::new(title, paths, components)
    }
}

/// A pattern as a document writes it, and its parameters. Braces that stand for themselves are escaped.
fn template(pattern: &str) -> (String, Vec<PathParameter<'_>>) {
    let (mut path, mut names) = (String::new(), Vec::new());
    let mut rest = pattern;
    while let Some(at) = rest.find(['{', '}']) {
        path.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(tail) = rest.strip_prefix("{{") {
            path.push_str("%7B");
            rest = tail;
        } else if let Some(tail) = rest.strip_prefix("}}") {
            path.push_str("%7D");
            rest = tail;
        } else {
            let (name, tail) = rest[1..].split_once('}').expect("a pattern has both braces of a parameter");
            let parameter = match name.strip_prefix('*') {
                Some(name) => PathParameter { name, rest: true },
                None => PathParameter { name, rest: false },
            };
            path.push_str(&format!("{{{}}}", parameter.name));
            names.push(parameter);
            rest = tail;
        }
    }
    path.push_str(rest);
    (path, names)
}

#[cfg(test)]
mod tests {
    use super::{PathParameter, template};

    #[test]
    fn a_pattern_becomes_a_template() {
        for (pattern, path, names) in [
            ("/", "/", &[][..]),
            ("/a/{b}/c-{d}.png", "/a/{b}/c-{d}.png", &[("b", false), ("d", false)]),
            ("/files/{*rest}", "/files/{rest}", &[("rest", true)]),
            ("/{{x}}/{y}", "/%7Bx%7D/{y}", &[("y", false)]),
        ] {
            let names: Vec<_> = names.iter().map(|&(name, rest)| PathParameter { name, rest }).collect();
            assert_eq!(template(pattern), (path.to_owned(), names));
        }
    }
}
