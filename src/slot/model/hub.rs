//! The hub's watcher and guard, its birth, its death, and how it retires a region.

use super::caller::{finish, progress, scan};
use super::rules::{Rules, Wrong};
use super::state::{At, Do, Entry, FOREIGN, Guard, LIVES, Lease, Life, SLOTS, Slot, State, Watcher};
use super::{Step, reduce};
use crate::protocol::Status;
use crate::slot::Progress;

/// Bits of all slots.
pub(super) const ALL: u8 = (1 << SLOTS) - 1;

/// Wakes the caller of a slot, or buries its zombie, if there is nothing more to wait for.
pub(super) fn settle(s: &mut State, rules: &Rules, life: u8, i: u8) {
    let entry = s.life(life).board[usize::from(i)];
    match entry {
        Entry::Idle => {}
        Entry::Pending { ticket, .. } => {
            if !matches!(progress(s, rules, life, i, ticket), Progress::Waiting | Progress::Claimed(_)) {
                wake(s, life, i);
            }
        }
        Entry::Zombie { ticket } => {
            let is_held = s.slot(life, i).holder().is_some() && !rules.is(Wrong::IgnoreHeld);
            match progress(s, rules, life, i, ticket) {
                Progress::Waiting | Progress::Claimed(_) => return,
                Progress::Finished if is_held => return,
                Progress::Finished => drop(s.slot(life, i).turn(rules.release)),
                Progress::Abandoned if s.slot(life, i).ticket == ticket => s.slot(life, i).turn(rules.reset),
                Progress::Abandoned => {}
            }
            bury(s, life, i);
        }
    }
}

/// A zombie goes, and its permit with it.
fn bury(s: &mut State, life: u8, i: u8) {
    let life = s.life(life);
    life.board[usize::from(i)] = Entry::Idle;
    life.free |= 1 << i;
    life.interested -= 1;
}

fn wake(s: &mut State, life: u8, i: u8) {
    if let Entry::Pending { caller, has_waker, .. } = &mut s.life(life).board[usize::from(i)]
        && std::mem::take(has_waker)
    {
        let caller = usize::from(*caller);
        s.callers[caller].is_woken = true;
    }
}

fn wake_all(s: &mut State, life: u8) {
    (0..SLOTS as u8).for_each(|i| wake(s, life, i));
}

/// One step of a hub's watcher.
pub(super) fn watch(s: &mut State, rules: &Rules, number: u8) -> Step {
    let life = s.life(number);
    if !life.has_hub {
        return Ok(false);
    }
    life.watcher = match life.watcher {
        Watcher::TakeRings => {
            life.responses = 0;
            Watcher::Scan(0)
        }
        Watcher::Scan(i) => {
            scan(s, rules, number, i);
            let is_last = usize::from(i) + 1 == SLOTS;
            s.life(number).watcher = if is_last { Watcher::Decide } else { Watcher::Scan(i + 1) };
            return Ok(true);
        }
        // Under its lock, so that whoever notifies comes before or after.
        Watcher::Decide if life.interested == 0 || life.awake > 0 => Watcher::Asleep,
        Watcher::Decide => Watcher::Parked,
        Watcher::Parked if life.responses > 0 => Watcher::TakeRings,
        Watcher::Parked | Watcher::Asleep => return Ok(false),
    };
    Ok(true)
}

/// One step of a hub's guard.
pub(super) fn guard(s: &mut State, rules: &Rules, number: u8) -> Step {
    let life = s.life(number);
    let is_last = |i: u8| usize::from(i) + 1 == SLOTS;
    let next = match life.guard {
        Guard::Asleep if !life.has_hub || !life.hint => return Ok(false),
        Guard::Asleep => {
            life.hint = false;
            Guard::Reap(0)
        }
        Guard::Reap(i) => {
            reap(s, rules, number, i);
            if is_last(i) { Guard::Scan(0) } else { Guard::Reap(i + 1) }
        }
        Guard::Scan(i) => {
            settle(s, rules, number, i);
            if is_last(i) { Guard::RingAgain } else { Guard::Scan(i + 1) }
        }
        Guard::RingAgain => {
            let waiting = life.slots.iter().filter(|slot| slot.observe() == Status::Ready).count() as u8;
            if life.requests < waiting && !rules.is(Wrong::NeverRingAgain) {
                life.requests = 2;
            }
            Guard::Asleep
        }
    };
    s.life(number).guard = next;
    Ok(true)
}

