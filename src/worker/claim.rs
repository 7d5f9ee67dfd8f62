//! How the holder of the baton waits for a request: it looks, spins, looks, and parks.

use std::time::Instant;

use super::pump::PumpEnd;
use super::shared::Shared;
use crate::signal::Peer;
use crate::slot::{ClaimedSlot, Parked, ScanCursor, TURN_PATIENCE};

/// Waits for a request and claims it; `None` when it is time to look at everything else again. `rest` is called before each parking.
///
/// No wake-up is lost: the hub rings after it announces, or before its caller parks, and every ring that is taken here,
/// also one that is only owed for an earlier claim, is followed by a look at all slots before this thread parks. Where another
/// worker goes on, whatever that look finds is rung for instead of claimed.
pub(super) fn claim(
    shared: &Shared,
    cursor: &mut ScanCursor,
    mut rest: impl FnMut(),
) -> Result<Option<ClaimedSlot>, PumpEnd> {
    let Shared { attachment, spin, stop, gauge, .. } = shared;
    while !stop.is_raised() {
        if let Some(lease) = attachment.claim(cursor) {
            return Ok(Some(lease));
        }
        let took = attachment.take_rings_owed();
        let has_handed_over = attachment.end_turn(TURN_PATIENCE, took);
        let handing_on = |lease| {
            attachment.hand_on(took);
            Ok(Some(lease))
        };
        if !has_handed_over && let Some(lease) = spin_for_one(shared, cursor).or_else(|| attachment.claim(cursor)) {
            return handing_on(lease);
        }
        // Looked at before parking too: the ring that tells of it may have been taken above.
        if attachment.bus().is_retired() {
            // It was for every worker: hand it on.
            attachment.bus().requests().ring();
            return Err(PumpEnd::BusGone);
        }
        if !attachment.bus().is_own_life() {
            return Err(PumpEnd::BusGone);
        }
        rest();
        let parked = Instant::now();
        let patience = attachment.patience(gauge.in_hand());
        let waited = if has_handed_over {
            attachment.wait_for_ring(cursor, patience)
        } else {
            attachment.park(cursor, patience)
        };
        let was_rung = match waited {
            Parked::Claimed(lease) => return handing_on(lease),
            Parked::Rung => true,
            Parked::Late => false,
        };
        spin.parked_for(parked.elapsed());
        if was_rung {
            attachment.meters().was_woken();
            if let Some(lease) = attachment.claim_for_ring(cursor) {
                return Ok(Some(lease));
            }
        } else if !attachment.bus().is_alive() {
            return Err(PumpEnd::BusGone);
        } else {
            attachment.trim_idle();
        }
    }
    Ok(None)
}

/// Looks again and again, unless others do who are enough.
fn spin_for_one(shared: &Shared, cursor: &mut ScanCursor) -> Option<ClaimedSlot> {
    let Shared { attachment, spin, .. } = shared;
    if attachment.leave_crowd() || spin.budget().is_zero() {
        return None;
    }
    let found = spin.until(Peer::Awake, attachment.bytes_until_next(), || attachment.glance(cursor));
    if found.is_some() {
        spin.paid();
    }
    attachment.meters().has_spun(found.is_some());
    found
}
