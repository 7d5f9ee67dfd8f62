//! What a supervisor looks after while its pumps work: is the hub still there, has a caller given up?
//!
//! It sleeps until there is a reason: a hint of life and death, or futures that are not finished, whose callers are
//! looked after every [`CALLER_CHECK`] until there has been none for a while.

use std::time::Duration;

use super::shared::Shared;
use crate::bus::{LIFE_CHECK, Lookout, Looks, Standing, Stir};

/// How often callers are looked after.
const CALLER_CHECK: Duration = Duration::from_millis(20);
/// Looks without anything in hand until nobody is looked after any more.
const QUIET_LOOKS: u32 = 50;
/// How often a hub is looked after while requests are in hand, where the kernel gives no hints.
const BLIND_CHECK: Duration = Duration::from_millis(50);

pub(super) struct Watch<'a> {
    shared: &'a Shared,
    /// `None` where the kernel gives no hints.
    lookout: Option<Lookout>,
    looks: Looks,
    quiet: u32,
}

impl<'a> Watch<'a> {
    pub(super) fn over(shared: &'a Shared) -> Self {
        let bus = shared.attachment.bus();
        let lookout = bus.look_out();
        if let Err(error) = &lookout {
            tracing::debug!(bus = %bus.name(), "the hub is looked after by the clock: {error}");
        }
        let mut looks = Looks::default();
        // The hub may have gone before anybody looked out.
        looks.hint();
        Self { shared, lookout: lookout.ok(), looks, quiet: 0 }
    }

    pub(super) fn lookout(&self) -> Option<&Lookout> {
        self.lookout.as_ref()
    }

    /// How long nothing needs to be looked at.
    pub(super) fn patience(&self) -> Option<Duration> {
        let Self { shared, lookout, looks, quiet: _ } = self;
        let callers = shared.is_looked_after.is_raised().then_some(CALLER_CHECK);
        let blind = lookout.is_none().then(|| if shared.gauge.in_hand() > 0 { BLIND_CHECK } else { LIFE_CHECK });
        [callers, looks.pause(), blind].into_iter().flatten().min()
    }

    /// Looks at what `stir` is a reason to look at; how things stand with the bus.
    pub(super) fn look(&mut self, stir: Stir) -> Standing {
        self.look_after_callers();
        let due = stir == Stir::Late && self.looks.pause().is_some();
        match stir {
            Stir::Hint => self.looks.hint(),
            Stir::Late => self.looks.done(),
            Stir::Rung => {}
        }
        let looks = stir == Stir::Hint || due || self.lookout.is_none();
        if looks { self.shared.attachment.bus().standing() } else { Standing::Live }
    }

    fn look_after_callers(&mut self) {
        let Self { shared, lookout: _, looks: _, quiet } = self;
        if !shared.is_looked_after.is_raised() {
            return;
        }
        shared.attachment.look_after_callers();
        *quiet = if shared.gauge.in_hand() > 0 { 0 } else { *quiet + 1 };
        if *quiet >= QUIET_LOOKS {
            *quiet = 0;
            shared.is_looked_after.lower();
            // Looked at after lowering: a future that stayed unfinished before saw that somebody looks after it.
            if shared.gauge.in_hand() > 0 {
                shared.is_looked_after.raise();
            }
        }
    }
}
