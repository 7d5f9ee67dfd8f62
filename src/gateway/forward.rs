//! A request's way through the gateway to its worker, and the answer's way back.

use std::net::SocketAddr;

use axum_core::response::Response;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode, Version, uri};

use super::builder::Options;
use super::refused::Refused;
use super::table::Target;
use super::upload::Received;
use crate::body::Body;
use crate::control::SECRET_HEADER;
use crate::hub::Route;
use crate::protocol::{RequestId, strip_hop_by_hop};

/// The header of the request's id, both ways.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Sends a request to its worker and makes its answer the client's.
pub(super) async fn forward(
    options: &Options,
    target: &Target,
    peer: SocketAddr,
    id: RequestId,
    received: Received,
) -> Result<Response, Refused> {
    let Received { request, deadline } = received;
    let (mut parts, body) = request.into_parts();
    prepare(&mut parts, target, peer, id);
    // A worker that has registered GET alone knows nothing of HEAD.
    let is_head_by_get = parts.method == Method::HEAD && target.method == Method::GET;
    if is_head_by_get {
        parts.method = Method::GET;
    }
    let mut timeout = options.timeout;
    if let Some(deadline) = deadline {
        timeout = deadline.remaining();
        parts.extensions.insert(deadline);
    }
    let response = target.worker.call(Request::from_parts(parts, body), options.retries, timeout).await?;
    let mut response = finish(response)?;
    if is_head_by_get {
        let length = http_body::Body::size_hint(response.body()).exact();
        *response.body_mut() = Body::empty();
        // These have no body with GET either, so that it is empty says nothing of a length (RFC 9110 section 8.6).
        let has_body = ![StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&response.status());
        if let Some(length) = length.filter(|_| has_body) {
            response.headers_mut().entry(header::CONTENT_LENGTH).or_insert(length.into());
        }
    }
    Ok(response)
}

/// Refuses what has no place on the bus: a connection that is to become another protocol's; and a request that does not say, or
/// says twice, for which host it is (RFC 9112 section 3.2).
pub(super) fn check_protocol<B>(request: &Request<B>) -> Result<(), Refused> {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    if hosts > 1 || hosts == 0 && request.version() == Version::HTTP_11 {
        return Err(Refused::bad_request("a request says once for which host it is"));
    }
    let refused = |detail| Err(Refused::new(StatusCode::NOT_IMPLEMENTED, detail));
    if request.method() == Method::CONNECT {
        return refused("tunnels cannot be carried: the bus knows requests and answers only");
    }
    let protocols = request.headers().get_all(header::UPGRADE).iter().filter_map(|value| value.to_str().ok());
    // A client that would like HTTP/2 is content with HTTP/1.1, which it spoke.
    let others =
        protocols.flat_map(|value| value.split(',')).map(str::trim).any(|name| !name.eq_ignore_ascii_case("h2c"));
    if others {
        return refused("upgrades, as to websocket, cannot be carried: the bus knows requests and answers only");
    }
    Ok(())
}

/// Makes a client's head that of a request on the bus.
pub(super) fn prepare(parts: &mut http::request::Parts, target: &Target, peer: SocketAddr, id: RequestId) {
    let headers = &mut parts.headers;
    strip_hop_by_hop(headers);
    headers.remove(SECRET_HEADER);
    headers.remove(header::EXPECT);
    // What the target says comes before what the header says (RFC 9112 section 3.2.2); names and passwords are no part of it.
    let host = parts.uri.authority().and_then(|authority| authority.as_str().rsplit('@').next());
    if let Some(Ok(host)) = host.map(HeaderValue::from_str) {
        headers.insert(header::HOST, host);
    }
    note_client(headers, peer);
    headers.insert(REQUEST_ID, HeaderValue::from_str(id.as_str()).expect("an id is visible ascii"));
    let path = parts.uri.path_and_query().cloned().unwrap_or_else(|| uri::PathAndQuery::from_static("/"));
    let route = route(target, path.path());
    parts.uri = path.into();
    parts.extensions.clear();
    parts.extensions.insert(id);
    parts.extensions.insert(route);
}

