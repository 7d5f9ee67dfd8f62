//! From the bus to HTTP: calls become requests, replies become responses.
//!
//! URI, header values and body are slices of the one private block that was copied out of shared memory.

use std::sync::Weak;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};

use super::context::CallContext;
use super::headers::{correct_content_length, strip_hop_by_hop};
use super::names::KnownNames;
use super::outgoing::has_body;
use super::target::target;
use crate::body::Body;
use crate::protocol::{Call, CallError, HeaderSink, Reply, ReplyError, is_text};

/// What was wrong with the headers of a record.
enum HeaderFault {
    TooMany { count: usize, limit: usize },
    Name(String),
    Value(HeaderName),
}

/// Makes a header map whose values are slices of the block they stand in. Repeated names keep their order.
struct HeaderBuilder<'b> {
    block: &'b Bytes,
    names: KnownNames,
    headers: HeaderMap,
    /// How many the record says there are.
    count: usize,
    /// The most headers that are taken.
    limit: usize,
    fault: Option<HeaderFault>,
}

impl<'b> HeaderBuilder<'b> {
    fn new(block: &'b Bytes, limit: usize) -> Self {
        Self { block, names: KnownNames::take(), headers: HeaderMap::new(), count: 0, limit, fault: None }
    }

    fn finish(self) -> Result<HeaderMap, HeaderFault> {
        let Self { block: _, names: _, mut headers, count, limit, fault } = self;
        if count > limit {
            return Err(HeaderFault::TooMany { count, limit });
        }
        match fault {
            Some(fault) => Err(fault),
            None => {
                strip_hop_by_hop(&mut headers);
                Ok(headers)
            }
        }
    }
}

impl HeaderSink<'_> for HeaderBuilder<'_> {
    fn expect(&mut self, count: usize) {
        self.count = count;
        // What a peer announces is believed up to the limit only. One more is for the content type of a response.
        self.headers.reserve(count.min(self.limit) + 1);
    }

    fn add(&mut self, name: &[u8], value: &[u8]) {
        if self.fault.is_some() || self.count > self.limit {
            return;
        }
        let Ok(name) = self.names.get(name) else {
            self.fault = Some(HeaderFault::Name(String::from_utf8_lossy(name).into_owned()));
            return;
        };
        let is_text = is_text(value);
        match HeaderValue::from_maybe_shared(self.block.slice_ref(value)) {
            Ok(value) if is_text => drop(self.headers.append(name, value)),
            _ => self.fault = Some(HeaderFault::Value(name)),
        }
    }
}

/// Makes a request of a call with at most `header_limit` headers.
pub(crate) fn call_to_request(call: Call, header_limit: usize) -> Result<Request<Body>, CallError> {
    let mut headers = HeaderBuilder::new(&call.meta, header_limit);
    let head = call.head(&mut headers)?;
    let mut headers = headers.finish().map_err(|fault| match fault {
        HeaderFault::TooMany { count, limit } => CallError::TooManyHeaders { count, limit },
        HeaderFault::Name(name) => CallError::HeaderName(name),
        HeaderFault::Value(name) => CallError::HeaderValue(name),
    })?;
    let uri = target(&call.meta, head.path, head.query)?;
    correct_content_length(&mut headers, call.body.len());
    let slice = |text: &str| call.meta.slice_ref(text.as_bytes());
    let context = CallContext {
        id: call.id,
        hub_pattern: slice(head.route_pattern),
        hub_params: head.path_params.iter().map(|&(name, value)| (slice(name), slice(value))).collect(),
        matched: None,
        refusals: None,
        caller: call.caller,
        observed: Weak::new(),
    };
    let mut request = Request::new(if call.body.is_empty() { Body::empty() } else { Body::from(call.body) });
    *request.method_mut() = call.method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    request.extensions_mut().insert(context);
    Ok(request)
}

