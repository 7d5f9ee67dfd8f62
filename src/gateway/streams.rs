//! Event streams that are held open: which clients listen to what.
//!
//! A stream is a queue of [`QUEUE`] events. What stays true: an event never waits for a slow client, it is dropped for that
//! one; a stream is listed from before its worker is told of it until its body is dropped; streams that are closed end, and
//! take no more clients.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum_core::response::Response;
use bytes::Bytes;
use http::{HeaderValue, header};
use http_body::{Body, Frame};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::{Instant, Sleep, sleep};

use super::plane::MESSAGE_LIMIT;
use super::refused::Refused;
use crate::control::Event;
use crate::sync::Counter;

/// How many events wait for a client at most.
const QUEUE: usize = 256;
/// How many bytes they have at most. Any one message has room, though a line break, two bytes of it, is seven in the stream.
const QUEUE_BYTES: u64 = 4 * MESSAGE_LIMIT as u64;
/// A comment, which clients ignore and dead connections do not survive.
const HEARTBEAT: Bytes = Bytes::from_static(b":\n\n");

/// What a stream shows.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Topic {
    /// What was pushed to this path.
    Path(String),
    /// All that was emitted.
    Everything,
    /// What was emitted with this `channel` in its data.
    Channel(String),
}

/// The streams that are open.
#[derive(Debug)]
pub(super) struct Streams {
    open: Mutex<Open>,
    most: usize,
    heartbeat: Duration,
}

#[derive(Debug, Default)]
struct Open {
    by_topic: HashMap<Topic, Vec<Listener>>,
    count: usize,
    next: u64,
    closed: bool,
}

/// Where a stream's events go in.
#[derive(Debug)]
struct Listener {
    number: u64,
    sender: mpsc::Sender<Bytes>,
    /// Bytes that wait for the client.
    waiting: Arc<Counter>,
}

/// To how many streams an event went, and to how many it did not because they are full.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) sent: usize,
    pub(super) full: usize,
}