/// What a worker is told of the route that was matched.
pub(super) fn route(target: &Target, path: &str) -> Route {
    let params = target.pattern.captures(path).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Route { pattern: target.registered.clone(), params }
}

/// Says whose request it is, behind what proxies before have said.
fn note_client(headers: &mut HeaderMap, peer: SocketAddr) {
    let ip = peer.ip().to_canonical();
    append(headers, FORWARDED_FOR, &ip.to_string());
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).filter(|host| !host.contains(['"', '\\']));
    let host = host.map(|host| format!(";host=\"{host}\"")).unwrap_or_default();
    // RFC 7239: an address with colons is quoted and in brackets.
    let element =
        if ip.is_ipv6() { format!("for=\"[{ip}]\"{host};proto=http") } else { format!("for={ip}{host};proto=http") };
    append(headers, header::FORWARDED, &element);
}

/// Appends an element to a header that is a list.
fn append(headers: &mut HeaderMap, name: HeaderName, element: &str) {
    // As bytes: a client that writes others than of ASCII must not take away what a proxy has added behind them.
    let former = headers.get_all(&name).iter().map(HeaderValue::as_bytes);
    let list: Vec<_> = former.filter(|value| !value.trim_ascii().is_empty()).chain([element.as_bytes()]).collect();
    if let Ok(value) = HeaderValue::from_bytes(&list.join(&b", "[..])) {
        headers.insert(name, value);
    }
}

/// Makes a worker's answer one that may go out. The hub has taken out what speaks of a connection.
fn finish(response: Response) -> Result<Response, Refused> {
    if response.status().is_informational() {
        let detail = format!("the worker answered {}, which ends no request", response.status().as_u16());
        return Err(Refused::new(StatusCode::BAD_GATEWAY, detail));
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_before_are_kept_in_order() {
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, HeaderValue::from_static("203.0.113.9"));
        headers.append(FORWARDED_FOR, HeaderValue::from_static("198.51.100.1"));
        headers.insert(header::HOST, HeaderValue::from_static("example.org"));
        note_client(&mut headers, "[::ffff:127.0.0.1]:80".parse().unwrap());
        assert_eq!(headers[FORWARDED_FOR], "203.0.113.9, 198.51.100.1, 127.0.0.1");
        assert_eq!(headers[header::FORWARDED], "for=127.0.0.1;host=\"example.org\";proto=http");
        note_client(&mut headers, "[2001:db8::1]:80".parse().unwrap());
        assert!(
            headers[header::FORWARDED]
                .to_str()
                .unwrap()
                .ends_with(", for=\"[2001:db8::1]\";host=\"example.org\";proto=http")
        );
    }

    #[test]
    fn what_proxies_before_have_said_stays_whatever_the_client_wrote() {
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, HeaderValue::from_bytes("é, 203.0.113.9".as_bytes()).unwrap());
        note_client(&mut headers, "127.0.0.1:80".parse().unwrap());
        assert_eq!(headers[FORWARDED_FOR].as_bytes(), "é, 203.0.113.9, 127.0.0.1".as_bytes());
    }

    #[test]
    fn an_upgrade_to_h2c_is_ignored_and_any_other_refused() {
        let upgrade = |to: &str| Request::get("/").header("host", "a").header("upgrade", to).body(()).unwrap();
        assert!(check_protocol(&upgrade("h2c")).is_ok());
        for other in ["websocket", "h2c, websocket", "TLS/1.0"] {
            assert_eq!(check_protocol(&upgrade(other)).unwrap_err().status, StatusCode::NOT_IMPLEMENTED);
        }
        assert!(check_protocol(&Request::connect("example.org:443").body(()).unwrap()).is_err());
    }
}
