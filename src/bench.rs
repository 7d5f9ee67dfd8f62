//! What `benches/inprocess` measures: the paths of one request below the public interface. Compiled for it only, no part of
//! the interface.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::HeaderMap;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use tower::Service;
use uuid::Uuid;

use crate::body::Body;
use crate::bus::{Access, Bus, Founding};
use crate::http::call_to_request;
use crate::observe::Watch;
use crate::protocol::{
    BusName, Call, HeaderList, Length, Limits, OutgoingCall, OutgoingReply, Reply, RequestId, Route, Segments, Version,
    decode_method,
};
use crate::routing::Router;
use crate::serve::HttpService;
use crate::slot::{Attachment, DispatchedSlot, HubBus, ScanCursor};
use crate::worker::CallService;

/// The longest body that is taken, in bytes.
const LIMIT: usize = 1 << 20;

/// Reads headers and does nothing with them; how many they are.
fn count(mut list: HeaderList<'_>) -> usize {
    let next = || list.next().expect("it was encoded");
    std::iter::from_fn(next).count()
}

/// A request without a body, ready to be sent.
#[derive(Debug)]
pub struct Prepared {
    id: RequestId,
    parts: Parts,
}

impl Prepared {
    /// Takes a request that the wire can carry.
    pub fn new(request: Request<()>) -> Self {
        Self { id: RequestId::from(Uuid::new_v4()), parts: request.into_parts().0 }
    }

    fn call(&self) -> OutgoingCall {
        let Self { id, parts: Parts { method, uri, headers, .. } } = self;
        let call = OutgoingCall::new(*id, method, uri, &Route::default(), headers, Limits::default().headers);
        let mut call = call.expect("the wire can carry it");
        call.put_body(Segments::default());
        call
    }

    /// Checks and encodes the meta; its length.
    pub fn encode(&self) -> usize {
        self.call().meta().len()
    }

    /// The request as a worker copies it out of a slot, in a block of its own.
    pub fn received(&self) -> ReceivedCall {
        let call = self.call();
        ReceivedCall(Call {
            id: call.id,
            method: decode_method(call.method()).expect("it was encoded"),
            meta: Bytes::copy_from_slice(call.meta()),
            body: Bytes::new(),
            from_published_hub: false,
            caller: None,
        })
    }
}

/// The headers of a response without a body, ready to be sent.
#[derive(Debug)]
pub struct PreparedAnswer(HeaderMap);

impl PreparedAnswer {
    /// Takes headers that the wire can carry.
    pub fn new(headers: HeaderMap) -> Self {
        Self(headers)
    }

    fn reply(&self) -> OutgoingReply {
        let limit = Limits::default().headers;
        let reply = OutgoingReply::new(StatusCode::OK, &self.0, Length::Of(0), Segments::default(), limit);
        reply.expect("the wire can carry it")
    }

    /// Checks and encodes the meta; its length.
    pub fn encode(&self) -> usize {
        self.reply().meta().len()
    }

    /// The response as a hub copies it out of a slot, in a block of its own.
    pub fn received(&self) -> ReceivedReply {
        let reply = self.reply();
        let meta = Bytes::copy_from_slice(reply.meta());
        ReceivedReply(Reply { status: reply.status().as_u16(), meta, body: Bytes::new() })
    }
}

/// A request as it came out of shared memory.
#[derive(Debug)]
pub struct ReceivedCall(Call);

impl ReceivedCall {
    /// Decodes the meta alone; how many headers it has.
    pub fn decode(&self) -> usize {
        let (head, headers) = Call::head(&self.0.meta).expect("it was encoded");
        count(headers) + head.path_params.len()
    }

    /// Makes the request that a service is called with.
    pub fn into_request(self) -> Request<Body> {
        call_to_request(self.0, Limits::default().headers).expect("it was a request")
    }
}

/// A response as it came out of shared memory.
#[derive(Debug)]
pub struct ReceivedReply(Reply);

impl ReceivedReply {
    /// Decodes the meta alone; how many headers it has.
    pub fn decode(&self) -> usize {
        let (_, headers) = self.0.head().expect("it was encoded");
        count(headers)
    }
}

/// Both ends of one bus on one thread: a hub that sends, and a worker that serves a router, or another service.
///
/// The worker does what one of its pumps does for a request, without the baton and the waiting.
pub struct Pair<S = Router> {
    sent: VecDeque<DispatchedSlot>,
    next: usize,
    cursor: ScanCursor,
    service: HttpService<S>,
    worker: Arc<Attachment>,
    hub: HubBus,
}

impl Pair {
    /// How many requests can be sent before the first is received.
    pub const SLOTS: usize = 32;
}

impl<S> Pair<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static,
{
    /// Makes a bus as a hub makes it by default, and attaches to it.
    pub fn new(service: S) -> Self {
        let name = BusName::new("slotbus", &format!("bench-{}", Uuid::new_v4())).expect("a good name");
        let founding = Founding {
            version: Version::V1,
            slots: Pair::SLOTS,
            half: 80 * 1024,
            ahead: true,
            force: false,
            access: Access::default(),
        };
        let hub = HubBus::new(Bus::found(&name, &founding).expect("nobody else has the name"), LIMIT);
        let worker =
            Arc::new(Attachment::new(Bus::attach(&name, Access::default()).expect("the hub is there"), LIMIT, None));
        let service = HttpService::new(service, None, LIMIT.into());
        Self {
            sent: VecDeque::with_capacity(Pair::SLOTS),
            next: 0,
            cursor: ScanCursor::default(),
            service,
            worker,
            hub,
        }
    }

    /// Hub: encodes a request, writes it into the next slot and announces it; the worker is awake, and the caller will look.
    #[inline(never)]
    pub fn send(&mut self, request: &Prepared) {
        let slot = self.hub.reserve(self.hub.slot_at(self.next)).expect("an answer is received before the next round");
        self.sent.push_back(slot.write(&request.call(), 0).expect("it fits").announce_unless(0, || true).0);
        self.next = (self.next + 1) % Pair::SLOTS;
    }

    /// Worker: claims one request, reads it, makes a request of it, runs the router, writes the response.
    #[inline(never)]
    pub fn work(&mut self) {
        let Self { worker, cursor, service, .. } = self;
        let mut lease = worker.claim(cursor).expect("a request was sent");
        let watch = Watch::begin();
        let mut request = None;
        let mut call = lease.read();
        let call = call.as_mut().expect("it is a request");
        service.request(call, &mut request).expect("it is one of http");
        if let (Some(watch), Some(request)) = (watch, &mut request) {
            lease.tell(HttpService::<S>::observe(request, watch, worker.meters(), lease.sent_at()));
        }
        let observation = lease.observation().clone();
        let _inside = observation.enter();
        let mut future = pin!(service.call(&mut request));
        let Poll::Ready(reply) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("the handler did not wait for anything");
        };
        assert!(lease.answer(reply), "nobody else answers");
        worker.take_rings_owed();
    }

    /// Hub: takes the oldest answer out of its slot; its status.
    #[inline(never)]
    pub fn receive(&mut self) -> u16 {
        let sent = self.sent.pop_front().expect("a request was sent");
        let finished = sent.finished(&self.hub);
        let status = finished.read(None).expect("it was answered").status;
        assert!(finished.free(), "nobody holds bytes of it");
        status
    }
}

impl<S> fmt::Debug for Pair<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair")
            .field("bus", self.hub.bus().name())
            .field("sent", &self.sent.len())
            .finish_non_exhaustive()
    }
}
