//! The declared side of routes: what `#[slotbus::handler]` said, before and after it is in a router.

use std::fmt;

use http::Method;

use super::endpoint::Endpoint;
use crate::handler::{Declaration, Handler};

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
    pub fn with<H: Handler<S, M>, M>(mut self) -> Self {
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
}

impl fmt::Display for RouteInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, pattern, handler, summary } = self;
        write!(f, "{method:7} {pattern}  {handler}")?;
        if summary.is_empty() { Ok(()) } else { write!(f, ": {summary}") }
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
