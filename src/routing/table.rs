//! The router as it is asked.

use std::collections::HashMap;

use axum_core::extract::Request;
use http::Method;

use super::{announce::announce, endpoint::Route, paths::Inner};
use crate::{
    handler::{ResponseFuture, Shared},
    http::context::{CallContext, MatchedRoute},
};

/// Routes with their state, at the indices of the declared paths.
#[derive(Clone)]
pub(super) struct Table {
    paths: Vec<BoundPath>,
    /// Patterns in the spellings a hub may use, so that a request's pattern is looked up as it is.
    spellings: HashMap<Box<[u8]>, usize>,
    fallback: Route,
    /// In the order of `Inner::nested`.
    nested: Vec<Route>,
}

#[derive(Clone)]
struct BoundPath {
    methods: Vec<(Method, Route)>,
    not_allowed: Route,
}

impl Table {
    fn new(inner: &Inner<()>) -> Self {
        let state = Shared::new(());
        let paths = inner.paths.iter().map(|path| BoundPath {
            methods: path.methods.iter().map(|(d, endpoint)| (d.method.clone(), endpoint.bind(&state))).collect(),
            not_allowed: path.not_allowed.endpoint.bind(&state),
        });
        let spellings = inner.paths.iter().enumerate().flat_map(|(i, path)| {
            let braces = Some(path.pattern.as_str().to_owned());
            [braces, path.pattern.colon_form()].into_iter().flatten().map(move |text| (text.into_bytes().into(), i))
        });
        Self {
            paths: paths.collect(),
            spellings: spellings.collect(),
            fallback: inner.fallback.endpoint.bind(&state),
            nested: inner.nested.iter().map(|(_, endpoint)| endpoint.bind(&state)).collect(),
        }
    }

    /// The route for a method: GET answers HEAD too.
    #[inline]
    fn route(&self, path: usize, method: &Method) -> Option<&Route> {
        let methods = &self.paths[path].methods;
        let find = |method: &Method| methods.iter().find(|(m, _)| m == method).map(|(_, route)| route);
        find(method).or_else(|| if method == Method::HEAD { find(&Method::GET) } else { None })
    }
}

impl Inner<()> {
    /// The table, made and announced by whoever comes first: who asks whether the router is ready, or else a request.
    #[inline]
    pub(super) fn table(&self) -> &Table {
        self.table.get_or_init(|| {
            announce(self);
            Table::new(self)
        })
    }

    pub(super) fn answer(&self, request: &mut Request) -> ResponseFuture {
        let table = self.table();
        let head = request.method() == Method::HEAD;
        let path = self.find(table, request);
        let nested = if path.is_none() { self.innermost(request.uri().path()) } else { None };
        match nested.map(|i| &self.nested[i].0) {
            Some(prefix) if prefix.names().next().is_some() => MatchedRoute::note_prefix(prefix, request),
            _ => MatchedRoute::note(path.map(|i| &self.paths[i].pattern), request),
        }
        if let Some(map) = &self.refusals {
            map.note(request.extensions_mut());
        }
        let future = match path {
            None => nested.map_or(&table.fallback, |i| &table.nested[i]).answer(request),
            Some(i) => match table.route(i, request.method()) {
                Some(route) => route.answer(request),
                None => {
                    self.paths[i].note_allowed(request);
                    table.paths[i].not_allowed.answer(request)
                }
            },
        };
        if head { future.headers_only() } else { future }
    }

    fn find(&self, table: &Table, request: &Request) -> Option<usize> {
        let path = request.uri().path();
        if let Some(context) = request.extensions().get::<CallContext>()
            && !context.hub_pattern.is_empty()
            && let Some(&i) = table.spellings.get(&*context.hub_pattern)
            // A layer may have rewritten the path since the hub chose, and a hub may be wrong: the path decides.
            && self.paths[i].pattern.agrees(path, &context.hub_params)
        {
            return Some(i);
        }
        self.tree.at(path).ok().map(|found| *found.value)
    }

    /// The innermost nested router that has a fallback and covers the path.
    fn innermost(&self, path: &str) -> Option<usize> {
        let covering = self.nested.iter().enumerate().filter(|(_, (prefix, _))| prefix.covers(path));
        // Of prefixes that are as long, the one with the first fixed part where the other has a parameter.
        let depth = |prefix: &str| {
            let is_fixed: Vec<_> = prefix.split('/').map(|part| !part.contains('{')).collect();
            (is_fixed.len(), is_fixed)
        };
        covering.max_by_key(|(_, (prefix, _))| depth(prefix.as_str())).map(|(i, _)| i)
    }
}
