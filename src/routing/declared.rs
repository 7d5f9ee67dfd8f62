//! The declared side of routes: what `#[slotbus::handler]` said, before and after it is in a router.

use std::fmt;

use http::Method;

use super::endpoint::Endpoint;
use crate::handler::{Declaration, Handler, RouteOptions};

/// Handlers to add to a [`Router`](super::Router), as [`routes!`](crate::routes) lists them.
#[must_use]
pub struct Routes<S> {
    pub(super) list: Vec<(Declaration, Endpoint<S>)>,
}

impl<S> Routes<S>
where
    S: Clone + Send + Sync + 'static,
{
    /// No handlers yet.
    pub fn new() -> Self {
        Self { list: Vec::new() }
    }

    /// Adds the handler that `#[slotbus::handler]` made of a function of that name.
    pub fn with<H: Handler<S, M>, M: 'static>(mut self) -> Self {
        self.list.push((H::DECLARATION, Endpoint::handler::<H, M>()));
        self
    }
}

impl<S> Default for Routes<S>
where
    S: Clone + Send + Sync + 'static,
{
    fn default() -> Self {
        Self::new()
    }
}

impl<S> fmt::Debug for Routes<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list.iter().map(|(declaration, _)| declaration)).finish()
    }
}

/// A route as a list shows it; see [`Router::list`](super::Router::list).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RouteInfo<'a> {
    /// The method.
    pub method: &'a Method,
    /// The pattern with braces, and with the prefixes it is nested under.
    pub pattern: &'a str,
    /// The function, with its module.
    pub handler: &'static str,
    /// The first line of the function's documentation, or nothing.
    pub summary: &'static str,
    /// What its attribute set for this route alone.
    pub options: RouteOptions,
}

impl RouteInfo<'_> {
    /// Writes a line whose columns are so wide.
    fn write(&self, f: &mut fmt::Formatter<'_>, patterns: usize, handlers: usize) -> fmt::Result {
        let Self { method, pattern, handler, summary, options } = self;
        write!(f, "{:7} {pattern:patterns$}  ", method.as_str())?;
        if summary.is_empty() && options.is_empty() {
            return f.write_str(handler);
        }
        write!(f, "{handler:handlers$}")?;
        if !summary.is_empty() {
            write!(f, "  {summary}")?;
        }
        if options.is_empty() { Ok(()) } else { write!(f, "  [{options}]") }
    }
}

impl fmt::Display for RouteInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0, 0)
    }
}

/// The lines of a table of routes, one for each, with columns below each other.
pub(super) fn lines<'a>(routes: &'a [RouteInfo<'a>]) -> impl Iterator<Item = impl fmt::Display + 'a> + 'a {
    let widest = |column: fn(&RouteInfo<'_>) -> usize| routes.iter().map(column).max().unwrap_or_default();
    let (patterns, handlers) = (widest(|route| route.pattern.chars().count()), widest(|route| route.handler.len()));
    routes.iter().map(move |route| Line { route, patterns, handlers })
}

/// A route between others.
struct Line<'a> {
    route: &'a RouteInfo<'a>,
    patterns: usize,
    handlers: usize,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { route, patterns, handlers } = self;
        route.write(f, *patterns, *handlers)
    }
}

/// A declaration as a panic names it.
pub(super) struct Place<'a>(pub(super) &'a Declaration);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Declaration { method, pattern, handler, location: (file, line), .. } = self.0;
        write!(f, "`{handler}` ({method} {pattern}, {file}:{line})")
    }
}
