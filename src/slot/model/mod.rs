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
//! Callers are alike, and so are workers; a way that is printed calls them by the places they have then, which may change on
//! the way.
//!
//! `rules` replaces transitions and orders by wrong ones: each must be noticed.

mod board;
mod caller;
mod check;
mod explore;
mod hub;
mod process;
mod reduce;
mod rules;
mod state;
mod worker;

use self::explore::{Broken, Figures, Scenario, explore};
use self::rules::{Rules, Wrong};
use self::state::Budget;

/// Whether somebody moved, or what is wrong with it.
type Step = Result<bool, &'static str>;

/// Two callers with a request each, two workers, no accidents.
const CALM: Scenario = Scenario {
    requests: [1, 1],
    budget: budget(0, 0, 0, 0),
    lends: false,
    published: false,
    awake: false,
    rings_late: false,
    all_orders: false,
};

const fn budget(crashes: u8, hub_crashes: u8, gives_up: u8, retires: u8) -> Budget {
    Budget { crashes, hub_crashes, gives_up, retires, stops: 0, wipes: 0 }
}

const fn with(budget: Budget) -> Scenario {
    Scenario { budget, ..CALM }
}

const STOP: Scenario = with(Budget { stops: 1, ..budget(0, 0, 0, 0) });
const WIPE: Scenario = with(Budget { wipes: 1, ..budget(0, 0, 0, 0) });
const LENDS: Scenario = Scenario { lends: true, ..CALM };
const PUBLISHED: Scenario = Scenario { published: true, ..CALM };

fn passes(name: &str, scenario: &Scenario) {
    match explore(scenario, &Rules::default()) {
        Ok(Figures { states, transitions, depth, time }) => {
            println!("{name}: {states} states, {transitions} transitions, depth {depth}, {time:?}");
        }
        Err(broken) => {
            let Broken { what, way, .. } = *broken;
            panic!("{name}: {what}, after {} steps: {way:?}", way.len());
        }
    }
}

#[test]
fn callers_workers_and_hub_keep_the_rule_in_every_order() {
    passes("calm", &CALM);
    passes("awake at first", &Scenario { awake: true, ..CALM });
    passes("awake at first, rings late", &Scenario { awake: true, rings_late: true, ..CALM });
    passes(
        "one caller that rings late, deaths",
        &Scenario { requests: [0, 1], awake: true, rings_late: true, ..with(budget(2, 1, 1, 0)) },
    );
    passes(
        "one caller awake at first, whose body is lent to who dies",
        &Scenario { requests: [0, 1], awake: true, budget: budget(1, 0, 1, 0), ..LENDS },
    );
    passes("a published worker", &PUBLISHED);
    passes("a published worker, one caller awake at first", &Scenario { requests: [0, 1], awake: true, ..PUBLISHED });
    passes("one caller, whose body is lent", &Scenario { requests: [0, 1], ..LENDS });
    passes(
        "one caller, whose body is lent to who dies",
        &Scenario { requests: [0, 1], budget: budget(1, 0, 1, 0), ..LENDS },
    );
}

#[test]
fn callers_that_give_up_keep_the_rule_in_every_order() {
    passes("both give up", &with(budget(0, 0, 2, 0)));
}

#[test]
fn a_death_keeps_the_rule_in_every_order() {
    passes("a worker or the hub dies", &with(budget(1, 1, 0, 0)));
}

#[test]
fn two_deaths_keep_the_rule_in_every_order() {
    passes("two deaths", &with(budget(2, 1, 0, 0)));
}

#[test]
fn one_caller_keeps_the_rule_in_every_order_of_accidents() {
    let alone = |budget| Scenario { requests: [0, 1], budget, ..CALM };
    passes("a worker stops", &alone(STOP.budget));
    passes("a worker stops, and its slot is used again", &Scenario { requests: [0, 2], ..STOP });
    passes("taken over by a published hub", &alone(WIPE.budget));
    passes("two deaths and a time-out", &alone(budget(2, 1, 1, 0)));
    passes("a retirement", &alone(budget(0, 0, 0, 1)));
    // Nothing is let go first here: the short cut that the others take hides nothing.
    passes("one death, every order", &Scenario { all_orders: true, ..alone(budget(1, 0, 0, 0)) });
}

