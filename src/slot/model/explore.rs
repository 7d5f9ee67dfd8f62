//! Every state that can be reached, breadth first, so that the first wrong one is reached on a shortest way.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::time::{Duration, Instant};

use super::rules::Rules;
use super::state::{Budget, CALLERS, Caller, Do, LIVES, Lease, Life, State, WORKERS, Worker};
use super::worker::Thread;
use super::{Step, board, caller, check, hub, process, reduce, worker};

/// What may happen in a model.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scenario {
    /// How many requests each caller sends, one after the other.
    pub(super) requests: [u8; CALLERS],
    pub(super) budget: Budget,
    /// Handlers hold bytes of their requests.
    pub(super) lends: bool,
    /// The second worker is of the published kind.
    pub(super) published: bool,
    /// Callers look awake before they park.
    pub(super) awake: bool,
    /// Callers count on workers that are awake, of which there may be none: they ring only before they park.
    pub(super) rings_late: bool,
    /// Also orders that make no difference are tried.
    pub(super) all_orders: bool,
}

/// Who moves.
#[derive(Clone, Copy, Debug)]
pub(super) enum Actor {
    Caller(usize),
    Worker(usize, Thread),
    LetGo(usize, Thread),
    Attach(usize),
    Exit(usize),
    Watcher(u8),
    Guard(u8),
    Close(u8),
    Found,
    TakeForeign,
    Notice,
    /// What follows are accidents, which nobody can count on.
    GiveUp(usize),
    Crash(usize),
    Stop(usize),
    CrashHub,
    Retire,
    Wipe,
}

impl Actor {
    fn is_accident(self) -> bool {
        use Actor::*;
        matches!(self, GiveUp(_) | Crash(_) | Stop(_) | CrashHub | Retire | Wipe)
    }

    fn all(scenario: &Scenario) -> Vec<Self> {
        use Actor::*;
        let &Scenario { budget, lends, .. } = scenario;
        let mut all: Vec<_> = (0..CALLERS).flat_map(|c| [Caller(c), GiveUp(c)]).collect();
        for w in 0..WORKERS {
            all.extend([Worker(w, Thread::Pump), Worker(w, Thread::Former), Attach(w), Crash(w)]);
            if budget.stops > 0 {
                all.extend([Worker(w, Thread::Supervisor), Exit(w), Stop(w)]);
            }
            if lends {
                all.extend([LetGo(w, Thread::Pump), LetGo(w, Thread::Former)]);
            }
        }
        (0..LIVES as u8).for_each(|life| all.extend([Watcher(life), Guard(life), Close(life)]));
        all.extend([Found, CrashHub]);
        if budget.retires > 0 {
            all.push(Retire);
        }
        if budget.wipes > 0 {
            all.extend([Wipe, TakeForeign, Notice]);
        }
        all
    }

    fn step(self, s: &mut State, rules: &Rules, lends: bool) -> Step {
        match self {
            Self::Caller(c) => caller::step(s, rules, c),
            Self::GiveUp(c) => board::give_up(s, c),
            Self::Worker(w, thread) => worker::step(s, rules, w, thread, lends),
            Self::LetGo(w, thread) => worker::let_go(s, rules, w, thread),
            Self::Attach(w) => process::attach(s, rules, w),
            Self::Exit(w) => process::exit(s, w),
            Self::Stop(w) => process::stop(s, w),
            Self::Crash(w) => process::crash(s, w),
            Self::Watcher(life) => hub::watch(s, rules, life),
            Self::Guard(life) => hub::guard(s, rules, life),
            Self::Close(life) => hub::close(s, life),
            Self::Found => hub::found(s, rules),
            Self::TakeForeign => hub::take_foreign(s, rules),
            Self::Notice => hub::notice(s),
            Self::CrashHub => hub::crash(s),
            Self::Retire if s.budget.retires > 0 => hub::retire(s),
            Self::Wipe if s.budget.wipes > 0 => hub::wipe(s),
            Self::Retire | Self::Wipe => Ok(false),
        }
    }
}

/// What an exploration saw.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) states: usize,
    pub(super) transitions: u64,
    pub(super) depth: usize,
    pub(super) time: Duration,
}

/// A property that does not hold, and the shortest way to where it does not.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) what: &'static str,
    pub(super) way: Vec<Actor>,
    pub(super) figures: Figures,
}

fn first(scenario: &Scenario) -> State {
    let &Scenario { requests, budget, published, .. } = scenario;
    let mut lives = [Life::default(); LIVES];
    hub::begin(&mut lives[0], 0);
    let lease = Lease { next: Do::Claim(0), ..Lease::default() };
    let mut workers = [Worker { is_alive: true, lease, ..Worker::default() }; WORKERS];
    workers[1].is_published = published;
    let mut callers = [Caller::default(); CALLERS];
    for (caller, requests) in callers.iter_mut().zip(requests) {
        caller.requests = requests + 1;
        caller::finish(caller);
    }
    State {
        lives,
        current: 0,
        callers,
        workers,
        budget,
        waits_awake: scenario.awake,
        rings_late: scenario.rings_late,
        ran: 0,
    }
}

