//! One region, read through its file.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, SystemTime};

use super::{HubLife, InspectError, Look, Retirement, Slot};
use crate::lock::{self, Role};
use crate::protocol::{
    BusName, Features, Geometry, HeaderImage, HubImage, RETIRE_DETACH, RETIRE_DRAIN, RequestId, SHM_HEADER_SIZE,
    SLOT_META_SIZE, SlotImage, Status, decode_method,
};
use crate::shm::{self, ObjectId};
use crate::signal::monotonic_nanos;

/// Reads of a slot that changes all the time, before it is shown torn.
const READS: usize = 8;

/// A bus that is looked at.
///
/// Holds the region's file open, so that a bus whose name is taken away is still seen; open it again to see its successor.
#[derive(Debug)]
pub struct Bus {
    name: BusName,
    file: File,
    id: ObjectId,
}

impl Bus {
    /// Opens the region of the bus `name` under `prefix` for reading.
    ///
    /// # Errors
    /// When prefix or name are none, when no plain file stands under the name, and when this user must not read it.
    pub fn open(prefix: &str, name: &str) -> Result<Self, InspectError> {
        Self::of(BusName::new(prefix, name)?)
    }

    pub(super) fn of(name: BusName) -> Result<Self, InspectError> {
        let (file, id) = shm::open_to_show(name.region())?;
        Ok(Self { name, file, id })
    }

    /// The bus's name.
    pub fn name(&self) -> &BusName {
        &self.name
    }

    /// Whether the name still stands for the region that was opened.
    pub fn is_current(&self) -> bool {
        shm::is_current(self.name.region(), self.id)
    }

    /// Looks at the region. A few system calls: the file's length, the header, the slots three times, the locks.
    ///
    /// # Errors
    /// When the file does not hold a region, any more or yet, or cannot be read.
    pub fn look(&self) -> Result<Look, InspectError> {
        let (header, geometry, bytes) = self.header()?;
        let has_locks = geometry.offers(Features::LOCKS);
        let (hub, workers) = if has_locks { self.ask_locks()? } else { (HubLife::Unknown, None) };
        let epoch = geometry.extension().map(|extension| extension.epoch);
        let (slots, at) = self.slots(&geometry)?;
        let numbered = geometry.offers(Features::TICKET);
        let HubImage { started_at, pid, retire } = HubImage::of(&header);
        Ok(Look {
            version: geometry.version(),
            epoch,
            hub,
            hub_pid: epoch.map(|_| pid),
            started_at: epoch.and_then(|_| SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(started_at))),
            retirement: match retire {
                RETIRE_DRAIN if epoch.is_some() => Some(Retirement::Draining),
                RETIRE_DETACH if epoch.is_some() => Some(Retirement::Detached),
                _ => None,
            },
            workers,
            bytes,
            dispatches: numbered.then(|| slots.iter().filter_map(|slot| slot.ticket).max().unwrap_or_default()),
            slots,
            at,
        })
    }

    fn header(&self) -> Result<([u8; SHM_HEADER_SIZE], Geometry, u64), InspectError> {
        let bytes = self.file.metadata().map_err(|source| self.unreadable(source))?.len();
        let len = usize::try_from(bytes).unwrap_or(usize::MAX);
        let no_region = |source| InspectError::Region { bus: self.name.clone(), source };
        Geometry::check_len(len).map_err(no_region)?;
        let mut header = [0; SHM_HEADER_SIZE];
        self.read(&mut header, 0)?;
        let geometry = Geometry::parse(&HeaderImage::of(&header), len).map_err(no_region)?;
        Ok((header, geometry, bytes))
    }

    fn ask_locks(&self) -> Result<(HubLife, Option<usize>), InspectError> {
        let is_held = lock::is_held(&self.file, Role::Hub).map_err(|source| self.unreadable(source))?;
        let workers = lock::count_owners(&self.file).map_err(|source| self.unreadable(source))?;
        Ok((if is_held { HubLife::Alive } else { HubLife::Dead }, Some(workers)))
    }

    /// Every slot, and when they were read.
    fn slots(&self, geometry: &Geometry) -> Result<(Vec<Slot>, u64), InspectError> {
        let mut copies = [0; 3].map(|_| vec![0; geometry.num_slots() * SLOT_META_SIZE]);
        for copy in &mut copies {
            self.read(copy, SHM_HEADER_SIZE)?;
        }
        let at = monotonic_nanos();
        let slots = geometry.slots().map(|index| {
            let mut seen = copies.each_ref().map(|copy| SlotImage::of(&copy.as_chunks().0[index.get()]));
            // What was the same before and after was the same meanwhile.
            let is_torn = |[before, image, after]: &[SlotImage; 3]| {
                before.moment() != image.moment() || image.moment() != after.moment()
            };
            let mut reads = seen.len();
            while is_torn(&seen) && reads < READS {
                let mut bytes = [0; SLOT_META_SIZE];
                self.read(&mut bytes, geometry.slot_offset(index))?;
                seen = [seen[1], seen[2], SlotImage::of(&bytes)];
                reads += 1;
            }
            Ok(show(&seen[1], geometry, is_torn(&seen), at))
        });
        Ok((slots.collect::<Result<_, InspectError>>()?, at))
    }

    fn read(&self, bytes: &mut [u8], offset: usize) -> Result<(), InspectError> {
        self.file.read_exact_at(bytes, offset as u64).map_err(|source| self.unreadable(source))
    }

    fn unreadable(&self, source: std::io::Error) -> InspectError {
        InspectError::Read { path: format!("/dev/shm/{}", self.name), source }
    }
}

/// `now`: nanoseconds of CLOCK_MONOTONIC. A request that was sent since has no age yet.
fn show(image: &SlotImage, geometry: &Geometry, torn: bool, now: u64) -> Slot {
    let &SlotImage { status, ticket, resp_ticket, cancel, .. } = image;
    let has = |feature| geometry.offers(feature);
    // A request that is being written is none yet.
    let is_request = !matches!(status, Status::Free | Status::Writing | Status::Unknown(_));
    let numbered = has(Features::TICKET) && ticket != 0;
    let is_last = status == Status::Free && numbered;
    let is_answered = status == Status::Done || is_last && resp_ticket == ticket;
    Slot {
        state: status.into(),
        torn,
        owner: match status {
            Status::Claimed(claim) if has(Features::LOCKS) => claim.owner().map(|owner| owner.get()),
            _ => None,
        },
        ticket: numbered.then_some(ticket),
        request_id: if is_request || is_last { RequestId::from_padded(image.req_id).ok() } else { None },
        method: if is_request || is_last { decode_method(image.method) } else { None },
        request_body: if is_request || is_last { image.request_body } else { 0 },
        status: is_answered.then_some(image.resp_status),
        response_body: if is_answered { image.response_body } else { 0 },
        age: Some(image.sent_at)
            .filter(|at| is_request && *at != 0 && has(Features::SENT))
            .map(|at| Duration::from_nanos(now.saturating_sub(at))),
        left: Some(image.deadline)
            .filter(|at| is_request && *at != 0 && has(Features::DEADLINE))
            .map(|at| Duration::from_nanos(at.saturating_sub(now))),
        abandoned: is_request && numbered && has(Features::CANCEL) && cancel != 0 && cancel == ticket as u32,
        held: image.held != 0 && numbered,
    }
}
