//! How a caller that is on the hub's board goes on: its slot is answered, its region is retired, or it gives up.

use super::Step;
use super::caller::{end, finish, has_dispatched, leave_awake, progress, taken};
use super::rules::{Rules, Wrong};
use super::state::{At, Caller, Entry, State};
use crate::slot::Progress;

/// Looks at its slot on the board, under the entry's lock.
pub(super) fn look_at_board(s: &mut State, rules: &Rules, c: &mut Caller) -> Step {
    let (life, slot, ticket) = (c.life, c.slot, c.ticket);
    let Entry::Pending { caller, orphaned, .. } = s.life(life).board[usize::from(slot)] else {
        return Err("a caller's entry is not its own");
    };
    let progress = progress(s, rules, life, slot, ticket);
    let is_retired = s.life(life).retire > 0;
    let moves = is_retired
        && (rules.is(Wrong::SendTwice)
            || (has_dispatched(s, rules, life, slot, ticket) && s.slot(life, slot).turn(rules.withdraw)));
    let waits = matches!(progress, Progress::Waiting | Progress::Claimed(_)) && !orphaned && !moves;
    let entry = &mut s.lives[usize::from(life)].board[usize::from(slot)];
    if waits && !s.lives[usize::from(life)].is_closed {
        *entry = Entry::Pending { caller, ticket, has_waker: true, orphaned };
        c.is_woken = false;
        c.at = At::Parked;
        return Ok(true);
    }
    *entry = Entry::Idle;
    s.life(life).interested -= 1;
    if waits {
        c.at = At::Withdraw;
    } else if orphaned {
        end(s, c);
    } else if moves {
        s.life(life).free |= 1 << slot;
        *c = Caller { at: At::Acquire, requests: c.requests, sent: c.sent, ..Caller::default() };
    } else {
        c.at = taken(s, rules, c);
    }
    Ok(true)
}

/// The caller gives up: its time is up, or it is dropped.
pub(super) fn give_up(s: &mut State, number: usize) -> Step {
    let mut c = s.callers[number];
    if s.budget.gives_up == 0 {
        return Ok(false);
    }
    match c.at {
        At::Acquire if s.life(s.current).free == 0 => finish(&mut c),
        At::Look => {
            leave_awake(s, &mut c);
            c.at = At::Withdraw;
        }
        At::Parked => {
            let taken = std::mem::take(&mut s.life(c.life).board[usize::from(c.slot)]);
            s.life(c.life).interested -= 1;
            match taken {
                Entry::Pending { orphaned: true, .. } => end(s, &mut c),
                _ => c.at = At::Withdraw,
            }
        }
        _ => return Ok(false),
    }
    s.budget.gives_up -= 1;
    s.callers[number] = c;
    Ok(true)
}
