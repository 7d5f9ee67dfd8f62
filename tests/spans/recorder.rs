//! A layer that keeps the spans of requests, and what happened inside them.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::ThreadId;

use http::Request;
use slotbus::RequestId;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use uuid::Uuid;

/// A span of the crate's own as it was made, recorded in and closed.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) level: Level,
    pub(crate) is_root: bool,
    pub(crate) fields: BTreeMap<&'static str, String>,
    /// Messages of events inside, with the thread they came from.
    pub(crate) events: Vec<(String, ThreadId)>,
    is_closed: bool,
}

impl Seen {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.field(name).map(|text| text.parse().expect("a number"))
    }
}

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}

/// All spans, by a number of their own, since ids are used again.
static SEEN: Mutex<Vec<Seen>> = Mutex::new(Vec::new());
/// The numbers of those that are not closed, by id.
static OPEN: Mutex<Option<HashMap<u64, usize>>> = Mutex::new(None);

/// Keeps all spans of the target `slotbus`.
struct Recorder;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn number_of(id: &Id) -> Option<usize> {
    lock(&OPEN).as_ref().and_then(|open| open.get(&id.into_u64()).copied())
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.level() <= &Level::DEBUG
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().target() != "slotbus" {
            return;
        }
        let is_root = context.span(id).expect("it is new").parent().is_none();
        let level = *attributes.metadata().level();
        let mut seen = Seen { level, is_root, fields: BTreeMap::new(), events: Vec::new(), is_closed: false };
        attributes.record(&mut seen);
        let mut all = lock(&SEEN);
        all.push(seen);
        lock(&OPEN).get_or_insert_default().insert(id.into_u64(), all.len() - 1);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        if let Some(number) = number_of(id) {
            values.record(&mut lock(&SEEN)[number]);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let inside =
            context.event_scope(event).and_then(|scope| scope.from_root().find_map(|span| number_of(&span.id())));
        let Some(number) = inside else { return };
        /// What an event says, and its fields.
        struct Message(String);
        impl Visit for Message {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                match field.name() {
                    "message" => self.0.insert_str(0, &format!("{value:?}")),
                    name => self.0.push_str(&format!(" {name}={value:?}")),
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        lock(&SEEN)[number].events.push((message.0, std::thread::current().id()));
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        let number = lock(&OPEN).as_mut().and_then(|open| open.remove(&id.into_u64()));
        if let Some(number) = number {
            lock(&SEEN)[number].is_closed = true;
        }
    }
}

pub(crate) fn listen() {
    static LISTENING: OnceLock<()> = OnceLock::new();
    LISTENING.get_or_init(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Recorder)).unwrap();
    });
}

/// A request with an id of its own, by which its span is found.
pub(crate) fn request(path: &str) -> (RequestId, http::request::Builder) {
    let id = RequestId::from(Uuid::new_v4());
    (id, Request::get(path).extension(id))
}

/// The spans of a request.
pub(crate) fn spans_of(id: &RequestId) -> Vec<Seen> {
    lock(&SEEN).iter().filter(|seen| seen.field("request_id") == Some(id.as_str())).cloned().collect()
}

/// The only span of a request, once it is closed: that may be after the caller has its answer.
pub(crate) async fn span_of(id: &RequestId) -> Seen {
    loop {
        let spans = spans_of(id);
        if let [span] = &spans[..]
            && span.is_closed
        {
            return span.clone();
        }
        assert!(spans.len() <= 1, "a request has one span: {spans:?}");
        tokio::task::yield_now().await;
    }
}
