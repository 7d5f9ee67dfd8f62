//! Every order of steps of a small bus: two callers, two workers and two slots, with crashes, time-outs and retirement.
//!
//! The model's memory is raw words, and each step makes one access to it with the crate's own transitions: the status words
//! move by `StatusWord`, the right to answer by `AnswerRight`, and what a look means is decided by `Progress::of` and its
//! like. So what holds here holds for these, not for a copy of them. Payloads are two halves, of which the model knows only
//! whose bytes they are; so it sees every read that overlaps with a write.
//!
//! In each state: no handler runs twice for a request that was sent once, none is given another's bytes, no caller is given
//! a response that is torn or another's, no answer of a handler that lives is refused or published for another request. And
//! where nobody can move but by an accident: no caller sleeps though there is something to do for it, and every slot is in
//! the pool or comes back by the guard's look.
//!
//! `rules` replaces transitions and orders by wrong ones: each must be noticed.

mod caller;
mod check;
mod explore;
mod hub;
mod rules;
mod state;
mod worker;

use self::explore::{Broken, Figures, Scenario, explore};
use self::rules::{Rules, Wrong};
use self::state::Budget;

/// Whether somebody moved, or what is wrong with it.
type Step = Result<bool, &'static str>;

/// Everything that the other scenarios have but for the rarest.
const CRASHES: Scenario = Scenario {
    requests: [1, 1],
    budget: Budget { crashes: 2, hub_crashes: 1, gives_up: 2, retires: 1, stops: 0, wipes: 0 },
    lends: false,
    published: false,
};

#[test]
fn measure() {
    for (name, scenario) in [
        ("plain", Scenario { requests: [1, 1], ..Scenario::default() }),
        ("give up", Scenario { requests: [1, 1], budget: Budget { gives_up: 2, ..Budget::default() }, ..Scenario::default() }),
        ("crash1", Scenario { requests: [1, 1], budget: Budget { crashes: 1, gives_up: 1, ..Budget::default() }, ..Scenario::default() }),
    ] {
        match explore(&scenario, &Rules::default()) {
            Ok(figures) => println!("{name}: {figures:?}"),
            Err(broken) => {
                let Broken { what, way, figures } = *broken;
                println!("{name}: {what} after {} steps: {way:?} {figures:?}", way.len());
            }
        }
    }
}