#[test]
#[ignore = "a minute, and only in a release build"]
fn two_callers_keep_the_rule_in_every_order_of_accidents() {
    passes("a worker stops", &STOP);
    passes("bodies lent", &LENDS);
    passes("taken over by a published hub", &WIPE);
    passes("a death and a time-out", &with(budget(1, 1, 1, 0)));
}

#[test]
#[ignore = "minutes and gigabytes, and only in a release build"]
fn two_callers_keep_the_rule_in_every_order_of_a_retirement() {
    passes("a retirement", &with(budget(0, 0, 0, 1)));
}

/// Wrong rules, each in a scenario where it shows.
fn mutants() -> Vec<(&'static str, Scenario, Rules)> {
    use Wrong::*;
    let dies = with(budget(1, 0, 0, 0));
    let hub_dies = with(budget(1, 1, 0, 0));
    let gives_up = with(budget(0, 0, 1, 0));
    let retires = with(budget(0, 0, 0, 1));
    let alone = Scenario { requests: [0, 1], ..CALM };
    let gives_up_awake = Scenario { awake: true, requests: [0, 1], ..gives_up };
    let lends_awake = Scenario { awake: true, lends: true, ..alone };
    let reuses = Scenario { requests: [1, 2], ..CALM };
    vec![
        ("publish by a store", WIPE, Rules::publish_by_store()),
        ("publish from anybody's claim", WIPE, Rules::publish_for_anybody()),
        ("claim by a load and a store", CALM, Rules::with(ClaimInTwo)),
        ("withdraw by a load and a store", gives_up, Rules::with(WithdrawInTwo)),
        ("reap without proof of death", dies, Rules::with(ReapTheLiving)),
        ("free what is stuck when its caller gives up", gives_up, Rules::with(FreeTheStuck)),
        ("look, then register, then park", alone, Rules::with(ParkUnlooked)),
        ("park without a ring", Scenario { awake: true, rings_late: true, ..alone }, Rules::with(ParkUnrung)),
        ("ring before DONE", alone, Rules::with(RingEarly)),
        ("park without asking for a ring", Scenario { awake: true, ..alone }, Rules::with(ParkQuietly)),
        ("leave a zombie without asking for a ring", gives_up_awake, Rules::with(BuryQuietly)),
        ("ask whether to ring before DONE", Scenario { awake: true, ..alone }, Rules::with(AskEarly)),
        ("ask whether to ring before the right is settled", lends_awake, Rules::with(AskUnsettled)),
        ("believe a DONE whatever its ticket", WIPE, Rules::with(TrustAnyTicket)),
        ("wipe a dead hub's region in place", hub_dies, Rules::with(WipeInPlace)),
        ("leave resp_ticket as it was", Scenario { requests: [1, 2], ..PUBLISHED }, Rules::with(KeepRespTicket)),
        ("free before the copying", reuses, Rules::with(FreeBeforeCopy)),
        ("put a zombie's slot back into the pool", gives_up, Rules::with(PoolTheZombie)),
        ("send claimed requests again at a retirement", retires, Rules::with(SendTwice)),
        ("answer without the right to", Scenario { requests: [0, 1], ..STOP }, Rules::with(AnswerUnasked)),
        ("answer for a lease that still reads", Scenario { requests: [0, 2], ..STOP }, Rules::with(AnswerForTheReader)),
        ("free a slot whose bytes are held", Scenario { requests: [1, 2], ..LENDS }, Rules::with(IgnoreHeld)),
        ("let go of bytes without a ring", Scenario { lends: true, ..alone }, Rules::with(LetGoSilently)),
        ("never ring again for a dead worker", Scenario { requests: [0, 1], ..dies }, Rules::with(NeverRingAgain)),
    ]
}

#[test]
fn every_wrong_rule_is_noticed() {
    let missed = |(name, scenario, rules): &(&'static str, Scenario, Rules)| match explore(scenario, rules) {
        Ok(figures) => {
            println!("{name}: NOT noticed in {} states", figures.states);
            Some(*name)
        }
        Err(broken) => {
            let Broken { what, way, figures } = *broken;
            println!("{name}: {what}, after {} steps, {} states: {way:?}", way.len(), figures.states);
            None
        }
    };
    let missed: Vec<_> = mutants().iter().filter_map(missed).collect();
    assert!(missed.is_empty(), "not noticed: {missed:?}");
}
