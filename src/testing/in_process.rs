//! A service without a bus: what goes in and comes out is encoded and decoded as if it lay in a slot.

use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Request, Response, StatusCode};
use uuid::Uuid;

use super::client::Transport;
use crate::body::Body;
use crate::http::{BodyCollector, Deadline, reply_to_response, request_to_call};
use crate::hub::CallError;
use crate::protocol::{
    Call, CallError as Refusal, Limits, MAX_META, OutgoingReply, Reply, RequestId, Segments, WireError, decode_method,
};
use crate::worker::CallService;

/// How long a hub waits for an answer unless it is told otherwise.
const HUB_TIMEOUT: Duration = Duration::from_secs(30);

/// A service as a worker runs it.
pub(super) struct InProcess<C> {
    /// Cloned for each request, as a worker clones it for its pumps.
    service: Mutex<C>,
    /// The worker's.
    limits: Limits,
}

impl<C> InProcess<C> {
    pub(super) fn new(service: C, limits: Limits) -> Self {
        Self { service: Mutex::new(service), limits }
    }
}

impl<C: CallService<Request = Request<Body>>> Transport for InProcess<C> {
    fn send(&self, request: Request<Body>) -> BoxFuture<'static, Result<Response<Body>, CallError>> {
        let service = self.service.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(send(service, self.limits, request))
    }
}

async fn send<C>(service: C, limits: Limits, request: Request<Body>) -> Result<Response<Body>, CallError>
where
    C: CallService<Request = Request<Body>>,
{
    let hub = Limits::default();
    let latest = Deadline(Instant::now() + HUB_TIMEOUT);
    let deadline = Deadline::of(request.extensions()).map_or(latest, |own| own.min(latest));
    let (mut parts, body) = request.into_parts();
    let method = parts.method.clone();
    let mut call = request_to_call(&mut parts, hub.headers, || RequestId::from(Uuid::new_v4()))?;
    drop(parts);
    call.put_body(BodyCollector::new(body, hub.body).await?);
    let meta = Bytes::copy_from_slice(call.meta());
    if meta.len() > MAX_META {
        return Err(WireError::MetaTooLarge { len: meta.len(), limit: MAX_META }.into());
    }
    let call = Call {
        id: call.id,
        method: decode_method(call.method()).expect("it was encoded"),
        meta,
        body: join(call.body()),
        from_published_hub: false,
        caller: None,
    };
    let id = call.id;
    let reply = answer(service, limits, call, deadline).await;
    let reply = match reply.meta().len() {
        len if len > MAX_META => {
            let detail = format!("a meta of {len} bytes has no room in its slot");
            OutgoingReply::problem(StatusCode::INTERNAL_SERVER_ERROR, &detail, Some(&id))
        }
        _ => reply,
    };
    let meta = Bytes::copy_from_slice(reply.meta());
    let reply = Reply { status: reply.status().as_u16(), meta, body: join(reply.body()) };
    Ok(reply_to_response(reply, &method, hub.headers)?)
}

/// What a worker answers.
async fn answer<C>(mut service: C, limits: Limits, mut call: Call, deadline: Deadline) -> OutgoingReply
where
    C: CallService<Request = Request<Body>>,
{
    let id = call.id;
    let len = call.body.len();
    let mut place = None;
    let made = if len > limits.body {
        Err(Refusal::BodyTooLarge { len: u32::try_from(len).unwrap_or(u32::MAX), limit: limits.body })
    } else {
        service.request(&mut call, &mut place)
    };
    if let Err(refusal) = made {
        return OutgoingReply::problem(refusal.status(), &refusal.to_string(), Some(&id));
    }
    let request = place.as_mut().expect("it was put there");
    request.extensions_mut().insert(deadline);
    let ready = AssertUnwindSafe(std::future::poll_fn(|cx| service.poll_ready(cx))).catch_unwind().await;
    match ready {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return C::error(request, error),
        Err(_) => return C::error(request, "poll_ready panicked".into()),
    }
    // The panic's message was printed where it happened; a caller does not learn it.
    let ended = AssertUnwindSafe(async move { service.call(&mut place).await }).catch_unwind().await;
    ended.unwrap_or_else(|_| {
        OutgoingReply::problem(StatusCode::INTERNAL_SERVER_ERROR, "the handler panicked", Some(&id))
    })
}

fn join(body: &Segments) -> Bytes {
    body.only().cloned().unwrap_or_else(|| body.iter().collect::<Vec<_>>().concat().into())
}
