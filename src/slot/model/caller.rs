//! A caller's steps: dispatch, wait, take the answer, or give up. Each is one access to what others see.

use super::Step;
use super::board::look_at_board;
use super::hub::settle;
use super::rules::{Rules, Wrong};
use super::state::{At, BARE, Caller, Entry, LIVES, SLOTS, State, Watcher};
use crate::protocol::{QuietByte, Status};
use crate::slot::Progress;
use crate::slot::finished::answers;

const LAST_SLOT: u8 = SLOTS as u8 - 1;

/// Whether a slot is that of this dispatch still, as the hub asks.
pub(super) fn has_dispatched(s: &State, rules: &Rules, life: u8, slot: u8, ticket: u8) -> bool {
    let of = &s.lives[usize::from(life)];
    rules.is(Wrong::TrustAnyTicket) || (of.slots[usize::from(slot)].ticket == ticket && !of.is_foreign)
}

/// What the hub sees of a dispatch.
pub(super) fn progress(s: &State, rules: &Rules, life: u8, slot: u8, ticket: u8) -> Progress {
    let status = s.lives[usize::from(life)].slots[usize::from(slot)].observe();
    Progress::of(status, || has_dispatched(s, rules, life, slot, ticket))
}

/// Wakes the watcher if it sleeps.
fn notify(s: &mut State, life: u8) {
    let life = s.life(life);
    if life.watcher == Watcher::Asleep {
        life.watcher = Watcher::TakeRings;
    }
}

pub(super) fn leave_awake(s: &mut State, c: &mut Caller) {
    c.is_awake = false;
    let life = s.life(c.life);
    life.awake -= 1;
    if life.awake == 0 && life.interested > 0 {
        notify(s, c.life);
    }
}

/// The caller's request is over, and so is its use of the slot.
pub(super) fn end(s: &mut State, c: &mut Caller) {
    s.life(c.life).free |= 1 << c.slot;
    finish(c);
}

/// The caller's request is over.
pub(super) fn finish(c: &mut Caller) {
    let requests = c.requests - 1;
    let at = if requests > 0 { At::Acquire } else { At::Ended };
    *c = Caller { at, requests, ..Caller::default() };
}

/// One step of a caller.
pub(super) fn step(s: &mut State, rules: &Rules, number: usize) -> Step {
    let mut c = s.callers[number];
    let moved = go(s, rules, number, &mut c)?;
    s.callers[number] = c;
    Ok(moved)
}

