//! What a router holds while it is declared: paths, their handlers, and what answers the rest.

use std::sync::{Arc, OnceLock};

use axum_core::{extract::Request, response::Response};
use http::{HeaderValue, Method, StatusCode, header};
use matchit::InsertError;

use super::{
    declared::{Place, RouteInfo},
    endpoint::Endpoint,
    table::Table,
};
use crate::{
    handler::{Declaration, HandlerFn, ResponseFuture, Shared},
    http::{RefusalMap, Refuser, pattern::Pattern},
    response::Problem,
};

#[derive(Clone)]
pub(super) struct Inner<S> {
    pub(super) paths: Vec<PathEntry<S>>,
    /// Patterns to indices of `paths`. It is kept from the start, as it finds conflicts.
    pub(super) tree: matchit::Router<usize>,
    pub(super) fallback: Fallback<S>,
    /// Answers the other methods of paths that are still to come.
    pub(super) not_allowed: Fallback<S>,
    /// Fallbacks of nested routers, by prefix.
    pub(super) nested: Vec<(Arc<Pattern>, Endpoint<S>)>,
    /// How refusals are answered, if not as they are.
    pub(super) refusals: Option<RefusalMap>,
    /// Made when the router is asked first.
    pub(super) table: OnceLock<Table>,
}

/// A pattern and its handlers.
#[derive(Clone)]
pub(super) struct PathEntry<S> {
    pub(super) pattern: Arc<Pattern>,
    pub(super) methods: Vec<(Declaration, Endpoint<S>)>,
    /// Answers the other methods.
    pub(super) not_allowed: Fallback<S>,
}

pub(super) struct Fallback<S> {
    pub(super) endpoint: Endpoint<S>,
    /// Whether the user asked for it.
    pub(super) custom: bool,
}

impl<S> Clone for Fallback<S> {
    fn clone(&self) -> Self {
        Self { endpoint: self.endpoint.clone(), custom: self.custom }
    }
}

impl<S> Inner<S> {
    /// Adds a handler. A path that is new gets the answer to other methods that `not_allowed` says, if anybody asked for
    /// that, else this router's.
    #[track_caller]
    pub(super) fn add(
        &mut self,
        pattern: &str,
        declaration: Declaration,
        endpoint: Endpoint<S>,
        not_allowed: Option<&Fallback<S>>,
    ) {
        let pattern = match Pattern::parse(pattern) {
            Ok(pattern) => pattern,
            Err(error) => panic!("cannot route `{pattern}` to {}: {error}", Place(&declaration)),
        };
        let path = match self.tree.insert(pattern.as_str(), self.paths.len()) {
            Ok(()) => {
                // One that nobody asked for may have layers around it, so it is taken where there is nothing better.
                let not_allowed = not_allowed.filter(|theirs| theirs.custom || !self.not_allowed.custom);
                let (methods, not_allowed) = (Vec::new(), not_allowed.unwrap_or(&self.not_allowed).clone());
                self.paths.push(PathEntry { pattern: Arc::new(pattern), methods, not_allowed });
                self.paths.last_mut().expect("one was pushed")
            }
            Err(InsertError::Conflict { with }) => {
                let existing = self.paths.iter_mut().find(|path| path.pattern.as_str() == with);
                match existing {
                    Some(existing) if with == pattern.as_str() => {
                        if let Some(theirs) = not_allowed.filter(|theirs| theirs.custom && !existing.not_allowed.custom)
                        {
                            existing.not_allowed = theirs.clone();
                        }
                        existing
                    }
                    _ => {
                        let first = self.paths.iter().find(|path| are_in_conflict(&path.pattern, &pattern));
                        let (first, with) = first.map_or((String::new(), with.as_str()), |path| {
                            (Place(&path.methods[0].0).to_string(), path.pattern.as_str())
                        });
                        panic!(
                            "{} at `{}` is in conflict with {first} at `{with}`: a path could be either's",
                            Place(&declaration),
                            pattern.as_str()
                        )
                    }
                }
            }
            Err(error) => panic!("cannot route `{}` to {}: {error}", pattern.as_str(), Place(&declaration)),
        };
        if let Some((first, _)) = path.methods.iter().find(|(other, _)| other.method == declaration.method) {
            panic!(
                "{} is in conflict with {}: both answer {} {}",
                Place(&declaration),
                Place(first),
                declaration.method,
                path.pattern.as_str()
            );
        }
        path.methods.push((declaration, endpoint));
    }

