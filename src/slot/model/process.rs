//! A worker's process: which region it is attached to, how it stops, how it dies.

use super::Step;
use super::rules::Rules;
use super::state::{Do, Lease, State, Worker};
use super::worker::is_busy;
use crate::sync::AnswerRight;

/// Takes the right away from its lease, if the lease has it still.
fn revoke(lease: &mut Lease) {
    let right = AnswerRight::with(lease.right);
    let (_, grant) = right.word();
    if right.take(grant) {
        right.settle(grant);
    }
    lease.right = right.word().0;
}

/// The worker finds its bus gone, or retired for another, and attaches to the hub's present region.
pub(super) fn attach(s: &mut State, rules: &Rules, number: usize) -> Step {
    let worker = s.workers[number];
    let mut lease = worker.lease;
    let (current, now) = (s.current, s.lives[usize::from(s.current)]);
    let old = s.lives[usize::from(lease.life)];
    let is_gone = old.retire == 2 || !old.has_hub;
    let may_go = worker.is_alive && !worker.stops && lease.life != current && now.has_hub && now.retire == 0;
    if !may_go || !(is_gone || old.retire == 1) {
        return Ok(false);
    }
    if is_gone {
        if is_busy(&lease, rules) {
            return Ok(false);
        }
        revoke(&mut lease);
    }
    let has_lease = lease.hold > 0
        || !matches!(lease.next, Do::Nothing | Do::Claim(_) | Do::ClaimStore(_) | Do::CheckRetired | Do::Wait);
    if has_lease && worker.former != Lease::default() {
        return Ok(false);
    }
    let place = &mut s.workers[number];
    if has_lease {
        place.former = lease;
    }
    place.lease = Lease { next: Do::Claim(0), life: current, ..Lease::default() };
    Ok(true)
}

/// The worker is told to stop without waiting for what is in hand.
pub(super) fn stop(s: &mut State, number: usize) -> Step {
    let worker = &mut s.workers[number];
    if s.budget.stops == 0 || !worker.is_alive || worker.stops {
        return Ok(false);
    }
    s.budget.stops -= 1;
    worker.stops = true;
    worker.supervisor = Do::TakeRight;
    Ok(true)
}

/// The process ends: after a stop when no lease has the right to answer any more.
pub(super) fn exit(s: &mut State, number: usize) -> Step {
    let worker = s.workers[number];
    let is_done = worker.is_alive && worker.stops && worker.supervisor == Do::Nothing;
    if !is_done || AnswerRight::with(worker.lease.right).is_out() {
        return Ok(false);
    }
    die(s, number);
    Ok(true)
}

/// The process is killed.
pub(super) fn crash(s: &mut State, number: usize) -> Step {
    if s.budget.crashes == 0 || !s.workers[number].is_alive || s.workers[number].is_published {
        return Ok(false);
    }
    s.budget.crashes -= 1;
    die(s, number);
    Ok(true)
}

fn die(s: &mut State, number: usize) {
    s.workers[number] = Worker::default();
    s.lives.iter_mut().filter(|life| life.has_hub).for_each(|life| life.hint = true);
}
