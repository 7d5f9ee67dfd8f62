//! The control plane: what workers ask of the gateway beside the bus, and what it says of itself.

use std::sync::Arc;

use axum_core::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

use super::Inner;
use super::client_body::{BodyFault, ClientBody};
use super::refused::Refused;
use super::streams::{Topic, frame};
use crate::control::{EMIT_PATH, Event, HEALTH_PATH, Health, REGISTER_PATH, Registration, SSE_PUSH_PATH, SsePush};

/// The longest message of a worker, in bytes; that of `slotbus-hub`.
pub(super) const MESSAGE_LIMIT: usize = 2 << 20;
/// How many registrations, and how many events, are taken at once; so much of them is in memory.
pub(super) const REGISTRATIONS: usize = 64;
pub(super) const EVENTS: usize = 64;

const EVENTS_PATH: &str = "/events";
const METRICS_PATH: &str = "/metrics";

/// Something that the gateway itself answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Service {
    Register,
    Emit,
    Push,
    Health,
    Events(Topic),
    Metrics,
}

impl Service {
    /// What is at `path`, if the gateway has anything there.
    pub(super) fn at(path: &str, has_metrics: bool) -> Option<Self> {
        match path {
            REGISTER_PATH => Some(Self::Register),
            EMIT_PATH => Some(Self::Emit),
            SSE_PUSH_PATH => Some(Self::Push),
            HEALTH_PATH => Some(Self::Health),
            EVENTS_PATH => Some(Self::Events(Topic::Everything)),
            METRICS_PATH if has_metrics => Some(Self::Metrics),
            _ => {
                let channel = path.strip_prefix(EVENTS_PATH)?.strip_prefix('/')?;
                let channel = percent_encoding::percent_decode_str(channel).decode_utf8().ok()?;
                (!channel.is_empty() && !channel.contains('/')).then(|| Self::Events(Topic::Channel(channel.into())))
            }
        }
    }

    /// The path, as metrics name it.
    pub(super) fn route(&self) -> &'static str {
        match self {
            Self::Register => REGISTER_PATH,
            Self::Emit => EMIT_PATH,
            Self::Push => SSE_PUSH_PATH,
            Self::Health => HEALTH_PATH,
            Self::Events(Topic::Channel(_)) => "/events/{channel}",
            Self::Events(_) => EVENTS_PATH,
            Self::Metrics => METRICS_PATH,
        }
    }

    fn method(&self) -> Method {
        match self {
            Self::Register | Self::Emit | Self::Push => Method::POST,
            Self::Health | Self::Events(_) | Self::Metrics => Method::GET,
        }
    }

    /// Answers a request.
    pub(super) async fn answer(self, gateway: &Arc<Inner>, request: Request<Incoming>) -> Result<Response, Refused> {
        let allowed = self.method();
        if *request.method() != allowed && !(allowed == Method::GET && *request.method() == Method::HEAD) {
            let allow = if allowed == Method::GET { "GET, HEAD" } else { "POST" };
            return Err(Refused::not_allowed(HeaderValue::from_static(allow)));
        }
        match self {
            Self::Register => {
                let _place = take(&gateway.registrations)?;
                let registration: Registration = read(gateway, request).await?;
                // On a task of its own: a worker that does not wait for the answer leaves nothing half done.
                let (done, registered) = oneshot::channel();
                let registering = Arc::clone(gateway);
                gateway.tasks.begin(async move {
                    let registered = registering.registry.register(registration, &registering.options).await;
                    registering.audience.follow(&registering);
                    let _ = done.send(registered);
                });
                let registered = registered.await.map_err(|_| Refused::internal("the registration was cut short"))?;
                Ok(json(&registered?))
            }
            Self::Emit => {
                let _place = take(&gateway.events)?;
                let event: Event = read(gateway, request).await?;
                gateway.streams.emit(&event)?;
                Ok(json(&serde_json::json!({})))
            }
            Self::Push => {
                let _place = take(&gateway.events)?;
                push(gateway, read(gateway, request).await?)
            }
            Self::Health => Ok(json(&Health { ok: true, workers: gateway.registry.list() })),
            Self::Events(topic) => Ok(gateway.streams.open(topic, |_, _| ())?.into_response()),
            Self::Metrics => {
                let text = gateway.options.render.as_ref().map(|render| render()).unwrap_or_default();
                let content_type = HeaderValue::from_static("text/plain; version=0.0.4");
                Ok(([(header::CONTENT_TYPE, content_type)], text).into_response())
            }
        }
    }
}