/// Visits every state of a scenario.
pub(super) fn explore(scenario: &Scenario, rules: &Rules) -> Result<Figures, Box<Broken>> {
    let start = Instant::now();
    let actors = Actor::all(scenario);
    let mut visited = HashSet::<u128, BuildHasherDefault<Given>>::default();
    // How each state was reached, for the way back; by their numbers in the order of their discovery.
    let mut reached: Vec<(u32, u8)> = vec![(0, 0)];
    let state = first(scenario);
    visited.insert(fingerprint(&state));
    let (mut level, mut next) = (vec![(0_u32, state)], Vec::new());
    let (mut transitions, mut depth) = (0_u64, 0);
    while !level.is_empty() {
        for (number, state) in level.drain(..) {
            let figures = |transitions| Figures { states: visited.len(), transitions, depth, time: start.elapsed() };
            let way = |last: Option<Actor>| {
                let mut way: Vec<_> = last.into_iter().collect();
                let mut at = number as usize;
                while at != 0 {
                    let (from, by) = reached[at];
                    way.extend(actors.get(usize::from(by)));
                    at = from as usize;
                }
                way.reverse();
                way
            };
            let mut found = Vec::new();
            let mut rests = true;
            for (by, actor) in actors.iter().enumerate() {
                let mut after = state;
                match actor.step(&mut after, rules, scenario.lends).and_then(|moved| match moved {
                    true => settle(&mut after, rules, scenario, &actors, &mut transitions),
                    false => Ok(false),
                }) {
                    Ok(false) => continue,
                    Ok(true) => {}
                    Err(what) => {
                        return Err(Box::new(Broken { what, way: way(Some(*actor)), figures: figures(transitions) }));
                    }
                }
                rests &= actor.is_accident();
                found.push((by as u8, after));
            }
            if rests {
                let mut after = state;
                match check::at_rest(&mut after, rules) {
                    Ok(false) => {}
                    Ok(true) => found.push((u8::MAX, after)),
                    Err(what) => return Err(Box::new(Broken { what, way: way(None), figures: figures(transitions) })),
                }
            }
            for (by, mut after) in found {
                transitions += 1;
                hub::tidy(&mut after);
                reduce::sort(&mut after);
                if visited.insert(fingerprint(&after)) {
                    next.push((reached.len() as u32, after));
                    reached.push((number, by));
                }
            }
        }
        depth += 1;
        std::mem::swap(&mut level, &mut next);
    }
    Ok(Figures { states: visited.len(), transitions, depth, time: start.elapsed() })
}

/// Lets quiet steps go; always true.
fn settle(s: &mut State, rules: &Rules, scenario: &Scenario, actors: &[Actor], transitions: &mut u64) -> Step {
    while let Some(actor) = actors.iter().find(|actor| reduce::is_quiet(s, scenario, **actor)) {
        actor.step(s, rules, scenario.lends)?;
        *transitions += 1;
    }
    Ok(true)
}

/// 128 bits that stand for a state. That two states of a few million share them is less likely than a fault of memory.
fn fingerprint(state: &State) -> u128 {
    let mut mixer = Mixer { a: 0x9E37_79B9_7F4A_7C15, b: 0xC2B2_AE3D_27D4_EB4F };
    state.hash(&mut mixer);
    u128::from(mixer.a) << 64 | u128::from(mixer.b)
}

struct Mixer {
    a: u64,
    b: u64,
}

impl Mixer {
    fn mix(&mut self, word: u64) {
        self.a = (self.a ^ word).wrapping_mul(0xFF51_AFD7_ED55_8CCD).rotate_left(29);
        self.b = (self.b.rotate_left(17) ^ word).wrapping_mul(0x9FB2_1C65_1E98_DF25);
        self.b ^= self.b >> 32;
    }
}

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.a
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.mix(byte.into()));
    }

    fn write_u8(&mut self, word: u8) {
        self.mix(word.into());
    }

    fn write_u32(&mut self, word: u32) {
        self.mix(word.into());
    }

    fn write_u64(&mut self, word: u64) {
        self.mix(word);
    }

    fn write_isize(&mut self, word: isize) {
        self.mix(word as u64);
    }

    fn write_usize(&mut self, word: usize) {
        self.mix(word as u64);
    }
}

/// Takes a fingerprint as it is.
#[derive(Default)]
struct Given(u64);

impl Hasher for Given {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("a fingerprint is one number")
    }

    fn write_u128(&mut self, word: u128) {
        self.0 = word as u64;
    }
}