    #[track_caller]
    pub(super) fn add_nested(&mut self, prefix: &str, endpoint: Endpoint<S>) {
        let prefix = Pattern::parse(prefix).unwrap_or_else(|error| panic!("cannot nest under `{prefix}`: {error}"));
        if let Some((other, _)) = self.nested.iter().find(|(other, _)| other.nameless() == prefix.nameless()) {
            panic!("there are two fallbacks for the same paths, `{}` and `{}`", other.as_str(), prefix.as_str());
        }
        self.nested.push((Arc::new(prefix), endpoint));
    }

    /// What is declared.
    pub(super) fn list(&self) -> impl Iterator<Item = RouteInfo<'_>> {
        self.paths.iter().flat_map(|path| {
            path.methods.iter().map(|(declaration, _)| RouteInfo {
                method: &declaration.method,
                pattern: path.pattern.as_str(),
                handler: declaration.handler,
                summary: declaration.summary,
                options: declaration.options,
            })
        })
    }

    pub(super) fn bind<S2>(self, state: &Shared<S>) -> Inner<S2> {
        let bind = |endpoint: Endpoint<S>| Endpoint::Bound(endpoint.bind(state));
        let bind_fallback = |Fallback { endpoint, custom }| Fallback { endpoint: bind(endpoint), custom };
        let Self { paths, tree, fallback, not_allowed, nested, refusals, table: _ } = self;
        let paths = paths.into_iter().map(|PathEntry { pattern, methods, not_allowed }| PathEntry {
            pattern,
            methods: methods.into_iter().map(|(declaration, endpoint)| (declaration, bind(endpoint))).collect(),
            not_allowed: bind_fallback(not_allowed),
        });
        Inner {
            paths: paths.collect(),
            tree,
            fallback: bind_fallback(fallback),
            not_allowed: bind_fallback(not_allowed),
            nested: nested.into_iter().map(|(prefix, endpoint)| (prefix, bind(endpoint))).collect(),
            refusals,
            table: OnceLock::new(),
        }
    }
}

/// Whether two patterns cannot stand in one tree. Which one of many it is the tree does not always tell.
fn are_in_conflict(first: &Pattern, second: &Pattern) -> bool {
    let mut tree = matchit::Router::new();
    tree.insert(first.as_str(), ()).is_ok() && tree.insert(second.as_str(), ()).is_err()
}

/// The value of `Allow`, on its way to the answer of status 405.
#[derive(Clone)]
struct Allowed(HeaderValue);

impl<S> PathEntry<S> {
    /// The methods that are answered here, as [`not_allowed`] expects them in the request.
    pub(super) fn note_allowed(&self, request: &mut Request) {
        let has = |method: &Method| self.methods.iter().any(|(declaration, _)| declaration.method == *method);
        let mut names: Vec<_> = self.methods.iter().map(|(declaration, _)| declaration.method.as_str()).collect();
        if has(&Method::GET) && !has(&Method::HEAD) {
            names.push(Method::HEAD.as_str());
        }
        let value = HeaderValue::try_from(names.join(", ")).expect("method names are visible ascii");
        request.extensions_mut().insert(Allowed(value));
    }
}

/// The answer to a path without a handler.
pub(super) fn not_found(request: &mut Request) -> ResponseFuture {
    let problem = Problem::new(StatusCode::NOT_FOUND).detail("no handler is declared for this path");
    ResponseFuture::ready(Refuser::of(request).refuse(problem))
}

/// The answer to a method without a handler.
pub(super) fn not_allowed(request: &mut Request) -> ResponseFuture {
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED).detail("this path has no handler for the method");
    let response = Refuser::of(request).refuse(problem);
    // A mapping may have chosen another status, which `Allow` does not go with.
    ResponseFuture::ready(with_allow(response, request.extensions_mut().remove()))
}

/// The answer of a function to a method without a handler.
pub(super) fn not_allowed_by<S, F, A>(function: F) -> Endpoint<S>
where
    S: Clone + Send + Sync + 'static,
    F: HandlerFn<S, A>,
{
    Endpoint::waiting(move |request, state| {
        let allowed = request.extensions_mut().remove();
        let answer = function.call(request, state);
        ResponseFuture::new(async move {
            match answer.await {
                Ok(response) => with_allow(response, allowed),
                Err(never) => match never {},
            }
        })
    })
}

/// Says in an answer of status 405 what is allowed, as RFC 9110, section 15.5.6, asks.
fn with_allow(mut response: Response, allowed: Option<Allowed>) -> Response {
    if let Some(Allowed(methods)) = allowed
        && response.status() == StatusCode::METHOD_NOT_ALLOWED
    {
        response.headers_mut().entry(header::ALLOW).or_insert(methods);
    }
    response
}
