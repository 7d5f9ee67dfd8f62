//! What a supervisor is told, and by whom.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::pump::PumpEnd;
use crate::bus::{Alarm, Lookout, Stir};

/// What a supervisor waits for.
pub(super) enum Event {
    Stop(Stop),
    /// A pump of this life ended by itself.
    Ended(Life, PumpEnd),
}

/// How a worker is told to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stop {
    /// Answer what is in hand, for as long as the drain time-out allows.
    Drain,
    /// Answer 503 to what is in hand.
    Now,
}

/// Which attachment of a worker is meant: a pump stuck in a handler may outlive its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Life(pub(super) u64);

/// Tells a supervisor.
#[derive(Clone)]
pub(super) struct Teller {
    events: Sender<Event>,
    alarm: Arc<Alarm>,
}

/// Where a supervisor is told.
pub(super) struct Inbox {
    events: Receiver<Event>,
    alarm: Arc<Alarm>,
}

/// The two ends.
pub(super) fn inbox() -> std::io::Result<(Teller, Inbox)> {
    let alarm = Arc::new(Alarm::new()?);
    let (sender, receiver) = channel();
    Ok((Teller { events: sender, alarm: Arc::clone(&alarm) }, Inbox { events: receiver, alarm }))
}

impl Teller {
    pub(super) fn tell(&self, event: Event) {
        // A supervisor that has ended needs no telling.
        let _ = self.events.send(event);
        self.alarm.ring();
    }
}

impl Inbox {
    /// What was told and not taken yet.
    pub(super) fn take(&self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// Waits until something is told, `lookout` gives a hint, or `patience` ends.
    pub(super) fn wait(&self, lookout: Option<&Lookout>, patience: Option<Duration>) -> Stir {
        // Told first, rung afterwards: what is told between a look into the inbox and this has rung.
        self.alarm.wait(lookout, patience)
    }

    pub(super) fn alarm(&self) -> &Arc<Alarm> {
        &self.alarm
    }
}