/// Sends an event to whoever listens to a path.
fn push(gateway: &Inner, push: SsePush) -> Result<Response, Refused> {
    let SsePush { path, pattern, params, event_type, data } = push;
    let frame = frame(&event_type, &data)?;
    let path = match (path, pattern) {
        (Some(path), _) => path,
        (None, Some(pattern)) => fill(&pattern, &params.unwrap_or_default())
            .ok_or_else(|| Refused::bad_request(format!("params do not fill the pattern {pattern}")))?,
        (None, None) => return Err(Refused::bad_request("give path, or pattern and params")),
    };
    let outcome = gateway.streams.send(&Topic::Path(path.clone()), &frame);
    if outcome.full > 0 {
        tracing::warn!(path, clients = outcome.full, "slow clients miss an event");
    }
    match (outcome.sent, outcome.full) {
        (0, 0) => Err(Refused::new(StatusCode::NOT_FOUND, format!("no client listens to {path}"))),
        (0, _) => Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, "the client is too slow: the event was dropped")),
        _ => Ok(json(&serde_json::json!({ "ok": true }))),
    }
}

/// The path that `pattern` is with these parameters.
fn fill(pattern: &str, params: &std::collections::HashMap<String, String>) -> Option<String> {
    let pattern = crate::http::pattern::Pattern::parse(pattern).ok()?;
    let mut path = String::new();
    let mut rest = pattern.as_str();
    while let Some((before, parameter)) = rest.split_once('{') {
        let (name, after) = parameter.split_once('}')?;
        path.push_str(before);
        path.push_str(params.get(name.trim_start_matches('*'))?);
        rest = after;
    }
    path.push_str(rest);
    Some(path)
}

/// A place among messages that are being taken.
fn take(places: &Semaphore) -> Result<SemaphorePermit<'_>, Refused> {
    let full = |_| Refused::new(StatusCode::TOO_MANY_REQUESTS, "too many workers speak at once: try again in a second");
    places.try_acquire().map_err(full)
}

/// Reads a worker's message.
async fn read<T: DeserializeOwned>(gateway: &Inner, request: Request<Incoming>) -> Result<T, Refused> {
    check_origin(request.headers())?;
    let body = ClientBody::new(request.into_body(), MESSAGE_LIMIT, gateway.options.patience);
    // It takes a place, so it is not only each piece that has to come in time.
    let reading = tokio::time::timeout(gateway.options.timeout, body.collect()).await;
    let body = reading.map_err(|_| Refused::new(StatusCode::REQUEST_TIMEOUT, "the body took too long"))?;
    let body = body.map_err(|fault: BodyFault| Refused::from(&fault))?.to_bytes();
    serde_json::from_slice(&body)
        .map_err(|error| Refused::bad_request(format!("the body is not what is asked for: {error}")))
}

/// A browser sends what a page of anybody's asks for, but says so; and without asking first it sends no JSON.
fn check_origin(headers: &HeaderMap) -> Result<(), Refused> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if headers.contains_key(header::ORIGIN) {
        Err(Refused::new(StatusCode::FORBIDDEN, "pages in browsers do not speak for workers"))
    } else if essence.eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "workers say application/json"))
    }
}

fn json(value: &impl Serialize) -> Response {
    let body = serde_json::to_vec(value).expect("strings and numbers always serialise");
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn a_pattern_is_filled_whole_or_not_at_all() {
        let params = HashMap::from([("id".to_owned(), "7".to_owned()), ("{x}".to_owned(), "no".to_owned())]);
        assert_eq!(fill("/a/{id}/events", &params).as_deref(), Some("/a/7/events"));
        assert_eq!(fill("/a/:id", &params).as_deref(), Some("/a/7"));
        assert_eq!(fill("/a/{other}", &params), None);
        assert_eq!(fill("a", &params), None);
    }

    #[test]
    fn only_paths_of_the_control_plane_are_the_gateways() {
        assert_eq!(Service::at("/events", false), Some(Service::Events(Topic::Everything)));
        assert_eq!(Service::at("/events/a%20b", false), Some(Service::Events(Topic::Channel("a b".to_owned()))));
        for other in ["/", "/events/", "/events/a/b", "/eventsx", "/metrics", "/internal", "/health/"] {
            assert_eq!(Service::at(other, false), None, "{other}");
        }
        assert_eq!(Service::at("/metrics", true), Some(Service::Metrics));
    }
}
