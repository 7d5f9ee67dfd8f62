//! The small objects of a document: tags and servers.

use serde_json::{Map, Value, json};

/// A group of operations, by name: those whose path begins with one of its prefixes.
///
/// ```
/// # use slotbus::openapi::Tag;
/// let tag = Tag::new("notes").description("What is noted down.").below("/notes");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Tag {
    name: String,
    description: Option<String>,
    prefixes: Vec<String>,
}

impl Tag {
    /// A tag that no operation has yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), description: None, prefixes: Vec::new() }
    }

    /// Says what the operations have in common, in CommonMark.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Gives the tag to all operations of this path and those below it: `/notes` has `/notes` and `/notes/{id}`, and not
    /// `/notes-of-others`.
    pub fn below(mut self, prefix: impl Into<String>) -> Self {
        self.prefixes.push(prefix.into());
        self
    }

    /// Whether operations of this path have it. A prefix may be spelled as a route is.
    pub(super) fn covers(&self, path: &str) -> bool {
        let below = |prefix: &String| {
            let rest = path.strip_prefix(&*template(prefix.trim_end_matches('/')));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.prefixes.iter().any(below)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn into_json(self) -> Value {
        let Self { name, description, prefixes: _ } = self;
        described("name", name, description)
    }
}

/// A tag by its name alone.
impl<T: Into<String>> From<T> for Tag {
    fn from(name: T) -> Self {
        Self::new(name)
    }
}

/// Where the operations are to be had: a URL, absolute or relative to where the document is.
///
/// A bus has no URL; a gateway before it has one.
#[derive(Clone, Debug)]
#[must_use]
pub struct Server {
    url: String,
    description: Option<String>,
}

impl Server {
    /// A server without a description.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), description: None }
    }

    /// Says what it is there for, in CommonMark.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    pub(super) fn into_json(self) -> Value {
        let Self { url, description } = self;
        described("url", url, description)
    }
}

/// A server by its URL alone.
impl<T: Into<String>> From<T> for Server {
    fn from(url: T) -> Self {
        Self::new(url)
    }
}

/// A path with parameters as a document writes them.
fn template(path: &str) -> String {
    let segment = |segment: &str| match segment.strip_prefix([':', '*']) {
        Some(name) => format!("{{{name}}}"),
        None => segment.replace("{*", "{"),
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn described(key: &str, value: String, description: Option<String>) -> Value {
    let mut object = Map::new();
    object.insert(key.to_owned(), value.into());
    if let Some(text) = description {
        object.insert("description".to_owned(), json!(text));
    }
    object.into()
}
