//! A worker's steps: its pump and handler, the thread that answers in the handler's place, what it holds, where it goes.

use super::Step;
use super::rules::{Rules, Wrong, claim_by};
use super::state::{At, BARE, Bytes, Do, FOREIGN, Lease, SLOTS, State, Worker};
use crate::protocol::{Claim, Status};
use crate::slot::claimed::is_claimed_by;
use crate::slot::watched::is_cancelled;
use crate::sync::AnswerRight;

/// Which of a worker's threads moves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Thread {
    /// The pump, which runs the handler too.
    Pump,
    /// A handler of a life that the worker has left.
    Former,
    /// Who answers in the handler's place at a shutdown.
    Supervisor,
}

fn claim_of(worker: &Worker, number: usize, life: u8) -> Claim {
    claim_by(if worker.is_published { 0 } else { State::owner(number, life) })
}

/// Whether nobody but the lease itself may take its right: it reads its request or writes its answer.
pub(super) fn is_busy(lease: &Lease, rules: &Rules) -> bool {
    let right = AnswerRight::with(lease.right);
    let reads = matches!(lease.next, Do::ReadTicket | Do::Hold | Do::ReadRequest(_));
    right.is_out() && right.held().is_none() && !(reads && rules.is(Wrong::AnswerForTheReader))
}

/// One step of one of a worker's threads.
pub(super) fn step(s: &mut State, rules: &Rules, number: usize, thread: Thread, lends: bool) -> Step {
    let worker = s.workers[number];
    if !worker.is_alive {
        return Ok(false);
    }
    let mut lease = if thread == Thread::Former { worker.former } else { worker.lease };
    let mut supervisor = worker.supervisor;
    let next = if thread == Thread::Supervisor { &mut supervisor } else { &mut lease.next };
    let now = *next;
    if now == Do::Nothing {
        return Ok(false);
    }
    let Some(then) = go(s, rules, (number, &worker), thread, now, &mut lease, lends)? else { return Ok(false) };
    if thread == Thread::Supervisor {
        supervisor = then;
    } else {
        lease.next = then;
    }
    let worker = &mut s.workers[number];
    worker.supervisor = supervisor;
    match thread {
        Thread::Former => worker.former = if then == Do::Nothing && lease.hold == 0 { Lease::default() } else { lease },
        _ => worker.lease = lease,
    }
    Ok(true)
}

