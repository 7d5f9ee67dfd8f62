//! The document itself, and what its author adds to it.

use std::{fmt, sync::Arc};

use axum_core::response::{IntoResponse, Response};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::tag::{Server, Tag};
use crate::extract::Json;

/// An OpenAPI 3.1 document; [`Router::openapi`](crate::Router::openapi) makes it.
///
/// What the handlers cannot know is set by methods. It is serialised as the JSON object it is, shown as one by
/// [`Display`](fmt::Display), and answered as one (`application/json`) by a handler that returns it. A clone is one count.
///
/// ```
/// # use slotbus::{Path, Router, routes};
/// # use slotbus::openapi::{Server, Tag};
/// /// Greets somebody.
/// #[slotbus::handler(GET, "/hello/{name}")]
/// async fn hello(Path(name): Path<String>) -> String {
///     format!("hello, {name}")
/// }
///
/// let app: Router = Router::new().routes(routes![hello]);
/// let document = app
///     .openapi()
///     .title("Greeter")
///     .version("1.2.0")
///     .server(Server::new("https://api.example.com").description("For everybody."))
///     .tag(Tag::new("greetings").below("/hello"));
/// let operation = &document.as_json()["paths"]["/hello/{name}"]["get"];
/// assert_eq!(operation["summary"], "Greets somebody.");
/// assert_eq!(operation["tags"][0], "greetings");
/// ```
#[derive(Clone, PartialEq, Debug)]
#[must_use]
pub struct OpenApi(Arc<Value>);

impl OpenApi {
    pub(super) fn new(title: &str, paths: Value, components: Map<String, Value>) -> Self {
        let mut document = json!({
            "openapi": "3.1.0",
            "info": { "title": title, "version": "0.0.0" },
            "paths": paths,
        });
        if !components.is_empty() {
            document["components"] = components.into();
        }
        Self(Arc::new(document))
    }

    /// Sets the title, which is the name of the first handler's crate otherwise.
    pub fn title(self, title: impl Into<String>) -> Self {
        self.edit(|document| document["info"]["title"] = title.into().into())
    }

    /// Sets the version of the API, which is 0.0.0 otherwise. `env!("CARGO_PKG_VERSION")` is that of the crate.
    pub fn version(self, version: impl Into<String>) -> Self {
        self.edit(|document| document["info"]["version"] = version.into().into())
    }

    /// Says what the API is for, in CommonMark.
    pub fn description(self, text: impl Into<String>) -> Self {
        self.edit(|document| document["info"]["description"] = text.into().into())
    }

    /// Adds a server.
    pub fn server(self, server: impl Into<Server>) -> Self {
        self.edit(|document| push(&mut document["servers"], server.into().into_json()))
    }

    /// Adds a tag, and gives it to the operations below its prefixes. One of a name that there is takes its place.
    pub fn tag(self, tag: impl Into<Tag>) -> Self {
        let tag = tag.into();
        self.edit(|document| {
            let paths = document["paths"].as_object_mut().into_iter().flatten();
            for (_, item) in paths.filter(|(path, _)| tag.covers(path)) {
                let members = item.as_object_mut().into_iter().flatten();
                for (_, operation) in members.filter(|(member, _)| OPERATIONS.contains(&member.as_str())) {
                    if operation.is_object() {
                        push_once(&mut operation["tags"], tag.name().into(), |other| other == tag.name());
                    }
                }
            }
            let name = tag.name().to_owned();
            push_once(&mut document["tags"], tag.into_json(), |other| other["name"] == name);
        })
    }

    /// Changes anything: for what has no method here, as licences, examples, or answers that only their author knows.
    ///
    /// ```
    /// # let app: slotbus::Router = slotbus::Router::new();
    /// let document = app.openapi().edit(|document| document["info"]["license"] = serde_json::json!({ "name": "MIT" }));
    /// ```
    pub fn edit(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// The document as it is.
    pub fn as_json(&self) -> &Value {
        &self.0
    }
}

/// The members of a path that are operations; others are its own, as `summary`.
const OPERATIONS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Adds to a list, in place of the element that `is_same` as this one.
fn push_once(list: &mut Value, element: Value, is_same: impl Fn(&Value) -> bool) {
    match list.as_array_mut().and_then(|list| list.iter_mut().find(|other| is_same(other))) {
        Some(other) => *other = element,
        None => push(list, element),
    }
}

/// Adds to a list, which begins with its first element.
fn push(list: &mut Value, element: Value) {
    match list {
        Value::Array(list) => list.push(element),
        _ => *list = json!([element]),
    }
}

impl Serialize for OpenApi {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Writes JSON: in one line, or in many by `{:#}`.
impl fmt::Display for OpenApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl IntoResponse for OpenApi {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}
