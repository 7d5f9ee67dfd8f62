//! One call: collect the body, wait for a slot, dispatch, wait for the answer.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use http::{HeaderMap, Method, Request, Response};

use super::answer::Answer;
use super::deadline::Deadline;
use super::error::{CallError, Unanswered};
use super::lent::give_back;
use super::manner::Manner;
use super::pool::Permit;
use super::sent::Sent;
use super::shared::Shared;
use crate::body::{Body, BoxError};
use crate::http::{BodyCollector, reply_to_response, request_to_call};
use crate::protocol::{OutgoingCall, Segments};
use crate::slot::{DispatchError, DispatchedSlot};

/// It takes longer to write so many bytes of a body than to look at the clock.
const LONG: usize = 4096;

/// What is kept of a request beside its call.
struct Head {
    method: Method,
    /// They are in the call; to drop them takes time.
    headers: HeaderMap,
}

impl Head {
    #[inline]
    fn drop_headers(&mut self) {
        self.headers = HeaderMap::new();
    }
}

/// Sends `request` and resolves to its response; `permit` is the slot that was waited for before, if any. `sent` is told whether
/// workers have it.
pub(super) fn call<B>(
    shared: Arc<Shared>,
    request: Request<B>,
    permit: Option<Permit>,
    manner: Manner,
    sent: Option<Sent>,
) -> impl Future<Output = Result<Response<Body>, CallError>> + use<B>
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    // Made a call before the future is. The clock and the meter start at the first poll.
    let (mut parts, body) = request.into_parts();
    let own = crate::http::Deadline::of(&parts.extensions);
    let mut call = request_to_call(&mut parts, shared.bus.limits().headers, || shared.next_id());
    let mut head = Head { method: parts.method, headers: parts.headers };
    async move {
        let meter = shared.meters.call();
        let collecting = pin!(Some(BodyCollector::new(body, shared.bus.body_limit())));
        let mut deadline = Deadline::start(shared, own);
        let result = match &mut call {
            Ok(call) => send(&mut deadline, call, &mut head, collecting, permit, manner, sent).await,
            Err(error) => Err(error.clone().into()),
        };
        meter.ended(result.as_ref().map_or_else(CallError::outcome, |_| "answered"));
        result
    }
}

async fn send<B>(
    deadline: &mut Deadline,
    call: &mut OutgoingCall,
    head: &mut Head,
    mut collecting: Pin<&mut Option<BodyCollector<B>>>,
    mut permit: Option<Permit>,
    manner: Manner,
    sent: Option<Sent>,
) -> Result<Response<Body>, CallError>
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    call.put_body(collect(collecting.as_mut(), deadline, &mut permit, head).await?);
    // What a body holds is not kept while its copy is handled.
    collecting.set(None);
    let header_limit = deadline.shared().bus.limits().headers;
    let mut waited = permit.filter(|permit| permit.is_of(&deadline.shared().pool));
    let reply = loop {
        let (permit, slot, rung) = match dispatch(deadline, waited.take(), call, head).await {
            Ok(dispatched) => dispatched,
            // Nothing was sent.
            Err(CallError::Closed) => {
                *deadline = deadline.moved()?;
                continue;
            }
            Err(CallError::TimedOut(after)) => return Err(CallError::Unclaimed(after)),
            Err(error) => return Err(error),
        };
        // Made before anything else is dropped: from now on it sees to the slot.
        let answer = Answer::new(deadline, permit, slot, rung, call.body().len(), manner, sent.clone());
        // Not before, unless there was something to wait for: a worker can have begun meanwhile.
        head.drop_headers();
        match answer.await {
            Ok(reply) => break reply,
            Err(Unanswered::Withdrawn) => *deadline = deadline.moved()?,
            Err(Unanswered::Failed(error)) => return Err(error),
        }
    };
    Ok(reply_to_response(reply, &head.method, header_limit)?)
}

/// Collects the request's body. A slot that was waited for before goes to others while the body is not there yet.
async fn collect<B>(
    mut collecting: Pin<&mut Option<BodyCollector<B>>>,
    deadline: &mut Deadline,
    permit: &mut Option<Permit>,
    head: &mut Head,
) -> Result<Segments, CallError>
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    poll_fn(|cx| {
        let body = collecting.as_mut().as_pin_mut().expect("it is taken away when it is collected");
        if let Poll::Ready(collected) = body.poll(cx) {
            return Poll::Ready(Ok(collected?));
        }
        *permit = None;
        head.drop_headers();
        loop {
            match deadline.watch(cx) {
                Ok(()) => return Poll::Pending,
                // Nothing was sent, so another region is as good.
                Err(CallError::Closed) => *deadline = deadline.moved()?,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    })
    .await
}

/// Writes `call` into a free slot and announces it; false when whoever parks before it is claimed owes a ring.
async fn dispatch(
    deadline: &mut Deadline,
    mut waited: Option<Permit>,
    call: &OutgoingCall,
    head: &mut Head,
) -> Result<(Permit, DispatchedSlot, bool), CallError> {
    let mut made_room = false;
    loop {
        let permit = match waited.take().or_else(|| deadline.shared().pool.acquire_at_once()) {
            Some(permit) => permit,
            None => {
                head.drop_headers();
                let acquire = deadline.shared().pool.acquire();
                deadline.limit(acquire).await?
            }
        };
        let now = deadline.check()?;
        let bus = &deadline.shared().bus;
        if !bus.bus().is_own_life() {
            // Another hub has taken the region over: nothing is written there any more.
            return Err(CallError::Closed);
        }
        match bus.reserve(permit.slot()) {
            Some(reserved) => {
                let (slot, rung) = match reserved.write(call, deadline.on_the_wire()) {
                    Ok(written) => {
                        // Another look at the clock is nothing beside a long body, and much beside a short one.
                        let now = if call.body().len() < LONG { now } else { Instant::now() };
                        let shared = deadline.shared();
                        written.announce_unless(shared.clock.nanos(now), || shared.is_attended())
                    }
                    Err(DispatchError::NoRoom(_)) if !made_room && deadline.shared().make_room() => {
                        made_room = true;
                        waited = Some(permit);
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                };
                return Ok((permit, slot, rung));
            }
            None => {
                // Somebody who is no hub wrote there. What nobody runs is made free; what somebody does is a zombie.
                let slot = DispatchedSlot::in_slot(bus, permit.slot());
                tracing::error!(bus = %bus.bus().name(), slot = %permit.slot(), "a free slot was written to");
                if slot.withdraw(bus) { drop(permit) } else { give_back(deadline.shared(), permit, slot) }
            }
        }
    }
}