/// What comes next; `None` while there is nothing to do.
fn go(
    s: &mut State,
    rules: &Rules,
    (number, worker): (usize, &Worker),
    thread: Thread,
    now: Do,
    lease: &mut Lease,
    lends: bool,
) -> Result<Option<Do>, &'static str> {
    let (life, claim) = (lease.life, claim_of(worker, number, lease.life));
    let idle = if thread != Thread::Pump || worker.stops { Do::Nothing } else { Do::Claim(0) };
    let next_claim = |i: u8| if usize::from(i) + 1 < SLOTS { Do::Claim(i + 1) } else { Do::CheckRetired };
    let claimed = |lease: &mut Lease, of: u8, i: u8| {
        let right = AnswerRight::default();
        right.grant();
        *lease = Lease { life, slot: i, of, right: right.word().0, ..Lease::default() };
        Do::ReadTicket
    };
    let slot = *s.slot(life, lease.slot);
    let right = AnswerRight::with(lease.right);
    let next = match now {
        Do::Nothing => return Ok(None),
        Do::Claim(_) if worker.stops => Do::Nothing,
        // The pump's record has one place for what is held; another pump would go on.
        Do::Claim(_) if lease.hold > 0 => return Ok(None),
        // Looked at before the first slot: what is retired while it goes on is claimed all the same.
        Do::Claim(0) if s.life(life).retire > 0 => Do::CheckRetired,
        Do::Claim(i) => {
            let slot = s.slot(life, i);
            if rules.is(Wrong::ClaimInTwo) {
                if slot.observe() == Status::Ready { Do::ClaimStore(i) } else { next_claim(i) }
            } else if slot.turn(|word| (rules.claim)(word, claim)) {
                claimed(lease, slot.now, i)
            } else {
                next_claim(i)
            }
        }
        Do::ClaimStore(i) => {
            let slot = s.slot(life, i);
            slot.turn(|word| {
                word.reset();
                word.reserve() && {
                    word.announce();
                    word.claim(claim)
                }
            });
            claimed(lease, slot.now, i)
        }
        Do::CheckRetired if s.life(life).retire > 0 => {
            let life = s.life(life);
            life.requests = (life.requests + 1).min(2);
            Do::Nothing
        }
        Do::CheckRetired => Do::Wait,
        Do::Wait if worker.stops => Do::Nothing,
        Do::Wait => {
            let life = s.life(life);
            if life.requests == 0 {
                return Ok(None);
            }
            life.requests -= 1;
            Do::Claim(0)
        }
        Do::ReadTicket => {
            lease.ticket = slot.ticket;
            if lends && !worker.is_published { Do::Hold } else { Do::ReadRequest(0) }
        }
        Do::Hold => {
            let owner = claim.owner().expect("who lends has a token");
            s.slot(life, lease.slot).turn_held(|held| held.hold(owner));
            lease.hold = 1;
            Do::ReadRequest(0)
        }
        Do::ReadRequest(half) => {
            lease.seen[usize::from(half)] = slot.request[usize::from(half)];
            if half == 0 {
                Do::ReadRequest(1)
            } else {
                run(s, lease)?;
                lease.seen = [0; 2];
                let (_, grant) = right.word();
                // In one step with the reading before it, since others only wait in between; a wrong rule does not.
                if right.is_with(grant) {
                    right.end_reading(grant);
                }
                lease.right = right.word().0;
                if worker.is_published { Do::WriteResponse(0) } else { Do::LookAtCancel }
            }
        }
        Do::LookAtCancel => {
            if is_cancelled(slot.cancel.into(), lease.ticket.into()) {
                let waits = |caller: &super::state::Caller| {
                    (caller.life, caller.ticket) == (life, lease.ticket) && matches!(caller.at, At::Look | At::Parked)
                };
                if s.callers.iter().any(waits) {
                    return Err("a handler was told that its caller gave up, who waits");
                }
            }
            Do::TakeRight
        }
        Do::TakeRight => {
            if thread == Thread::Supervisor && !right.is_out() {
                return Ok(Some(Do::Nothing));
            }
            if thread == Thread::Supervisor && is_busy(lease, rules) {
                return Ok(None);
            }
            let (_, grant) = right.word();
            let has_taken = (rules.take)(&right, grant);
            lease.right = right.word().0;
            let unasked = rules.is(Wrong::AnswerUnasked) && thread != Thread::Supervisor;
            if has_taken || unasked { Do::CheckStatus(0) } else { idle }
        }
        Do::CheckStatus(time) if is_claimed_by(slot.observe(), claim) => Do::CheckTicket(time),
        Do::CheckTicket(time) if slot.ticket == lease.ticket => match time {
            0 => Do::WriteResponse(0),
            _ if rules.is(Wrong::RingEarly) => Do::RingEarly,
            _ if rules.is(Wrong::AskEarly) && !slot.needs_ring() => Do::PublishSilently,
            _ => Do::Publish,
        },
        Do::CheckStatus(_) | Do::CheckTicket(_) => lost(s, worker, life)?,
        Do::WriteResponse(half) => {
            let bare = if thread == Thread::Supervisor { BARE } else { 0 };
            s.slot(life, lease.slot).response[usize::from(half)] = lease.of | bare;
            match half {
                0 => Do::WriteResponse(1),
                _ if worker.is_published => Do::Publish,
                _ => Do::WriteRespTicket,
            }
        }
        Do::WriteRespTicket => {
            if lease.ticket != 0 {
                s.slot(life, lease.slot).resp_ticket = lease.ticket;
            }
            Do::CheckStatus(1)
        }
        Do::RingEarly => {
            s.life(life).responses = 1;
            Do::Publish
        }
        Do::Publish | Do::PublishSilently => {
            let slot = s.slot(life, lease.slot);
            if !slot.turn(|word| (rules.publish)(word, claim)) {
                lost(s, worker, life)?
            } else if slot.now != lease.of {
                return Err("an answer was published as another request's");
            } else {
                let asked = rules.is(Wrong::AskUnsettled) && !slot.needs_ring();
                Do::Settle { published: now == Do::Publish && !asked }
            }
        }
        Do::Settle { published } => {
            right.settle(right.word().1);
            lease.right = right.word().0;
            match published && !rules.is(Wrong::RingEarly) {
                false => idle,
                // Where nobody waits awake every answer is rung for, as by published workers.
                true if worker.is_published || !s.waits_awake || rules.asks_early() => Do::Ring,
                true => Do::AskWhetherToRing,
            }
        }
        Do::AskWhetherToRing => {
            if slot.needs_ring() {
                Do::Ring
            } else {
                idle
            }
        }
        Do::Ring => {
            s.life(life).responses = 1;
            idle
        }
    };
    Ok(Some(next))
}

/// A slot is not the claimed one any more.
fn lost(s: &mut State, worker: &Worker, life: u8) -> Result<Do, &'static str> {
    let life = s.life(life);
    if life.has_hub && !life.is_foreign && !worker.stops {
        return Err("a request was taken away from a worker that lives");
    }
    Ok(Do::Settle { published: false })
}

/// A handler runs.
fn run(s: &mut State, lease: &Lease) -> Result<(), &'static str> {
    if lease.of == FOREIGN || s.life(lease.life).is_foreign {
        return Ok(());
    }
    if lease.seen != [lease.of; 2] {
        return Err("a handler was given a request that is torn or another's");
    }
    let bit = 1 << lease.of;
    if s.ran & bit != 0 {
        return Err("a handler ran twice for one dispatch");
    }
    if s.callers.iter().any(|caller| caller.sent & bit != 0 && caller.sent & s.ran != 0) {
        return Err("a request ran twice though nobody sent it again");
    }
    s.ran |= bit;
    Ok(())
}

/// Who holds a request's bytes reads them to the last, lets go of them, and rings unless the answer's ring is to come.
pub(super) fn let_go(s: &mut State, rules: &Rules, number: usize, thread: Thread) -> Step {
    let worker = s.workers[number];
    let mut lease = if thread == Thread::Former { worker.former } else { worker.lease };
    if !worker.is_alive || matches!(lease.next, Do::Hold | Do::ReadRequest(_)) {
        return Ok(false);
    }
    match lease.hold {
        0 => return Ok(false),
        1 => {
            let slot = s.slot(lease.life, lease.slot);
            let own: [Bytes; 2] = [lease.of; 2];
            if slot.request != own {
                return Err("bytes were overwritten while a handler held them");
            }
            slot.turn_held(rules.let_go);
            lease.hold = 2;
        }
        _ => {
            lease.hold = 0;
            if !AnswerRight::with(lease.right).is_out() && !rules.is(Wrong::LetGoSilently) {
                s.life(lease.life).responses = 1;
            }
        }
    }
    let is_over = thread == Thread::Former && lease.next == Do::Nothing && lease.hold == 0;
    let place = &mut s.workers[number];
    match thread {
        Thread::Former => place.former = if is_over { Lease::default() } else { lease },
        _ => place.lease = lease,
    }
    Ok(true)
}