fn go(s: &mut State, rules: &Rules, number: usize, c: &mut Caller) -> Step {
    let (life, slot, ticket) = (c.life, c.slot, c.ticket);
    let number_of = s.life(life).base + ticket;
    c.at = match c.at {
        At::Acquire => {
            let current = s.current;
            let life = s.life(current);
            if !life.has_hub || life.is_closed {
                let is_over = usize::from(current) + 1 == LIVES || life.is_foreign;
                if is_over {
                    finish(c);
                }
                return Ok(is_over);
            }
            if life.free == 0 {
                return Ok(false);
            }
            c.slot = life.free.trailing_zeros() as u8;
            c.life = current;
            life.free &= life.free - 1;
            At::Reserve
        }
        At::Reserve => {
            let is_reserved = s.slot(life, slot).turn(rules.reserve);
            if !is_reserved && s.life(life).is_foreign {
                // The permit is forgotten: whoever writes to free slots may do so again.
                *c = Caller { requests: c.requests, ..Caller::default() };
                return Ok(true);
            }
            if !is_reserved {
                return Err("a slot is lost: its word is not FREE though nobody has it");
            }
            let life = s.life(life);
            life.tickets += 1;
            c.ticket = life.tickets;
            c.sent |= 1 << (life.base + c.ticket);
            At::WriteRequest(0)
        }
        At::WriteRequest(half) => {
            s.slot(life, slot).request[usize::from(half)] = number_of;
            if half == 0 { At::WriteRequest(1) } else { At::ZeroRespTicket }
        }
        At::ZeroRespTicket => {
            if !rules.is(Wrong::KeepRespTicket) {
                s.slot(life, slot).resp_ticket = 0;
            }
            At::ZeroCancel
        }
        At::ZeroCancel => {
            s.slot(life, slot).cancel = 0;
            At::ZeroHeld
        }
        At::ZeroHeld => {
            let waits_awake = s.waits_awake;
            let slot = s.slot(life, slot);
            slot.turn_held(|held| held.clear());
            // In one step: who reads either of an earlier dispatch finds what is as good.
            slot.turn_quiet(if waits_awake { QuietByte::start } else { QuietByte::clear });
            At::WriteTicket
        }
        At::WriteTicket => {
            s.slot(life, slot).ticket = ticket;
            At::Announce
        }
        At::Announce => {
            let slot = s.slot(life, slot);
            slot.turn(rules.announce);
            slot.now = number_of;
            if s.rings_late { wait(s, c) } else { At::Ring }
        }
        At::Ring => {
            let of = s.life(life);
            of.requests = (of.requests + 1).min(2);
            if s.rings_late { At::Interest } else { wait(s, c) }
        }
        At::Look => match progress(s, rules, life, slot, ticket) {
            Progress::Waiting | Progress::Claimed(_) => before_parking(s),
            Progress::Finished | Progress::Abandoned => At::TakeRings,
        },
        At::TakeRings => {
            let life = s.life(life);
            life.responses = 0;
            if life.interested > 0 { At::ScanAwake(0) } else { At::LeaveAwake }
        }
        At::ScanAwake(i) => {
            scan(s, rules, life, i);
            if i == LAST_SLOT { At::LeaveAwake } else { At::ScanAwake(i + 1) }
        }
        At::LeaveAwake => {
            leave_awake(s, c);
            taken(s, rules, c)
        }
        At::Unrung => match progress(s, rules, life, slot, ticket) {
            Progress::Waiting if !rules.is(Wrong::ParkUnrung) => At::Ring,
            _ => At::Interest,
        },
        At::Interest => {
            s.life(life).interested += 1;
            notify(s, life);
            if c.is_awake { At::LeaveToPark } else { At::Board }
        }
        At::LeaveToPark => {
            leave_awake(s, c);
            At::ExpectRing
        }
        At::ExpectRing => {
            if !rules.is(Wrong::ParkQuietly) {
                expect_ring(s, rules, c);
            }
            At::Board
        }
        At::Board => {
            c.is_woken = false;
            s.life(life).board[usize::from(slot)] =
                Entry::Pending { caller: number as u8, ticket, has_waker: true, orphaned: false };
            if rules.is(Wrong::ParkUnlooked) { At::Parked } else { At::LookAtBoard }
        }
        At::LookAtBoard => return look_at_board(s, rules, c),
        At::Parked if c.is_woken => At::LookAtBoard,
        At::Parked | At::Ended => return Ok(false),
        At::CheckRespTicket => {
            let of = s.slot(life, slot);
            if !answers(of.resp_ticket.into(), ticket.into()) {
                if of.now == number_of {
                    return Err("an answer of the request's own handler was refused");
                }
                At::End
            } else {
                if rules.is(Wrong::FreeBeforeCopy) {
                    of.turn(rules.release);
                    s.life(life).free |= 1 << slot;
                }
                At::ReadResponse(0)
            }
        }
        At::ReadResponse(half) => {
            c.seen[usize::from(half)] = s.slot(life, slot).response[usize::from(half)];
            if half == 0 { At::ReadResponse(1) } else { At::CheckTicket }
        }
        At::CheckTicket => {
            if !has_dispatched(s, rules, life, slot, ticket) {
                if !s.life(life).is_foreign {
                    return Err("a response was overwritten before it was copied");
                }
            } else if c.seen != [number_of; 2] && c.seen != [number_of | BARE; 2] {
                return Err("a response that is torn or another's was delivered");
            }
            if rules.is(Wrong::FreeBeforeCopy) {
                finish(c);
                return Ok(true);
            }
            At::End
        }
        At::End => match progress(s, rules, life, slot, ticket) {
            Progress::Waiting | Progress::Claimed(_) => At::Cancel,
            Progress::Finished => At::CheckHeld,
            Progress::Abandoned => {
                if has_dispatched(s, rules, life, slot, ticket) {
                    s.slot(life, slot).turn(rules.reset);
                }
                end(s, c);
                return Ok(true);
            }
        },
        At::CheckHeld => {
            let is_held = s.slot(life, slot).holder().is_some() && !rules.is(Wrong::IgnoreHeld);
            if is_held { At::Cancel } else { At::Release }
        }
        At::Release => {
            s.slot(life, slot).turn(rules.release);
            end(s, c);
            return Ok(true);
        }
        At::Cancel => {
            if let Progress::Claimed(_) = progress(s, rules, life, slot, ticket) {
                if rules.is(Wrong::FreeTheStuck) {
                    s.slot(life, slot).turn(rules.reset);
                    end(s, c);
                    return Ok(true);
                }
                s.slot(life, slot).cancel = ticket;
            }
            At::InterestOfZombie
        }
        At::InterestOfZombie => {
            s.life(life).interested += 1;
            notify(s, life);
            if s.waits_awake && !rules.is(Wrong::BuryQuietly) { At::ExpectRingOfZombie } else { At::Bury }
        }
        At::ExpectRingOfZombie => {
            expect_ring(s, rules, c);
            At::Bury
        }
        At::Bury => {
            let life = s.life(life);
            life.board[usize::from(slot)] = Entry::Zombie { ticket };
            if rules.is(Wrong::PoolTheZombie) {
                life.free |= 1 << slot;
            }
            At::Scan(0)
        }
        At::Scan(i) => {
            scan(s, rules, life, i);
            if i == LAST_SLOT {
                finish(c);
                return Ok(true);
            }
            At::Scan(i + 1)
        }
        At::Withdraw => {
            let is_ours = has_dispatched(s, rules, life, slot, ticket);
            if is_ours && rules.is(Wrong::WithdrawInTwo) && s.slot(life, slot).observe() == Status::Ready {
                At::WithdrawStore
            } else if is_ours && s.slot(life, slot).turn(rules.withdraw) {
                end(s, c);
                return Ok(true);
            } else {
                At::End
            }
        }
        At::WithdrawStore => {
            s.slot(life, slot).turn(rules.reset);
            end(s, c);
            return Ok(true);
        }
    };
    Ok(true)
}

/// Says that a ring is waited for from now on.
fn expect_ring(s: &mut State, rules: &Rules, c: &Caller) {
    if has_dispatched(s, rules, c.life, c.slot, c.ticket) {
        s.slot(c.life, c.slot).turn_quiet(|quiet| quiet.end());
    }
}

/// Joins those that are awake, where callers look before they park.
fn wait(s: &mut State, c: &mut Caller) -> At {
    if !s.waits_awake {
        return before_parking(s);
    }
    s.life(c.life).awake += 1;
    c.is_awake = true;
    At::Look
}

fn before_parking(s: &State) -> At {
    if s.rings_late { At::Unrung } else { At::Interest }
}

/// Looks at a slot's entry if the slot is DONE, as who takes a ring does.
pub(super) fn scan(s: &mut State, rules: &Rules, life: u8, i: u8) {
    if s.slot(life, i).observe() == Status::Done {
        settle(s, rules, life, i);
    }
}

/// Where a caller goes on whose slot says that there is no more to wait for.
pub(super) fn taken(s: &State, rules: &Rules, c: &Caller) -> At {
    match progress(s, rules, c.life, c.slot, c.ticket) {
        Progress::Finished => At::CheckRespTicket,
        _ => At::End,
    }
}
