//! What the framework knows of a call, as one request extension.

use std::sync::Arc;

use crate::protocol::RequestId;

/// Travels in the extensions of every request that came through a bus.
///
/// One value instead of five: an extension costs an allocation each.
#[derive(Clone, Debug)]
pub(crate) struct CallContext {
    /// The id the hub gave the request.
    pub(crate) id: RequestId,
    /// The pattern the hub matched, as the hub wrote it (`/session/:id` or `/session/{id}`); empty when it matched none.
    pub(crate) hub_pattern: Arc<str>,
    /// The parameters the hub extracted: any order, not percent-decoded.
    pub(crate) hub_params: Vec<(Box<str>, Box<str>)>,
    /// What our router matched.
    pub(crate) matched: Option<MatchedRoute>,
}

/// The route our router chose.
#[derive(Clone, Debug)]
pub(crate) struct MatchedRoute {
    /// The pattern as declared, nesting prefixes included.
    pub(crate) pattern: Arc<str>,
    /// The parameters in the order of the pattern, percent-decoded.
    pub(crate) params: Vec<(Arc<str>, Box<str>)>,
}
