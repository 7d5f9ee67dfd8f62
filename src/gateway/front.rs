//! One request, from its head to its answer: who asks, for what, and who answers it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum_core::response::Response;
use http::{HeaderValue, Method, Request, StatusCode, header};
use hyper::body::Incoming;
use uuid::Uuid;

use super::Inner;
use super::forward::{self, REQUEST_ID};
use super::plane::Service;
use super::refused::Refused;
use super::streams;
use super::table::Found;
use super::traffic::Place;
use super::{audience, forward::check_protocol, secret, upload};
use crate::body::Body;
use crate::observe::GatewayMeter;
use crate::protocol::RequestId;

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
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let is_head = method == Method::HEAD;
    let result = find_and_answer(&gateway, peer, id, request, &mut meter, place).await;
    let mut response = result.unwrap_or_else(|refused| {
        if refused.status.is_server_error() {
            let (status, detail) = (refused.status.as_u16(), &*refused.detail);
            let path = uri.path();
            tracing::warn!(request_id = %id, %peer, %method, path, status, detail, "a request has no worker's answer");
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
        meter.kept(service.route());
        return service.answer(gateway, request).await;
    }
    let table = gateway.registry.table();
    let target = match table.find(request.method(), request.uri().path()) {
        Found::Target(target) => target,
        // Which paths there are is not known: a proxy in front is to ask another gateway.
        Found::Nothing if table.is_empty() => {
            return Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, "no worker has registered yet"));
        }
        Found::OtherMethods(allowed) => return Err(Refused::not_allowed(allowed)),
        Found::Nothing => return Err(Refused::new(StatusCode::NOT_FOUND, "no worker has registered this path")),
    };
    meter.matched(target.pattern.as_str());
    if target.sse {
        // Only GET opens a stream, and HEAD asks what GET would.
        let is_head = *request.method() == Method::HEAD;
        return if is_head { Ok(streams::head()) } else { audience::open(gateway, target, peer, id, request).await };
    }
    let received = upload::receive(gateway, request).await?;
    let taken = Arc::clone(&gateway.places).try_acquire_owned().map_err(|_| upload::too_many_requests())?;
    *place = Some(Arc::new(taken));
    forward::forward(&gateway.options, &target, peer, id, received).await
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
