//! Listens to what a published hub logs when it cannot read an answer, which it then drops.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// The slots whose answers could not be read, and when.
#[derive(Clone, Default)]
pub(crate) struct FailedReads(Arc<Mutex<Vec<(usize, Instant)>>>);

impl FailedReads {
    /// Listens to everything this process logs.
    pub(crate) fn listen() -> Self {
        let reads = Self::default();
        tracing_subscriber::registry().with(reads.clone().with_filter(LevelFilter::WARN)).init();
        reads
    }

    /// Whether an answer in `slot` could not be read between `from` and `to`.
    pub(crate) fn any(&self, slot: Option<usize>, from: Instant, to: Instant) -> bool {
        let reads = self.0.lock().expect("no panic while it is held");
        reads.iter().any(|&(read, at)| Some(read) == slot && (from..=to).contains(&at))
    }
}

impl<S: Subscriber> Layer<S> for FailedReads {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if let Fields { is_failed_read: true, slot: Some(slot) } = fields {
            self.0.lock().expect("no panic while it is held").push((slot, Instant::now()));
        }
    }
}

#[derive(Default)]
struct Fields {
    is_failed_read: bool,
    slot: Option<usize>,
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "slot" {
            self.slot = Some(value as usize);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.is_failed_read = format!("{value:?}") == "failed to read response";
        }
    }
}
