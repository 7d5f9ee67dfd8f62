//! A worker's way to a bus.

use uuid::Uuid;

use super::{Access, Bus, BusError, Side, Standing};
use crate::lock::{self, Role};
use crate::protocol::{BusName, Features, OwnerToken};
use crate::region::Region;
use crate::signal::Bell;

impl Bus {
    /// Opens the bus of `name` as a worker.
    ///
    /// # Errors
    /// [`BusError::is_not_yet`] tells the errors that end when a hub appears from those that do not.
    pub(crate) fn attach(name: &BusName, access: Access) -> Result<Self, BusError> {
        let region = Region::open(name, access)?;
        let requests = Bell::open(&name.request_bell(), access).map_err(BusError::Bell)?;
        let responses = Bell::open(&name.response_bell(), access).map_err(BusError::Bell)?;
        let side = Side::Worker { owner: None };
        let mut bus = Self { name: name.clone(), access, region, requests, responses, side };
        if bus.region.geometry().offers(Features::LOCKS) {
            let owner = bus.take_owner_lock().map_err(|source| BusError::Lock { name: name.clone(), source })?;
            bus.side = Side::Worker { owner: Some(owner) };
        }
        // A hub that was replaced between the three openings would leave us with bells of another life.
        if bus.standing() == Standing::Live {
            Ok(bus)
        } else if bus.is_current() {
            Err(BusError::HubGone(name.clone()))
        } else {
            Err(BusError::Replaced(name.clone()))
        }
    }

    fn take_owner_lock(&self) -> std::io::Result<OwnerToken> {
        let file = self.region.file();
        lock::acquire(file, Role::Opener)?;
        loop {
            // Another worker may hold the number: then draw again.
            let Some(owner) = OwnerToken::from_raw(Uuid::new_v4().as_u128() as u32) else { continue };
            if lock::acquire(file, Role::Owner(owner.get()))? {
                return Ok(owner);
            }
        }
    }
}
