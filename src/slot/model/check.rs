//! What must be so when nobody can move: no caller sleeps for ever, no slot is lost.

use super::Step;
use super::caller::progress;
use super::hub::guard;
use super::rules::Rules;
use super::state::{At, Caller, Do, Entry, Guard, SLOTS, State};
use crate::protocol::{Claim, Status};
use crate::slot::Progress;

/// Looks at a state in which nobody can move but by an accident. True when the clock moves it on: the guard's look that no
/// hint is the reason of.
pub(super) fn at_rest(s: &mut State, rules: &Rules) -> Step {
    let mut needs_clock = false;
    for caller in s.callers {
        needs_clock |= match caller.at {
            At::Ended | At::Acquire => false,
            At::Parked => sleeps(s, rules, &caller)?,
            _ => return Err("a caller can do nothing more"),
        };
    }
    for number in 0..s.lives.len() as u8 {
        if s.life(number).has_hub && !s.life(number).is_foreign {
            needs_clock |= slots(s, rules, number)?;
        }
    }
    let before = *s;
    for number in 0..s.lives.len() as u8 {
        if s.life(number).has_hub {
            s.life(number).hint = true;
            while guard(s, rules, number)? && s.life(number).guard != Guard::Asleep {}
        }
    }
    if needs_clock && *s == before {
        return Err("a dead worker's slot does not come back");
    }
    Ok(*s != before)
}

/// Whether a sleeping caller waits for the clock.
fn sleeps(s: &State, rules: &Rules, caller: &Caller) -> Step {
    let &Caller { life, slot, ticket, .. } = caller;
    let of = &s.lives[usize::from(life)];
    match progress(s, rules, life, slot, ticket) {
        _ if of.is_foreign => Ok(false),
        Progress::Finished | Progress::Abandoned => Err("a caller sleeps though its slot is answered"),
        Progress::Waiting if of.retire > 0 => Err("a caller sleeps in a region that is retired"),
        Progress::Waiting => {
            let listens =
                |w: &super::state::Worker| w.is_alive && !w.stops && w.lease.life == life && w.lease.next == Do::Wait;
            // Without a worker its time will be up.
            if s.workers.iter().any(listens) { Err("a request waits though a worker sleeps") } else { Ok(false) }
        }
        Progress::Claimed(claim) => claimed(s, claim),
    }
}

/// Whether what `claim` stands for comes back by the clock.
fn claimed(s: &State, claim: Claim) -> Step {
    match claim.owner() {
        Some(owner) if !s.is_owner_alive(owner.get()) => Ok(true),
        _ => Err("a request is claimed by a worker that does nothing about it"),
    }
}

/// Whether slots of a life come back by the clock.
fn slots(s: &State, rules: &Rules, number: u8) -> Step {
    let life = &s.lives[usize::from(number)];
    let mut needs_clock = false;
    for i in 0..SLOTS as u8 {
        let slot = &life.slots[usize::from(i)];
        let is_used = |c: &Caller| c.at == At::Parked && (c.life, c.slot) == (number, i);
        needs_clock |= match life.board[usize::from(i)] {
            Entry::Zombie { ticket } => match progress(s, rules, number, i, ticket) {
                Progress::Claimed(claim) => claimed(s, claim)?,
                Progress::Finished if slot.holder().is_some_and(|owner| !s.is_owner_alive(owner.get())) => true,
                _ => return Err("a zombie sleeps though it is over"),
            },
            Entry::Pending { .. } => false,
            Entry::Idle if life.free & 1 << i == 0 && !s.callers.iter().any(is_used) => {
                return Err("a slot is nobody's and not in the pool");
            }
            Entry::Idle if slot.observe() != Status::Free => return Err("a slot in the pool is not FREE"),
            Entry::Idle => false,
        };
    }
    Ok(needs_clock)
}