/// Makes a response of a reply, with at most `header_limit` headers, to a request of `method`.
pub(crate) fn reply_to_response(
    reply: Reply,
    method: &Method,
    header_limit: usize,
) -> Result<Response<Body>, ReplyError> {
    let status = StatusCode::from_u16(reply.status).map_err(|_| ReplyError::Status(reply.status))?;
    let mut headers = HeaderBuilder::new(&reply.meta, header_limit);
    let content_type = reply.head(&mut headers)?;
    let mut headers = headers.finish().map_err(|fault| match fault {
        HeaderFault::TooMany { count, limit } => ReplyError::TooManyHeaders { count, limit },
        HeaderFault::Name(name) => ReplyError::Header(name),
        HeaderFault::Value(name) => ReplyError::Header(name.as_str().to_owned()),
    })?;
    if !content_type.is_empty() {
        let value = HeaderValue::from_maybe_shared(reply.meta.slice_ref(content_type.as_bytes()))
            .map_err(|_| ReplyError::Header(CONTENT_TYPE.as_str().to_owned()))?;
        headers.insert(CONTENT_TYPE, value);
    }
    let body = if has_body(method, status) {
        correct_content_length(&mut headers, reply.body.len());
        Body::from(reply.body)
    } else {
        Body::empty()
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::protocol::{RequestId, RequestMeta, ResponseMeta};

    fn call(meta: &RequestMeta) -> Call {
        Call {
            id: RequestId::new("id-1").unwrap(),
            method: Method::POST,
            meta: postcard::to_allocvec(meta).unwrap().into(),
            body: Bytes::from_static(b"body"),
            from_published_hub: false,
            caller: None,
        }
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[tokio::test]
    async fn a_call_becomes_a_request_with_repeated_headers_in_order() {
        let headers = pairs(&[("Accept", "a"), ("x-b", "1"), ("accept", "b"), ("connection", "close")]);
        let meta = RequestMeta { path: "/p".into(), query: Some("q=1".into()), headers, ..RequestMeta::default() };
        let request = call_to_request(call(&meta), 256).unwrap();
        assert_eq!((request.method(), request.uri().to_string()), (&Method::POST, "/p?q=1".into()));
        assert_eq!(request.headers().get_all("accept").iter().collect::<Vec<_>>(), ["a", "b"]);
        assert!(!request.headers().contains_key("connection"));
        assert_eq!(request.extensions().get::<CallContext>().unwrap().id.as_str(), "id-1");
        assert_eq!(request.into_body().collect().await.unwrap().to_bytes(), "body");
    }

    #[test]
    fn headers_that_http_forbids_are_refused_by_name() {
        let refused = |header: (&str, &str)| {
            let meta = RequestMeta { path: "/".into(), headers: pairs(&[header]), ..RequestMeta::default() };
            let error = call_to_request(call(&meta), 256).unwrap_err();
            assert_eq!(error.status(), StatusCode::BAD_REQUEST);
            error.to_string()
        };
        assert_eq!(refused(("a b", "")), "header name \"a b\" is not allowed in http");
        assert_eq!(refused(("", "")), "header name \"\" is not allowed in http");
        assert_eq!(refused(("x", "a\r\nb")), "the value of header x is not allowed in http");
    }

    #[test]
    fn a_meta_that_is_no_postcard_record_is_refused_400() {
        for garbage in [&b""[..], b"\xff\xff\xff\xff\xff", b"\x02\xff\xfe\0\0\0\0", b"\x7f/"] {
            let call = Call { meta: Bytes::from_static(garbage), ..call(&RequestMeta::default()) };
            assert_eq!(call_to_request(call, 256).unwrap_err().status(), StatusCode::BAD_REQUEST, "{garbage:?}");
        }
    }

    #[test]
    fn sixty_thousand_empty_headers_are_answered_431() {
        let mut meta = vec![0, 0, 0, 0, 0xE0, 0xD4, 0x03];
        meta.extend(std::iter::repeat_n(0, 2 * 60_000));
        let error = call_to_request(Call { meta: meta.into(), ..call(&RequestMeta::default()) }, 256).unwrap_err();
        assert_eq!(error.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        assert_eq!(error.to_string(), "60000 headers exceed the limit of 256");
    }

    #[test]
    fn a_content_length_that_a_worker_got_wrong_is_corrected_unless_there_is_no_body() {
        let meta =
            ResponseMeta { headers: pairs(&[("content-length", "3"), ("content-length", "7")]), ..Default::default() };
        let length = |method: Method, body: &'static str| {
            let meta = postcard::to_allocvec(&meta).unwrap().into();
            let reply = Reply { status: 200, meta, body: Bytes::from_static(body.as_bytes()) };
            let response = reply_to_response(reply, &method, 256).unwrap();
            let lengths = response.headers().get_all("content-length").iter();
            lengths.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(length(Method::GET, "body"), ["4"]);
        assert_eq!(length(Method::HEAD, ""), ["3", "7"]);
    }

    #[test]
    fn a_reply_becomes_a_response_with_one_content_type() {
        let meta =
            ResponseMeta { content_type: "text/plain".into(), headers: pairs(&[("content-type", "a/b"), ("x", "1")]) };
        let reply = |status| Reply { status, meta: postcard::to_allocvec(&meta).unwrap().into(), body: Bytes::new() };
        let response = reply_to_response(reply(201), &Method::GET, 256).unwrap();
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers().get_all(CONTENT_TYPE).iter().collect::<Vec<_>>(), ["text/plain"]);
        assert_eq!(
            reply_to_response(reply(99), &Method::GET, 256).unwrap_err().to_string(),
            "status 99 is no http status"
        );
    }
}
