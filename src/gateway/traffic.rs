//! What goes over one connection: which requests are open, and which bytes of their answers the client has not taken.
//!
//! A request is open from its head until its answer's body has been handed to hyper. The bytes are counted where they
//! leave: hyper keeps an [`AnswerBytes`] until the socket has taken the last of it, and says each time how much it took. So
//! what stays true: while a byte of an answer is in memory, its [`Place`] is taken.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use http::Response;
use http_body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use crate::body::{Body, Error};

/// One of the places of requests that are in hand.
pub(super) type Place = Arc<OwnedSemaphorePermit>;

/// What goes over one connection.
#[derive(Debug)]
pub(super) struct Traffic(Mutex<State>);

#[derive(Debug)]
struct State {
    open: usize,
    /// When a request ended last, or the connection began.
    quiet_since: Instant,
    /// Since when the client has taken nothing of what lies ready for it.
    untaken: BTreeMap<u64, Instant>,
    next: u64,
}

/// How a connection is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Look {
    /// Nothing is wrong with it before this time.
    Well(Instant),
    /// It has had no request for too long.
    Idle,
    /// Its client has taken nothing of an answer for too long.
    Stalled,
}

impl Traffic {
    pub(super) fn new(now: Instant) -> Arc<Self> {
        let state = State { open: 0, quiet_since: now, untaken: BTreeMap::new(), next: 0 };
        Arc::new(Self(Mutex::new(state)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request begins.
    pub(super) fn begin(self: &Arc<Self>) -> Exchange {
        self.lock().open += 1;
        Exchange(Arc::clone(self))
    }

    /// How the connection is, if it may be idle and a client slow for so long.
    pub(super) fn look(&self, now: Instant, idle: Duration, write: Duration) -> Look {
        let State { open, quiet_since, untaken, next: _ } = &*self.lock();
        let stalled_at = untaken.values().min().map(|since| *since + write);
        if stalled_at.is_some_and(|at| at <= now) {
            return Look::Stalled;
        }
        let quiet = *open == 0 && untaken.is_empty();
        let idle_at = if quiet { *quiet_since + idle } else { now + idle };
        if idle_at <= now {
            return Look::Idle;
        }
        // What comes to lie ready from now on has as long.
        Look::Well(idle_at.min(stalled_at.unwrap_or(now + write)))
    }
}

/// A request that is open.
#[derive(Debug)]
pub(super) struct Exchange(Arc<Traffic>);

impl Exchange {
    /// The answer, whose body keeps the exchange open and the place taken.
    pub(super) fn answer(self, response: Response<Body>, place: Option<Place>) -> Response<AnswerBody> {
        response.map(|body| AnswerBody { body, exchange: self, place })
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.open -= 1;
        state.quiet_since = Instant::now();
    }
}

/// An answer's body, on its way to hyper.
#[derive(Debug)]
pub(super) struct AnswerBody {
    body: Body,
    exchange: Exchange,
    place: Option<Place>,
}

impl http_body::Body for AnswerBody {
    type Data = AnswerBytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<AnswerBytes>, Error>>> {
        let Self { body, exchange, place } = self.get_mut();
        let frame = ready!(Pin::new(body).poll_frame(cx));
        let ready = |bytes| AnswerBytes::new(bytes, &exchange.0, place.clone());
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(ready))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Bytes of an answer that lie ready for the client.
#[derive(Debug)]
pub(super) struct AnswerBytes {
    bytes: Bytes,
    traffic: Arc<Traffic>,
    number: u64,
    /// Held for as long as the bytes are.
    _place: Option<Place>,
}

impl AnswerBytes {
    fn new(bytes: Bytes, traffic: &Arc<Traffic>, place: Option<Place>) -> Self {
        let mut state = traffic.lock();
        state.next += 1;
        let number = state.next;
        state.untaken.insert(number, Instant::now());
        Self { bytes, traffic: Arc::clone(traffic), number, _place: place }
    }
}

impl Buf for AnswerBytes {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        if count > 0 {
            self.traffic.lock().untaken.insert(self.number, Instant::now());
        }
    }
}

impl Drop for AnswerBytes {
    fn drop(&mut self) {
        let mut state = self.traffic.lock();
        state.untaken.remove(&self.number);
        state.quiet_since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use http_body::Body as _;
    use tokio::sync::Semaphore;

    use super::*;

    const IDLE: Duration = Duration::from_secs(10);
    const WRITE: Duration = Duration::from_secs(30);

    fn frame(body: &mut AnswerBody) -> AnswerBytes {
        let Poll::Ready(Some(Ok(frame))) = Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop())) else {
            panic!("it is ready")
        };
        frame.into_data().unwrap()
    }

    #[test]
    fn a_connection_is_idle_while_nothing_is_open_and_no_byte_lies_ready() {
        let begun = Instant::now();
        let traffic = Traffic::new(begun);
        assert_eq!(traffic.look(begun, IDLE, WRITE), Look::Well(begun + IDLE));
        assert_eq!(traffic.look(begun + IDLE, IDLE, WRITE), Look::Idle);
        let exchange = traffic.begin();
        assert!(matches!(traffic.look(begun + 100 * IDLE, IDLE, WRITE), Look::Well(_)));
        let mut body = exchange.answer(Response::new("four".into()), None).into_body();
        let bytes = frame(&mut body);
        drop(body);
        let soon = Instant::now() + IDLE;
        assert!(matches!(traffic.look(soon, IDLE, WRITE), Look::Well(_)), "a byte lies ready");
        drop(bytes);
        assert!(matches!(traffic.look(begun + IDLE, IDLE, WRITE), Look::Well(_)), "it was quiet for less than that");
        assert_eq!(traffic.look(Instant::now() + IDLE, IDLE, WRITE), Look::Idle);
    }

    #[test]
    fn a_client_that_takes_some_bytes_has_as_long_for_the_next_and_one_that_takes_none_stalls_the_connection() {
        let traffic = Traffic::new(Instant::now());
        let mut bodies =
            ["four", "five!"].map(|text| traffic.begin().answer(Response::new(text.into()), None).into_body());
        let [mut taken, stuck] = bodies.each_mut().map(frame);
        let last = Instant::now();
        assert!(matches!(traffic.look(last, IDLE, WRITE), Look::Well(_)));
        taken.advance(1);
        assert_eq!(traffic.look(last + WRITE, IDLE, WRITE), Look::Stalled, "others do not count");
        drop(stuck);
        let since = *traffic.lock().untaken.values().next().unwrap();
        assert!(since >= last);
        assert!(matches!(traffic.look(since + WRITE - Duration::from_nanos(1), IDLE, WRITE), Look::Well(_)));
        assert_eq!(traffic.look(since + WRITE, IDLE, WRITE), Look::Stalled);
    }

    #[test]
    fn a_place_is_taken_until_the_last_byte_is_gone() {
        let places = Arc::new(Semaphore::new(1));
        let place = Arc::new(Arc::clone(&places).try_acquire_owned().unwrap());
        let traffic = Traffic::new(Instant::now());
        let mut body = traffic.begin().answer(Response::new("four".into()), Some(place)).into_body();
        let bytes = frame(&mut body);
        drop(body);
        assert_eq!(places.available_permits(), 0);
        drop(bytes);
        assert_eq!(places.available_permits(), 1);
    }
}
