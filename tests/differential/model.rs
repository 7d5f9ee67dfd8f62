//! What both applications are about: their types, none of which knows a framework.

#![allow(dead_code, reason = "fields are looked at by `Debug`")]

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

#[derive(Clone)]
pub(crate) struct Greeting(pub(crate) Arc<str>);

#[derive(Clone, Copy)]
pub(crate) struct Limit(pub(crate) u32);

/// The state; `Greeting` and `Limit` are its substates.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) greeting: Greeting,
    pub(crate) limit: Limit,
}

impl App {
    pub(crate) fn new() -> Self {
        Self { greeting: Greeting("good day".into()), limit: Limit(12) }
    }
}

// One trait for both, of axum-core.
impl slotbus::extract::FromRef<App> for Greeting {
    fn from_ref(app: &App) -> Self {
        app.greeting.clone()
    }
}

impl slotbus::extract::FromRef<App> for Limit {
    fn from_ref(app: &App) -> Self {
        app.limit
    }
}

/// What a layer puts into a request.
#[derive(Clone, Debug)]
pub(crate) struct Tenant(pub(crate) &'static str);

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) age: u8,
    #[serde(default)]
    pub(crate) mail: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Name {
    pub(crate) first: String,
    pub(crate) last: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Colour {
    Red,
    Green,
    Blue,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    pub(crate) page: u32,
    pub(crate) size: Option<u16>,
    #[serde(default)]
    pub(crate) desc: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Tags {
    #[serde(default)]
    pub(crate) tag: Vec<String>,
    pub(crate) mode: Option<Colour>,
}

/// An error of a handler.
#[derive(Debug)]
pub(crate) enum Trouble {
    Missing(u32),
    Teapot,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(what) => write!(f, "{what} is missing"),
            Self::Teapot => f.write_str("a teapot"),
        }
    }
}

impl axum::response::IntoResponse for Trouble {
    fn into_response(self) -> axum::response::Response {
        let status = match self {
            Self::Missing(_) => http::StatusCode::NOT_FOUND,
            Self::Teapot => http::StatusCode::IM_A_TEAPOT,
        };
        (status, self.to_string()).into_response()
    }
}

/// A text that compresses well.
pub(crate) fn prose(len: usize) -> String {
    "a text that compresses well, ".chars().cycle().take(len).collect()
}

/// Bytes that do not repeat soon.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// The headers of a request without those that frame it.
pub(crate) fn listed(headers: &http::HeaderMap) -> String {
    let framing =
        ["host", "content-length", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];
    let mut names: Vec<_> = headers.keys().map(|name| name.as_str()).filter(|name| !framing.contains(name)).collect();
    names.sort_unstable();
    let line = |name: &str| format!("{name}: {:?}\n", headers.get_all(name).iter().collect::<Vec<_>>());
    names.into_iter().map(line).collect()
}
