//! The hub's second thread: looks after life and death, its workers' and its own.
//!
//! It sleeps until the kernel hints that somebody closed, opened or removed one of the bus's objects, and then asks the
//! locks. Zombies, and a region that is retired, it looks at by the clock.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::lives::Lives;
use super::pool::LOST_AFTER;
use super::shared::Shared;
use super::watcher;
use crate::bus::{LIFE_CHECK, Looks, Stir};
use crate::observe::SlotMeter;
use crate::sync::survived;

/// How often workers are looked after while requests are out, where the kernel gives no hints.
const BLIND_CHECK: Duration = Duration::from_millis(50);

/// How often slots are counted while requests are out, if anybody wants to know.
const COUNT: Duration = Duration::from_millis(100);

/// Runs until the life is over.
pub(super) fn guard(lives: &Weak<Lives>, shared: &Arc<Shared>) {
    let bus = shared.bus.bus();
    let lookout = bus.look_out();
    if let Err(error) = &lookout {
        survived(|| tracing::debug!(bus = %bus.name(), "workers are looked after by the clock: {error}"));
    }
    let lookout = lookout.ok();
    let mut looks = Looks::default();
    let mut meter = shared.meters.slots();
    // Something may have happened before anybody looked out.
    looks.hint();
    while !shared.is_closed() {
        let by_the_clock = (shared.has_zombies.is_raised() || shared.retired.is_raised()).then_some(LIFE_CHECK);
        let blind = lookout.is_none().then(|| if shared.pool.taken() == 0 { LIFE_CHECK } else { BLIND_CHECK });
        let counts = shared.counts_slots.is_raised().then_some(COUNT);
        let patience = [looks.pause(), by_the_clock, blind, counts].into_iter().flatten().min();
        let was_looking = looks.pause().is_some();
        let stir = shared.alarm.wait(lookout.as_ref(), patience);
        if stir == Stir::Hint || lookout.is_none() {
            // Whoever has died may have been awake, and cannot say any more that it is not.
            shared.bus.forget_awake_workers();
        }
        match stir {
            Stir::Hint => looks.hint(),
            Stir::Late => looks.done(),
            Stir::Rung => {}
        }
        if shared.is_closed() {
            return;
        }
        watcher::look_after_life(shared);
        look_after_zombies(lives, shared);
        count_slots(shared, &mut meter);
        if was_looking && looks.pause().is_none() {
            // Whoever has died is buried by now.
            bus.sweep_answers(false);
        }
    }
}

/// Shows what the slots are doing; after the last request that they do nothing.
fn count_slots(shared: &Shared, meter: &mut SlotMeter) {
    if !shared.counts_slots.is_raised() {
        return;
    }
    // Lowered before the look: who takes a slot after it finds the flag lowered, raises it and rings.
    shared.counts_slots.lower();
    if shared.pool.taken() > 0 {
        shared.counts_slots.raise();
    }
    meter.show(shared.board.count(&shared.bus));
}

/// Retires a region that is stuck, and closes a retired one that nobody waits in any more.
fn look_after_zombies(lives: &Weak<Lives>, shared: &Arc<Shared>) {
    if shared.is_closed() {
        return;
    }
    // Counted first: it only falls once the region is retired, so a zombie that ends in between delays no more than this.
    let taken = shared.pool.taken();
    let zombies = shared.board.zombies(&shared.bus, LIFE_CHECK);
    if shared.retired.is_raised() {
        // Who waits has a slot of its own; so has who holds bytes of an answer.
        if taken <= zombies.all {
            shared.close();
            // Nobody reads what its workers may still have written there.
            shared.bus.bus().sweep_answers(true);
        }
        return;
    }
    if zombies.all == 0 {
        shared.has_zombies.lower();
        // One that came before the flag was lowered has not rung.
        if shared.board.zombies(&shared.bus, LIFE_CHECK).all > 0 {
            shared.has_zombies.raise();
        }
        return;
    }
    // A published worker cannot follow; where no slot is left, or no memory for its answers, it loses nothing by that.
    let slots = shared.bus.slots().count();
    let enough = if shared.bus.has_published_workers() { slots } else { slots / 2 + 1 };
    let is_lost = || shared.pool.is_used_up() && shared.board.zombies(&shared.bus, LOST_AFTER).stuck > 0;
    let why = if zombies.stuck >= enough {
        "slots are stuck with workers that do not answer"
    } else if shared.bus.has_published_workers() && is_lost() {
        "slots do not come back, and the memory that published workers have for answers with them: start those workers anew"
    } else {
        return;
    };
    let Some(lives) = lives.upgrade() else { return };
    let (name, stuck) = (shared.bus.bus().name(), zombies.stuck);
    match lives.succeed(shared) {
        Ok(()) => {
            shared.meters.region_retired();
            tracing::warn!(bus = %name, stuck, "the region was retired: {why}")
        }
        Err(error) => tracing::error!(bus = %name, stuck, "a region could not be retired: {error}; {why}"),
    }
}
