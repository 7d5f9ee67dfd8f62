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
mod reduce;
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
    all_orders: false,
    awake: false,
};

fn budget(crashes: u8, hub_crashes: u8, gives_up: u8, retires: u8) -> Budget {
    Budget { crashes, hub_crashes, gives_up, retires, ..Budget::default() }
}

#[test]
fn measure() {
    let base = Scenario { requests: [1, 1], ..Scenario::default() };
    for (name, scenario) in [
        ("plain", base),
        ("awake", Scenario { awake: true, ..base }),
        ("give up 1", Scenario { budget: budget(0, 0, 1, 0), ..base }),
        ("give up 2", Scenario { budget: budget(0, 0, 2, 0), ..base }),
        ("crash 1", Scenario { budget: budget(1, 0, 0, 0), ..base }),
        ("hub crash 1", Scenario { budget: budget(1, 1, 0, 0), ..base }),
        ("retire 1", Scenario { budget: budget(0, 0, 0, 1), ..base }),
        ("stop 1", Scenario { budget: Budget { stops: 1, ..budget(0, 0, 0, 0) }, ..base }),
        ("lends", Scenario { lends: true, ..base }),
        ("published", Scenario { published: true, ..base }),
        ("wipe", Scenario { budget: Budget { wipes: 1, ..budget(0, 0, 0, 0) }, ..base }),
        ("plain 3", Scenario { requests: [1, 2], ..base }),
        ("crash 1 give up 1", Scenario { budget: budget(1, 0, 1, 0), ..base }),
        ("crash 2", Scenario { budget: budget(2, 0, 0, 0), ..base }),
        ("crash 2 hub", Scenario { budget: budget(2, 1, 0, 0), ..base }),
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
