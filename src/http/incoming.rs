//! From the bus to HTTP: calls become requests, replies become responses.
//!
//! URI, header values and body are slices of the one private block that was copied out of shared memory, but for values that
//! came before and for a path with a query, which the wire has apart.

use std::mem;

use http::{Method, Request, Response, StatusCode};

use super::header_builder::{HeaderBuilder, HeaderFault};
use super::outgoing::has_body;
use super::spare::extensions_of;
use super::target::target;
use crate::body::Body;
use crate::protocol::{Call, CallError, Reply, ReplyError, correct_content_length, keep_one_content_length};

/// Makes a request of a call with at most `header_limit` headers, which takes out of the call what it holds.
///
/// It is put in its place instead of returned: a request is long, and each move takes 5 to 15 ns.
#[inline]
pub(crate) fn put_request(
    place: &mut Option<Request<Body>>,
    call: &mut Call,
    header_limit: usize,
) -> Result<(), CallError> {
    let Call { id, method, meta, body, from_published_hub: _, caller } = call;
    let (head, list) = Call::head(meta)?;
    let builder = HeaderBuilder { block: meta, list, content_type: b"" };
    let mut headers = builder.build(header_limit).map_err(|fault| match fault {
        HeaderFault::Record(error) => CallError::Meta(error),
        HeaderFault::TooMany { count, limit } => CallError::TooManyHeaders { count, limit },
        HeaderFault::Name(name) => CallError::HeaderName(name),
        HeaderFault::Value(name) => CallError::HeaderValue(name),
    })?;
    let uri = target(meta, head.path, head.query)?;
    correct_content_length(&mut headers, body.len());
    let slice = |text: &str| meta.slice_ref(text.as_bytes());
    let extensions = extensions_of(*id, |context| {
        context.hub_pattern = slice(head.route_pattern);
        context.hub_params = head.path_params.iter().map(|&(name, value)| (slice(name), slice(value))).collect();
        context.caller = caller.take();
    });
    let body = mem::take(body);
    let request = place.insert(Request::new(if body.is_empty() { Body::empty() } else { Body::from(body) }));
    *request.method_mut() = mem::take(method);
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    *request.extensions_mut() = extensions;
    Ok(())
}

/// The request that `put_request` makes.
#[cfg(any(fuzzing, test, feature = "__bench"))]
pub(crate) fn call_to_request(mut call: Call, header_limit: usize) -> Result<Request<Body>, CallError> {
    let mut place = None;
    put_request(&mut place, &mut call, header_limit)?;
    Ok(place.expect("it was put there"))
}

/// Makes a response of a reply, with at most `header_limit` headers, to a request of `method`.
pub(crate) fn reply_to_response(
    reply: Reply,
    method: &Method,
    header_limit: usize,
) -> Result<Response<Body>, ReplyError> {
    let status = StatusCode::from_u16(reply.status).map_err(|_| ReplyError::Status(reply.status))?;
    let (content_type, list) = reply.head()?;
    let builder = HeaderBuilder { block: &reply.meta, list, content_type };
    let mut headers = builder.build(header_limit).map_err(|fault| match fault {
        HeaderFault::Record(error) => ReplyError::Meta(error),
        HeaderFault::TooMany { count, limit } => ReplyError::TooManyHeaders { count, limit },
        HeaderFault::Name(name) => ReplyError::Header(name),
        HeaderFault::Value(name) => ReplyError::Header(name.as_str().to_owned()),
    })?;
    let body = if has_body(method, status) {
        correct_content_length(&mut headers, reply.body.len());
        Body::from(reply.body)
    } else {
        keep_one_content_length(&mut headers, status != StatusCode::NO_CONTENT);
        Body::empty()
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::header::CONTENT_TYPE;
    use http_body_util::BodyExt;

    use super::*;
    use crate::http::context::CallContext;
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
        let length = |method: Method, status: u16, said: [&str; 2], body: &'static str| {
            let headers = pairs(&said.map(|length| ("content-length", length)));
            let meta = postcard::to_allocvec(&ResponseMeta { headers, ..Default::default() }).unwrap().into();
            let reply = Reply { status, meta, body: Bytes::from_static(body.as_bytes()) };
            let response = reply_to_response(reply, &method, 256).unwrap();
            let lengths = response.headers().get_all("content-length").iter();
            lengths.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(length(Method::GET, 200, ["3", "7"], "body"), ["4"]);
        // What it would be nobody knows but the worker, unless that contradicts itself.
        assert_eq!(length(Method::HEAD, 200, ["3", "3"], ""), ["3"]);
        assert_eq!(length(Method::GET, 304, ["3", "3"], ""), ["3"]);
        assert_eq!(length(Method::HEAD, 200, ["3", "7"], ""), [""; 0]);
        assert_eq!(length(Method::GET, 204, ["0", "0"], ""), [""; 0]);
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
