//! One request, from its head to its answer: who asks, for what, and who answers it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum_core::response::Response;
use http::{HeaderValue, Method, Request, StatusCode, header};
use hyper::body::Incoming;
use uuid::Uuid;

use super::Inner;
use super::forward::{self, REQUEST_ID};
use super::plane::Service;
use super::refused::Refused;
use super::streams::{self, Topic};
use super::table::{Found, Target};
use super::traffic::Place;
use super::{forward::check_protocol, secret};
use crate::body::Body;
use crate::control::{Lifecycle, SseLifecycle};
use crate::hub::Route;
use crate::observe::GatewayMeter;
use crate::protocol::RequestId;

/// How long a worker has to hear of a client that came or went.
const LIFECYCLE_TIMEOUT: Duration = Duration::from_secs(5);

/// Answers one request of `peer`; `place` is what it takes for as long as its answer is on its way.
pub(super) async fn answer(
    gateway: Arc<Inner>,
    peer: SocketAddr,
    request: Request<Incoming>,
    place: &mut Option<Place>,
) -> Response {
    let given = request.headers().get(REQUEST_ID).and_then(|value| RequestId::new(value.to_str().ok()?).ok());
    let id = given.unwrap_or_else(|| Uuid::new_v4().into());
    let mut meter = gateway.meters.request(request.method());
    let is_head = *request.method() == Method::HEAD;
    let result = find_and_answer(&gateway, peer, id, request, &mut meter, place).await;
    let mut response = result.unwrap_or_else(|refused| {
        if refused.status.is_server_error() {
            tracing::warn!(request_id = %id, %peer, ?refused, "a request has no worker's answer");
        }
        refused.into_response(id)
    });
    let value = HeaderValue::from_str(id.as_str()).expect("an id is visible ascii");
    response.headers_mut().insert(REQUEST_ID, value);
    meter.answered(response.status());
    if is_head { without_body(response) } else { response }
}

/// What HEAD is answered with: the head that GET has, and nothing behind it (RFC 9110 section 9.3.2).
fn without_body(mut response: Response) -> Response {
    let length = http_body::Body::size_hint(response.body()).exact().filter(|&length| length > 0);
    if let Some(length) = length {
        response.headers_mut().entry(header::CONTENT_LENGTH).or_insert(length.into());
    }
    *response.body_mut() = Body::empty();
    response
}

async fn find_and_answer(
    gateway: &Arc<Inner>,
    peer: SocketAddr,
    id: RequestId,
    request: Request<Incoming>,
    meter: &mut GatewayMeter,
    place: &mut Option<Place>,
) -> Result<Response, Refused> {
    check_head(gateway, &request)?;
    secret::check(gateway.options.secret.as_ref(), peer, request.headers())?;
    check_protocol(&request)?;
    if let Some(service) = Service::at(request.uri().path(), gateway.options.render.is_some()) {
        meter.matched(service.route());
        return service.answer(gateway, request).await;
    }
    let target = match gateway.registry.table().find(request.method(), request.uri().path()) {
        Found::Target(target) => target,
        Found::OtherMethods(allowed) => return Err(Refused::not_allowed(allowed)),
        Found::Nothing => return Err(Refused::new(StatusCode::NOT_FOUND, "no worker has registered this path")),
    };
    meter.matched(target.pattern.as_str());
    if target.sse {
        // Only GET opens a stream, and HEAD asks what GET would.
        let is_head = *request.method() == Method::HEAD;
        return if is_head { Ok(streams::head()) } else { open_stream(gateway, target, peer, id, request).await };
    }
    let taken = Arc::clone(&gateway.places).try_acquire_owned();
    let taken = taken.map_err(|_| Refused::new(StatusCode::SERVICE_UNAVAILABLE, "too many requests are in hand"))?;
    *place = Some(Arc::new(taken));
    forward::forward(&gateway.options, &target, peer, id, request).await
}

/// Refuses a head with too much in it.
fn check_head<B>(gateway: &Inner, request: &Request<B>) -> Result<(), Refused> {
    let (most, most_bytes) = (gateway.options.headers, gateway.options.header_bytes);
    let headers = request.headers();
    let refused = |detail: String| Err(Refused::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, detail));
    if headers.len() > most {
        return refused(format!("the request has {} headers, more than {most}", headers.len()));
    }
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    // As HTTP/2 counts them, roughly (RFC 9113 section 6.5.2).
    let bytes = headers.iter().fold(target, |sum, (name, value)| sum + name.as_str().len() + value.len() + 4);
    if bytes > most_bytes {
        return refused(format!("target and headers take {bytes} bytes, more than {most_bytes}"));
    }
    Ok(())
}

/// Holds a client's connection open; its worker hears of it, with the client's headers, and may refuse it.
async fn open_stream(
    gateway: &Arc<Inner>,
    target: Arc<Target>,
    peer: SocketAddr,
    id: RequestId,
    request: Request<Incoming>,
) -> Result<Response, Refused> {
    let path = request.uri().path().to_owned();
    let (mut parts, _) = request.into_parts();
    forward::prepare(&mut parts, &target, peer, id);
    for name in [http::header::CONTENT_LENGTH, http::header::CONTENT_TYPE] {
        parts.headers.remove(name);
    }
    let route: Route = parts.extensions.get().cloned().unwrap_or_default();
    let leaving = Leaving { target: Arc::clone(&target), uri: parts.uri.clone(), route: route.clone() };
    // Listed before its worker is told, so that no event is lost that the worker sends at once.
    let stream = gateway.streams.open(Topic::Path(path), {
        let gateway = Arc::clone(gateway);
        move || leaving.tell(&gateway)
    })?;
    let request = Request::from_parts(parts, lifecycle(Lifecycle::Connect, &route));
    let told = tokio::time::timeout(LIFECYCLE_TIMEOUT, target.worker.call(request, 0, LIFECYCLE_TIMEOUT)).await;
    let answer =
        told.map_err(|_| Refused::new(StatusCode::GATEWAY_TIMEOUT, "the worker did not take the client within 5 s"))??;
    if answer.status().is_client_error() || answer.status().is_server_error() {
        // Its worker does not want it. What ends now it is not told of any more than a client that was never there.
        stream.end_quietly();
        return Ok(answer);
    }
    Ok(stream.into_response())
}

/// A client that will be gone.
struct Leaving {
    target: Arc<Target>,
    uri: http::Uri,
    route: Route,
}

impl Leaving {
    /// Tells its worker, on a task that the gateway waits for when it ends.
    fn tell(self, gateway: &Inner) {
        gateway.tasks.begin(async move {
            let Self { target, uri, route } = self;
            let mut request = Request::new(lifecycle(Lifecycle::Disconnect, &route));
            *request.uri_mut() = uri;
            request.extensions_mut().insert(route);
            let telling = target.worker.call(request, 0, LIFECYCLE_TIMEOUT);
            if !matches!(tokio::time::timeout(LIFECYCLE_TIMEOUT, telling).await, Ok(Ok(_))) {
                tracing::warn!(worker = target.worker.name(), "not told that a client has gone");
            }
        });
    }
}

/// What a worker is told of a client.
fn lifecycle(what: Lifecycle, route: &Route) -> Body {
    let params: HashMap<_, _> = route.params.iter().cloned().collect();
    let body = SseLifecycle { sse_lifecycle: what, params };
    serde_json::to_vec(&body).expect("strings always serialise").into()
}