/// Frees a slot whose worker is proven dead. In one step: the entry is locked, and who is dead stays so.
fn reap(s: &mut State, rules: &Rules, number: u8, i: u8) {
    let (Entry::Pending { ticket, .. } | Entry::Zombie { ticket }) = s.life(number).board[usize::from(i)] else {
        return;
    };
    let workers = s.workers;
    s.slot(number, i).turn_held(|held| held.end_if(|owner| !State::is_alive(&workers, owner.get())));
    let Progress::Claimed(claim) = progress(s, rules, number, i, ticket) else { return };
    let is_proven = |owner: u32| !s.is_owner_alive(owner) || rules.is(Wrong::ReapTheLiving);
    let is_dead = claim.owner().is_some_and(|owner| is_proven(owner.get()));
    if !is_dead || s.slot(number, i).ticket != ticket || !s.slot(number, i).turn(|word| (rules.reap)(word, claim)) {
        return;
    }
    if let Entry::Pending { orphaned, .. } = &mut s.life(number).board[usize::from(i)] {
        *orphaned = true;
        wake(s, number, i);
    } else {
        bury(s, number, i);
    }
}

/// A life that a hub begins.
pub(super) fn begin(life: &mut Life, base: u8) {
    *life = Life { base, has_hub: true, free: ALL, ..Life::default() };
}

/// The hub retires its region for another.
pub(super) fn retire(s: &mut State) -> Step {
    let old = s.current;
    let next = usize::from(old) + 1;
    let life = s.life(old);
    if !life.has_hub || life.is_foreign || next == LIVES {
        return Ok(false);
    }
    let base = life.base + 8;
    life.retire = 1;
    begin(&mut s.lives[next], base);
    s.budget.retires -= 1;
    s.current += 1;
    wake_all(s, old);
    Ok(true)
}

/// The guard closes a retired region that nobody waits in any more.
pub(super) fn close(s: &mut State, number: u8) -> Step {
    let life = s.life(number);
    let zombies = life.board.iter().filter(|entry| matches!(entry, Entry::Zombie { .. })).count() as u32;
    if !life.has_hub || life.retire != 1 || SLOTS as u32 - life.free.count_ones() > zombies {
        return Ok(false);
    }
    let Life { slots, base, requests, .. } = *life;
    *life = Life { slots, base, requests: (requests + 1).min(2), retire: 2, ..Life::default() };
    Ok(true)
}

/// The hub's process is killed, and its callers with it.
pub(super) fn crash(s: &mut State) -> Step {
    let Some(life) = s.lives.iter().position(|life| life.has_hub) else { return Ok(false) };
    if s.budget.crashes == 0 || s.budget.hub_crashes == 0 || s.life(life as u8).is_foreign {
        return Ok(false);
    }
    s.budget.crashes -= 1;
    s.budget.hub_crashes -= 1;
    for life in s.lives.iter_mut().filter(|life| life.has_hub) {
        let Life { slots, base, retire, requests, responses, .. } = *life;
        *life = Life { slots, base, retire, requests, responses, ..Life::default() };
    }
    s.callers.iter_mut().filter(|c| !matches!(c.at, At::Acquire | At::Ended)).for_each(finish);
    Ok(true)
}