impl Streams {
    pub(super) fn new(most: usize, heartbeat: Duration) -> Arc<Self> {
        Arc::new(Self { open: Mutex::default(), most, heartbeat })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a stream; when it is over `on_end` is called with its number, and its place, which nobody else has until it is dropped.
    pub(super) fn open(
        self: &Arc<Self>,
        topic: Topic,
        on_end: impl FnOnce(u64, Place) + Send + 'static,
    ) -> Result<Stream, Refused> {
        let unavailable = |detail: &'static str| Err(Refused::new(http::StatusCode::SERVICE_UNAVAILABLE, detail));
        let (sender, receiver) = mpsc::channel(QUEUE);
        let waiting = Arc::<Counter>::default();
        let mut open = self.lock();
        if open.closed {
            return unavailable("the gateway is shutting down");
        }
        if open.count >= self.most {
            return unavailable("too many event streams are open");
        }
        open.count += 1;
        open.next += 1;
        let number = open.next;
        open.by_topic.entry(topic.clone()).or_default().push(Listener {
            number,
            sender,
            waiting: Arc::clone(&waiting),
        });
        let place = Some(Place(Arc::clone(self)));
        let listed = Listed { streams: Arc::clone(self), topic, number, place, on_end: Some(Box::new(on_end)) };
        Ok(Stream { receiver, waiting, listed, heartbeat: self.heartbeat, quiet: Box::pin(sleep(self.heartbeat)) })
    }

    /// Sends a frame to all streams of a topic.
    pub(super) fn send(&self, topic: &Topic, frame: &Bytes) -> Sent {
        let open = self.lock();
        let mut outcome = Sent::default();
        let length = frame.len() as u64;
        for Listener { number: _, sender, waiting } in open.by_topic.get(topic).into_iter().flatten() {
            if !waiting.add_within(length, QUEUE_BYTES) {
                outcome.full += 1;
                continue;
            }
            let sent = sender.try_send(frame.clone());
            match sent {
                Ok(()) => outcome.sent += 1,
                Err(_) => waiting.sub(length),
            }
            outcome.full += usize::from(matches!(sent, Err(TrySendError::Full(_))));
        }
        outcome
    }

    /// Sends an event to everybody who listens to it.
    pub(super) fn emit(&self, event: &Event) -> Result<(), Refused> {
        let data = serde_json::to_string(event).expect("strings always serialise");
        let frame = frame(&event.event_type, &data)?;
        let mut outcome = self.send(&Topic::Everything, &frame);
        let data = serde_json::from_str(&event.data).unwrap_or(serde_json::Value::Null);
        if let Some(channel) = data.get("channel").and_then(serde_json::Value::as_str) {
            outcome.full += self.send(&Topic::Channel(channel.to_owned()), &frame).full;
        }
        if outcome.full > 0 {
            tracing::warn!(clients = outcome.full, event = event.event_type, "slow clients miss an event");
        }
        Ok(())
    }

    /// Ends a stream, when its client has taken what waits.
    pub(super) fn end(&self, topic: &Topic, number: u64) {
        if let Some(streams) = self.lock().by_topic.get_mut(topic) {
            streams.retain(|listener| listener.number != number);
        }
    }

    /// Ends all streams and opens no more.
    pub(super) fn close(&self) {
        let mut open = self.lock();
        open.closed = true;
        open.by_topic.clear();
    }
}

/// An event as it goes over the wire.
pub(super) fn frame(event_type: &str, data: &str) -> Result<Bytes, Refused> {
    if event_type.contains(['\n', '\r']) {
        return Err(Refused::bad_request("event_type holds a line break, which ends the field"));
    }
    let mut frame = String::with_capacity(event_type.len() + data.len() + 20);
    if !event_type.is_empty() {
        frame.push_str(&format!("event: {event_type}\n"));
    }
    for line in data.replace("\r\n", "\n").split(['\n', '\r']) {
        frame.push_str(&format!("data: {line}\n"));
    }
    frame.push('\n');
    Ok(frame.into())
}

/// The head of the answer whose body is a stream.
pub(super) fn head() -> Response {
    let mut response = Response::new(crate::body::Body::empty());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// The body of an event stream.
pub(super) struct Stream {
    receiver: mpsc::Receiver<Bytes>,
    waiting: Arc<Counter>,
    listed: Listed,
    heartbeat: Duration,
    quiet: Pin<Box<Sleep>>,
}

/// A stream's place in the list.
struct Listed {
    streams: Arc<Streams>,
    topic: Topic,
    number: u64,
    place: Option<Place>,
    on_end: Option<Box<dyn FnOnce(u64, Place) + Send>>,
}

/// One of the places of streams that are open, until it is dropped.
pub(super) struct Place(Arc<Streams>);

impl Stream {
    pub(super) fn number(&self) -> u64 {
        self.listed.number
    }

    /// Ends a stream that never began: nobody is told.
    pub(super) fn end_quietly(mut self) {
        self.listed.on_end = None;
    }

    /// The answer whose body this is.
    pub(super) fn into_response(self) -> Response {
        head().map(|_| crate::body::Body::new(self))
    }
}

impl Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match self.receiver.poll_recv(cx) {
            Poll::Ready(event) => {
                self.waiting.sub(event.as_ref().map_or(0, Bytes::len) as u64);
                event
            }
            Poll::Pending => match self.quiet.as_mut().poll(cx) {
                Poll::Ready(()) => Some(HEARTBEAT),
                Poll::Pending => return Poll::Pending,
            },
        };
        let next_heartbeat = Instant::now() + self.heartbeat;
        self.quiet.as_mut().reset(next_heartbeat);
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        {
            let mut open = self.streams.lock();
            if let Some(streams) = open.by_topic.get_mut(&self.topic) {
                streams.retain(|listener| listener.number != self.number);
                if streams.is_empty() {
                    open.by_topic.remove(&self.topic);
                }
            }
        }
        if let (Some(on_end), Some(place)) = (self.on_end.take(), self.place.take()) {
            on_end(self.number, place);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.lock().count -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_that_takes_nothing_misses_events_before_they_take_the_memory() {
        let streams = Streams::new(1, Duration::from_secs(1000));
        let mut stream = streams.open(Topic::Everything, |_, _| ()).unwrap();
        let long = Bytes::from(vec![b'x'; QUEUE_BYTES as usize / 3 + 1]);
        let (taken, missed) = (Sent { sent: 1, full: 0 }, Sent { sent: 0, full: 1 });
        for outcome in [taken, taken, missed] {
            assert_eq!(streams.send(&Topic::Everything, &long), outcome);
        }
        for _ in 0..2 {
            let next = http_body_util::BodyExt::frame(&mut stream).await.unwrap().unwrap();
            assert_eq!(next.into_data().unwrap().len(), long.len());
            assert_eq!(streams.send(&Topic::Everything, &long), taken);
            assert_eq!(streams.send(&Topic::Everything, &long), missed);
        }
    }

    #[test]
    fn every_line_of_the_data_is_a_field_of_its_own() {
        assert_eq!(frame("tick", "a\nb\r\nc\rd").unwrap(), "event: tick\ndata: a\ndata: b\ndata: c\ndata: d\n\n");
        assert_eq!(frame("", "").unwrap(), "data: \n\n");
        assert!(frame("a\nb", "").is_err());
    }
}
