//! The routes of a registration, checked.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::{Method, StatusCode};

use super::builder::Options;
use super::plane::Service;
use super::refused::Refused;
use super::table::Target;
use super::worker::Worker;
use crate::control::{PING_PATH, Route};
use crate::http::pattern::Pattern;
use crate::protocol::encode_method;

/// The longest path of a route, in bytes.
const LONGEST: usize = 1024;

/// A route that was checked.
#[derive(Clone, Debug)]
pub(super) struct ParsedRoute {
    method: Method,
    registered: String,
    pattern: Pattern,
    sse: bool,
}

impl ParsedRoute {
    pub(super) fn of(&self, worker: &Arc<Worker>) -> Target {
        let Self { method, registered, pattern, sse } = self.clone();
        Target { worker: Arc::clone(worker), method, registered, pattern, sse }
    }
}

/// Checks routes; each once, and without that of pings, which is nobody's.
pub(super) fn parse(routes: &[Route], options: &Options) -> Result<Vec<ParsedRoute>, Refused> {
    if routes.len() > options.routes_of_name {
        let (count, most) = (routes.len(), options.routes_of_name);
        let detail = format!("the registration has {count} routes, more than {most}: join some by a parameter");
        return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    let mut seen = BTreeSet::new();
    let mut parsed = Vec::new();
    for Route { method, path, sse } in routes.iter().filter(|route| route.path != PING_PATH) {
        if path.len() > LONGEST {
            let detail = format!("a route of {} bytes is longer than {LONGEST}", path.len());
            return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        let refused = |why: String| Refused::bad_request(format!("route {method} {path}: {why}"));
        let known = Method::from_bytes(method.as_bytes()).ok().filter(|method| encode_method(method).is_some());
        let known = known
            .ok_or_else(|| refused("the bus carries GET, POST, PUT, DELETE, PATCH, HEAD and OPTIONS".to_owned()))?;
        if *sse && known != Method::GET {
            return Err(refused("a stream of events is asked for by GET".to_owned()));
        }
        let pattern = Pattern::parse(path).map_err(|error| refused(error.to_string()))?;
        if is_the_gateways(&pattern, options.render.is_some()) {
            let detail = format!("route {method} {path}: the gateway itself answers there, so it needs another path");
            return Err(Refused::new(StatusCode::CONFLICT, detail));
        }
        if seen.insert((known.to_string(), pattern.as_str().to_owned())) {
            parsed.push(ParsedRoute { method: known, registered: path.clone(), pattern, sse: *sse });
        }
    }
    Ok(parsed)
}

/// Whether the gateway itself answers whatever the pattern stands for. A parameter stands for one segment, as it does there.
fn is_the_gateways(pattern: &Pattern, has_metrics: bool) -> bool {
    !pattern.as_str().contains("{*") && Service::at(pattern.as_str(), has_metrics).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_the_gateways_when_no_path_of_it_is_left_to_a_worker() {
        for (pattern, has_metrics, is) in [
            ("/health", false, true),
            ("/internal/register", false, true),
            ("/events/{channel}", false, true),
            ("/events/some", false, true),
            ("/metrics", true, true),
            ("/metrics", false, false),
            ("/events/{*rest}", false, false),
            ("/{any}", true, false),
            ("/health/{of}", true, false),
        ] {
            assert_eq!(is_the_gateways(&Pattern::parse(pattern).unwrap(), has_metrics), is, "{pattern}");
        }
    }
}
