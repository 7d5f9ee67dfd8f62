//! Refusing a request that is already on its way: what is kept of it, and how its router wants refusals answered.

use std::{fmt, sync::Arc};

use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Uri, header, request::Parts};

use super::{
    context::{CallContext, MatchedRoute},
    limit::exceeded_limit,
    pattern::Pattern,
};
use crate::{
    body::Body,
    protocol::RequestId,
    response::{IntoResponse as _, Problem, Refusal, Response},
};

/// What a router's mapping is told of a request that was refused, beside the [`Refusal`].
///
/// It is what can be kept of every request without taking memory for it. A mapping that needs more is a layer, which sees the
/// whole request first and the [`Refusal`] among the extensions of the response after.
#[derive(Clone, Debug)]
pub struct RefusedRequest {
    method: Method,
    uri: Uri,
    matched: Option<Arc<Pattern>>,
    request_id: Option<RequestId>,
    accept: Option<HeaderValue>,
    accept_language: Option<HeaderValue>,
}

impl RefusedRequest {
    fn of(method: &Method, uri: &Uri, headers: &HeaderMap, extensions: &Extensions) -> Self {
        Self {
            method: method.clone(),
            uri: uri.clone(),
            matched: MatchedRoute::find(extensions).map(|route| Arc::clone(route.pattern())),
            request_id: CallContext::id_in(extensions),
            accept: headers.get(header::ACCEPT).cloned(),
            accept_language: headers.get(header::ACCEPT_LANGUAGE).cloned(),
        }
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Path and query.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The pattern of the route that was chosen, as [`MatchedPath`](crate::MatchedPath) has it; none when none was.
    pub fn matched_path(&self) -> Option<&str> {
        self.matched.as_ref().map(|pattern| pattern.as_str())
    }

    /// The id of the call; none when the request did not come through a bus.
    pub fn request_id(&self) -> Option<&RequestId> {
        self.request_id.as_ref()
    }

    /// The first `Accept` header: the content types that the client wants (RFC 9110, section 12.5.1).
    pub fn accept(&self) -> Option<&str> {
        self.accept.as_ref().and_then(|value| value.to_str().ok())
    }

    /// The first `Accept-Language` header: the languages that the client wants (RFC 9110, section 12.5.4).
    pub fn accept_language(&self) -> Option<&str> {
        self.accept_language.as_ref().and_then(|value| value.to_str().ok())
    }
}

/// How a router wants refusals answered. It travels with the request, so that whoever refuses it finds the mapping of the
/// router it is in.
#[derive(Clone)]
pub(crate) struct RefusalMap(Arc<Map>);

type Map = dyn Fn(&Refusal, &RefusedRequest) -> Response + Send + Sync;

impl RefusalMap {
    pub(crate) fn new(map: impl Fn(&Refusal, &RefusedRequest) -> Response + Send + Sync + 'static) -> Self {
        Self(Arc::new(map))
    }

    fn find(extensions: &Extensions) -> Option<&Self> {
        match extensions.get::<CallContext>() {
            Some(context) => context.refusals.as_ref(),
            None => extensions.get(),
        }
    }

    /// Has refusals of the request with these extensions answered this way, from here inwards.
    pub(crate) fn note(&self, extensions: &mut Extensions) {
        match extensions.get_mut::<CallContext>() {
            Some(context) => context.refusals = Some(self.clone()),
            None => drop(extensions.insert(self.clone())),
        }
    }
}

impl fmt::Debug for RefusalMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefusalMap")
    }
}

/// Can refuse the request it was made of, after that is gone. Making one takes no memory.
#[derive(Debug)]
pub(crate) struct Refuser {
    request_id: Option<RequestId>,
    /// The route that was chosen, of a request that is refused already: what is kept of others costs each of them.
    route: Option<Arc<Pattern>>,
    /// The limit in bytes that the body of a request which is read whole exceeds, where it is known.
    exceeded_limit: Option<u64>,
    /// The request is kept only for somebody who wants to know of it.
    mapped: Option<(RefusalMap, RefusedRequest)>,
}

impl Refuser {
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        Self::new(request.method(), request.uri(), request.headers(), request.extensions())
    }

    /// As `of`, for a request whose body is about to be read whole.
    pub(crate) fn of_reader(request: &mut Request<Body>) -> Self {
        Self { exceeded_limit: exceeded_limit(request), ..Self::of(request) }
    }

    pub(crate) fn of_parts(parts: &Parts) -> Self {
        let Parts { method, uri, headers, extensions, .. } = parts;
        let route = MatchedRoute::find(extensions).map(|route| Arc::clone(route.pattern()));
        Self { route, ..Self::new(method, uri, headers, extensions) }
    }

    fn new(method: &Method, uri: &Uri, headers: &HeaderMap, extensions: &Extensions) -> Self {
        let request_id = CallContext::id_in(extensions);
        let mapped =
            RefusalMap::find(extensions).map(|map| (map.clone(), RefusedRequest::of(method, uri, headers, extensions)));
        Self { request_id, route: None, exceeded_limit: None, mapped }
    }

    /// The limit in bytes that the body exceeds, where it is known.
    pub(crate) fn exceeded_limit(&self) -> Option<u64> {
        self.exceeded_limit
    }

    /// The request.
    pub(crate) fn request_id(&self) -> Option<&RequestId> {
        self.request_id.as_ref()
    }

    /// The pattern of the route that was chosen.
    pub(crate) fn route(&self) -> Option<&str> {
        self.route.as_ref().map(|pattern| pattern.as_str())
    }

    /// `problem`, with the id of this request.
    pub(crate) fn about(&self, problem: Problem) -> Problem {
        problem.request_id(self.request_id)
    }

    /// The answer of a problem with no error behind it.
    pub(crate) fn refuse(&self, problem: Problem) -> Response {
        self.answer(Refusal::new(self.about(problem)))
    }

    /// The answer: as the router wants it, else the problem. It carries the refusal in any case.
    pub(crate) fn answer(&self, refusal: Refusal) -> Response {
        match &self.mapped {
            None => refusal.into_response(),
            Some((RefusalMap(map), request)) => {
                let mut response = map(&refusal, request);
                response.extensions_mut().insert(refusal);
                response
            }
        }
    }
}
