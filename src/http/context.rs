//! What the framework knows of a call, as one request extension.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use http::{Extensions, Request, uri::PathAndQuery};

use super::pattern::{Captures, Pattern};
use super::refuser::RefusalMap;
use super::spare::no_extensions;
use crate::observe::Observed;
use crate::protocol::{Caller, RequestId};

/// Travels in the extensions of every request that came through a bus.
///
/// One value instead of five: an extension costs an allocation each.
#[derive(Clone, Debug)]
pub(crate) struct CallContext {
    /// The id the hub gave the request.
    pub(crate) id: RequestId,
    /// The pattern the hub matched, as the hub wrote it (`/session/:id` or `/session/{id}`); empty when it matched none.
    pub(crate) hub_pattern: Bytes,
    /// The parameters the hub extracted: any order, not percent-decoded.
    pub(crate) hub_params: Vec<(Bytes, Bytes)>,
    /// What our router matched.
    pub(crate) matched: Option<MatchedRoute>,
    /// What our router matched for the call before this one in its place.
    pub(crate) matched_before: Option<Arc<Pattern>>,
    /// How our router wants refusals answered, if it was asked for something of its own.
    pub(crate) refusals: Option<RefusalMap>,
    /// How many bytes of the body an argument may read, if this crate was told.
    pub(crate) body_limit: Option<usize>,
    /// Who waits for the answer.
    pub(crate) caller: Option<Caller>,
    /// Who wants to know of the route, while the request is handled.
    pub(crate) observed: Weak<Observed>,
}

impl CallContext {
    /// That of a call with nothing to say.
    #[cfg(test)]
    pub(crate) fn of_test() -> Self {
        Self::new(RequestId::new("id-of-test").expect("it is visible ascii"))
    }

    /// That of a call with nothing to say but its id.
    pub(super) fn new(id: RequestId) -> Self {
        Self {
            id,
            hub_pattern: Bytes::new(),
            hub_params: Vec::new(),
            matched: None,
            matched_before: None,
            refusals: None,
            body_limit: None,
            caller: None,
            observed: Weak::new(),
        }
    }

    /// Drops what it says, for the next call to be put in its place, which is left the route's handle.
    #[inline]
    pub(crate) fn forget(&mut self) {
        let Self { id: _, hub_pattern, hub_params, matched, matched_before, refusals, body_limit, caller, observed } =
            self;
        (*hub_pattern, *hub_params) = (Bytes::new(), Vec::new());
        *matched_before = matched.take().map(|route| route.pattern);
        (*refusals, *body_limit) = (None, None);
        (*caller, *observed) = (None, Weak::new());
    }

    /// A handle of `pattern`: that of the call before, if it was the same, so that pumps do not fight over a reference count.
    #[inline]
    fn handle_of(&mut self, pattern: &Arc<Pattern>) -> Arc<Pattern> {
        let before = self.matched_before.take().filter(|before| Arc::ptr_eq(before, pattern));
        before.unwrap_or_else(|| Arc::clone(pattern))
    }

    /// The caller of the request with these extensions, where its hub tells of it.
    pub(crate) fn caller_in(extensions: &Extensions) -> Option<&Caller> {
        extensions.get::<Self>().and_then(|context| context.caller.as_ref())
    }

    /// The id of the call that made this request, if a bus did.
    #[inline]
    pub(crate) fn id_in(extensions: &Extensions) -> Option<RequestId> {
        extensions.get::<Self>().map(|context| context.id)
    }
}

/// The route our router chose.
///
/// It keeps the path it was chosen by, so a layer that rewrites the URI afterwards does not change the parameters.
#[derive(Clone, Debug)]
pub(crate) struct MatchedRoute {
    pattern: Arc<Pattern>,
    path: Option<PathAndQuery>,
    /// No route was chosen: it is the prefix of a nested router, whose fallback answers.
    is_prefix: bool,
}

impl MatchedRoute {
    /// The pattern as declared, nesting prefixes included, with braces.
    pub(crate) fn pattern(&self) -> &Arc<Pattern> {
        &self.pattern
    }

    /// The parameters in the order of the pattern, not percent-decoded.
    pub(crate) fn params(&self) -> Captures<'_> {
        self.pattern.captures(self.path.as_ref().map_or("", PathAndQuery::path))
    }

    /// The route chosen for the request with these extensions.
    pub(crate) fn find(extensions: &Extensions) -> Option<&Self> {
        Self::with_params(extensions).filter(|route| !route.is_prefix)
    }

    /// The same, or the prefix below which none was.
    pub(crate) fn with_params(extensions: &Extensions) -> Option<&Self> {
        match extensions.get::<CallContext>() {
            Some(context) => context.matched.as_ref(),
            None => extensions.get(),
        }
    }

    /// Notes `pattern`, which must describe the path of the request's `uri`, as that of the route that was chosen, or that none was: in
    /// the context of the call, or by itself when no bus is involved.
    #[inline]
    pub(crate) fn note<B>(pattern: Option<&Arc<Pattern>>, request: &mut Request<B>) {
        let has_params = pattern.is_some_and(|pattern| pattern.names().next().is_some());
        let path = if has_params { request.uri().path_and_query().cloned() } else { None };
        let extensions = request.extensions_mut();
        if let Some(context) = extensions.get_mut::<CallContext>() {
            if let Some(pattern) = pattern
                && let Some(observed) = context.observed.upgrade()
            {
                observed.matched(pattern.as_str());
            }
            let is_prefix = false;
            context.matched = pattern.map(|pattern| Self { pattern: context.handle_of(pattern), path, is_prefix });
        } else if let Some(pattern) = pattern {
            if extensions.is_empty() {
                *extensions = no_extensions();
            }
            extensions.insert(Self { pattern: Arc::clone(pattern), path, is_prefix: false });
        } else {
            extensions.remove::<Self>();
        }
    }

    /// Notes that no route was chosen below `prefix`, whose parameters are the request's all the same.
    pub(crate) fn note_prefix<B>(prefix: &Arc<Pattern>, request: &mut Request<B>) {
        let path = request.uri().path_and_query().cloned();
        let matched = Self { pattern: Arc::clone(prefix), path, is_prefix: true };
        match request.extensions_mut().get_mut::<CallContext>() {
            Some(context) => context.matched = Some(matched),
            None => drop(request.extensions_mut().insert(matched)),
        }
    }
}