/// Another hub comes.
pub(super) fn found(s: &mut State, rules: &Rules) -> Step {
    let has_callers = s.callers.iter().any(|caller| caller.at == At::Acquire);
    if s.lives.iter().any(|life| life.has_hub) || !has_callers {
        return Ok(false);
    }
    let base = s.life(s.current).base + 8;
    if rules.is(Wrong::WipeInPlace) {
        let life = s.life(s.current);
        let slots = life.slots.map(zeroed);
        *life = Life { slots, base, has_hub: true, free: ALL, ..Life::default() };
        return Ok(true);
    }
    let next = usize::from(s.current) + 1;
    if next == LIVES {
        return Ok(false);
    }
    s.current += 1;
    begin(&mut s.lives[next], base);
    Ok(true)
}

fn zeroed(slot: Slot) -> Slot {
    Slot { request: slot.request, response: slot.response, ..Slot::default() }
}

/// A hub of the published kind makes a region of its own of a live one, and sends a request there.
pub(super) fn wipe(s: &mut State) -> Step {
    let dispatches = |at: At| at >= At::Reserve && at <= At::Announce;
    let is_dispatching = s.callers.iter().any(|caller| dispatches(caller.at));
    let life = s.life(s.current);
    if !life.has_hub || is_dispatching || life.retire > 0 {
        return Ok(false);
    }
    life.slots = life.slots.map(zeroed);
    life.is_foreign = true;
    life.slots[0].request = [FOREIGN; 2];
    life.slots[0].now = FOREIGN;
    life.slots[0].turn(|word| word.reserve().then(|| word.announce()));
    life.requests = 1;
    s.budget.wipes -= 1;
    Ok(true)
}

/// That hub takes its answer.
pub(super) fn take_foreign(s: &mut State, rules: &Rules) -> Step {
    let slot = s.slot(s.current, 0);
    Ok(slot.now == FOREIGN && slot.turn(rules.release))
}

/// The hub finds its region taken over, and closes.
pub(super) fn notice(s: &mut State) -> Step {
    let current = s.current;
    let life = s.life(current);
    if !life.has_hub || !life.is_foreign || life.is_closed {
        return Ok(false);
    }
    life.is_closed = true;
    wake_all(s, current);
    Ok(true)
}

/// Forgets what nobody can see any more, so that states which differ in nothing else are one.
pub(super) fn tidy(s: &mut State) {
    for number in 0..s.current {
        let uses = |lease: &Lease| *lease != Lease::default() && lease.life == number;
        let is_used = s.workers.iter().any(|w| w.is_alive && (uses(&w.lease) || uses(&w.former)));
        if !s.life(number).has_hub && !is_used {
            *s.life(number) = Life::default();
        }
    }
    for worker in &mut s.workers {
        let lease = &mut worker.lease;
        if matches!(lease.next, Do::Claim(_) | Do::Wait | Do::CheckRetired) && lease.hold == 0 {
            *lease = Lease { next: lease.next, life: lease.life, ..Lease::default() };
        }
    }
    for caller in &mut s.callers {
        caller.is_woken &= matches!(caller.at, At::LookAtBoard | At::Parked);
        if matches!(caller.at, At::End | At::CheckHeld | At::Release | At::Cancel) {
            caller.seen = [0; 2];
        }
    }
    let leases = s.workers.map(|worker| [worker.lease, worker.former]);
    let mut seen: u64 = s.callers.iter().fold(0, |seen, caller| seen | caller.sent);
    leases.as_flattened().iter().for_each(|lease| seen |= 1 << lease.of);
    for (number, life) in s.lives.iter_mut().enumerate() {
        for (i, slot) in life.slots.iter_mut().enumerate() {
            let here = |lease: &Lease| reduce::is_of(lease, number as u8, i as u8);
            if slot.observe() != Status::Free {
                seen |= 1 << slot.now;
            } else if !leases.as_flattened().iter().any(here) {
                // Whose bytes they were is all one: they are nobody's who comes.
                (slot.request, slot.response) = ([0; 2], [0; 2]);
            }
        }
    }
    s.ran &= seen;
}
