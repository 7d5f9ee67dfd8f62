//! States that need not be told apart, and orders that need not be tried.
//!
//! A step is quiet when nobody else can see it or disturb it: it touches only what a slot's owner touches, the slot's word
//! says that it is the owner's, and nobody else has a lease of the slot or is on his way in it. Such a step changes nothing
//! for any other, and none of theirs anything for it, before or after; so it is enough to let it go first. Where a wrong
//! rule lets another come near the slot, the step is not quiet, and every order is tried.

use super::explore::{Actor, Scenario};
use super::rules::claim_by;
use super::state::{At, Budget, Caller, Do, Entry, Lease, SLOTS, State, WORKERS, Worker};
use super::worker::Thread;
use crate::protocol::{Status, StatusWord};

/// Whether this actor's next step may go before all others'.
pub(super) fn is_quiet(s: &State, scenario: &Scenario, actor: Actor) -> bool {
    match actor {
        _ if scenario.all_orders => false,
        Actor::Caller(c) => is_caller_quiet(s, &s.callers[c]),
        Actor::Worker(w, thread) => is_worker_quiet(s, scenario, w, thread),
        _ => false,
    }
}

fn is_caller_quiet(s: &State, c: &Caller) -> bool {
    let slot = &s.lives[usize::from(c.life)].slots[usize::from(c.slot)];
    let is_alone = || !leases(s).any(|(_, lease)| is_of(lease, c.life, c.slot));
    match c.at {
        // Nobody else sees a difference between FREE and WRITING.
        At::Reserve => slot.observe() == Status::Free && is_alone(),
        At::WriteRequest(_) | At::ZeroRespTicket | At::ZeroCancel | At::ZeroHeld | At::WriteTicket => {
            slot.observe() == Status::Writing && is_alone()
        }
        At::CheckRespTicket | At::ReadResponse(_) | At::CheckTicket | At::End | At::CheckHeld => {
            slot.observe() == Status::Done && slot.ticket == c.ticket && slot.held == 0 && is_alone()
        }
        _ => false,
    }
}

fn is_worker_quiet(s: &State, scenario: &Scenario, number: usize, thread: Thread) -> bool {
    let worker = &s.workers[number];
    let lease = if thread == Thread::Former { &worker.former } else { &worker.lease };
    let life = &s.lives[usize::from(lease.life)];
    if !worker.is_alive || worker.stops {
        return false;
    }
    match lease.next {
        Do::CheckRetired => s.budget.retires == 0 && life.retire == 0,
        // Else whoever leaves the life or stops looks at the right, and whoever lets go of bytes looks whether it is settled.
        Do::TakeRight => stays(s, lease.life),
        Do::Settle { .. } => stays(s, lease.life) && !scenario.lends,
        // Else whoever stops it must not answer in its place while it reads.
        Do::ReadTicket | Do::ReadRequest(_) if s.budget.stops > 0 => false,
        Do::ReadTicket
        | Do::ReadRequest(_)
        // What it sees changes nothing here; it must only not be a former dispatch's.
        | Do::LookAtCancel
        | Do::CheckStatus(_)
        | Do::CheckTicket(_)
        | Do::WriteResponse(_)
        | Do::WriteRespTicket => {
            let owner = if worker.is_published { 0 } else { State::owner(number, lease.life) };
            let is_own = life.slots[usize::from(lease.slot)].observe() == Status::Claimed(claim_by(owner));
            let others = leases(s).filter(|(of, other)| *of != (number, thread) && is_of(other, lease.life, lease.slot));
            let near = |c: &Caller| {
                (c.life, c.slot) == (lease.life, lease.slot)
                    && matches!(
                        c.at,
                        At::WriteRequest(_)
                            | At::ZeroRespTicket
                            | At::ZeroCancel
                            | At::ZeroHeld
                            | At::WriteTicket
                            | At::CheckRespTicket
                            | At::ReadResponse(_)
                            | At::CheckTicket
                    )
            };
            is_own && others.count() == 0 && !s.callers.iter().any(near)
        }
        _ => false,
    }
}

/// Whether nobody will take the right to answer away in this life.
fn stays(s: &State, life: u8) -> bool {
    let life = &s.lives[usize::from(life)];
    let Budget { hub_crashes, crashes, retires, stops, .. } = s.budget;
    let hub_stays = life.has_hub && (hub_crashes == 0 || crashes == 0);
    hub_stays && retires == 0 && life.retire == 0 && stops == 0
}

fn leases(s: &State) -> impl Iterator<Item = ((usize, Thread), &Lease)> {
    let of = |(number, worker)| {
        let worker: &Worker = worker;
        [((number, Thread::Pump), &worker.lease), ((number, Thread::Former), &worker.former)]
    };
    s.workers.iter().enumerate().flat_map(of)
}

/// Whether a lease may still touch this slot.
pub(super) fn is_of(lease: &Lease, life: u8, slot: u8) -> bool {
    let is_over = matches!(
        lease.next,
        Do::Nothing | Do::Settle { .. } | Do::AskWhetherToRing | Do::Ring | Do::Claim(_) | Do::Wait | Do::CheckRetired
    );
    (lease.life, lease.slot) == (life, slot) && (lease.hold > 0 || !is_over)
}

/// Puts callers and workers, who are alike, in one order.
pub(super) fn sort(s: &mut State) {
    if s.callers[1] < s.callers[0] {
        s.callers.swap(0, 1);
        for entry in s.lives.iter_mut().flat_map(|life| &mut life.board) {
            if let Entry::Pending { caller, .. } = entry {
                *caller = 1 - *caller;
            }
        }
    }
    if s.workers[1] < s.workers[0] {
        s.workers.swap(0, 1);
        for slot in s.lives.iter_mut().flat_map(|life| &mut life.slots) {
            if let Status::Claimed(claim) = StatusWord::with(slot.status).observe()
                && let Some(owner) = claim.owner()
            {
                slot.status = slot.status & 0xFF | other(owner.get()) << 8;
            }
            if slot.held != 0 {
                slot.held = other(slot.held.into()) as u8;
            }
        }
    }
    const { assert!(WORKERS == 2 && SLOTS == 2) };
}

/// The token that the other worker has in the same life.
fn other(owner: u32) -> u32 {
    ((owner - 1) ^ 1) + 1
}
