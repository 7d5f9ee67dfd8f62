//! One region, read through its file.

use std::fs::File;
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::time::{Duration, SystemTime};

use super::{Hub, InspectError, Look, Retirement, Slot};
use crate::lock::{self, Role};
use crate::protocol::{
    BusName, Features, Geometry, HeaderImage, HubImage, RequestId, SHM_HEADER_SIZE, SLOT_META_SIZE, SlotImage, Status,
    decode_method,
};
use crate::shm::{self, ObjectId};
use crate::signal::monotonic_nanos;

/// Reads of a slot that changes all the time, before it is shown torn.
const READS: usize = 5;

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

    /// Looks at the region: two system calls to read it, and a few to ask for its locks.
    ///
    /// # Errors
    /// When the file does not hold a region, any more or yet, or cannot be read.
    pub fn look(&self) -> Result<Look, InspectError> {
        let (header, geometry, bytes) = self.header()?;
        let has_locks = geometry.offers(Features::LOCKS);
        let (hub, workers) = if has_locks { self.ask_locks()? } else { (Hub::Unknown, None) };
        let epoch = geometry.extension().map(|extension| extension.epoch);
        let (slots, at) = self.slots(&geometry)?;
        let HubImage { started_at, pid, retire } = HubImage::of(&header);
        Ok(Look {
            version: geometry.version(),
            epoch,
            hub,
            hub_pid: epoch.map(|_| pid),
            started_at: epoch.and_then(|_| SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(started_at))),
            retirement: match retire {
                1 if epoch.is_some() => Some(Retirement::Draining),
                2 if epoch.is_some() => Some(Retirement::Detached),
                _ => None,
            },
            workers,
            bytes,
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

    fn ask_locks(&self) -> Result<(Hub, Option<usize>), InspectError> {
        let is_held = lock::is_held(&self.file, Role::Hub).map_err(|source| self.unreadable(source))?;
        let workers = lock::count_owners(&self.file).map_err(|source| self.unreadable(source))?;
        Ok((if is_held { Hub::Alive } else { Hub::Dead }, Some(workers)))
    }

    fn slots(&self, geometry: &Geometry) -> Result<(Vec<Slot>, u64), InspectError> {
        let mut first = vec![0; geometry.num_slots() * SLOT_META_SIZE];
        self.read(&mut first, SHM_HEADER_SIZE)?;
        let at = monotonic_nanos();
        let mut second = vec![0; first.len()];
        self.read(&mut second, SHM_HEADER_SIZE)?;
        let slots = geometry.slots().map(|index| {
            let copy = |of: &[u8]| SlotImage::of(&of.as_chunks().0[index.get()]);
            let (mut image, mut after) = (copy(&first), copy(&second));
            let mut reads = 1;
            // Its fields were read between two looks at its state: they are that state's if it did not change.
            while (image.status, image.ticket) != (after.status, after.ticket) && reads < READS {
                let mut bytes = [0; SLOT_META_SIZE];
                self.read(&mut bytes, geometry.slot_offset(index))?;
                image = std::mem::replace(&mut after, SlotImage::of(&bytes));
                reads += 1;
            }
            let torn = (image.status, image.ticket) != (after.status, after.ticket);
            Ok(show(&image, geometry, torn, at))
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
    let &SlotImage { status, .. } = image;
    let has = |feature| geometry.offers(feature);
    let is_busy = !matches!(status, Status::Free | Status::Unknown(_));
    let is_request = is_busy && status != Status::Writing;
    let is_answered = matches!(status, Status::Done | Status::Free);
    let ticket = NonZeroU64::new(image.ticket).filter(|_| has(Features::TICKET)).map(NonZeroU64::get);
    let id = image.req_id.split(|&byte| byte == 0).next().and_then(|id| std::str::from_utf8(id).ok());
    Slot {
        state: status.into(),
        torn,
        owner: match status {
            Status::Claimed(claim) if has(Features::LOCKS) => claim.owner().map(|owner| owner.get()),
            _ => None,
        },
        ticket,
        request_id: id.and_then(|id| RequestId::new(id).ok()).map(|id| id.to_string()),
        method: if ticket.is_some() || is_request { decode_method(image.method) } else { None },
        request_body: image.request_body,
        status: Some(image.resp_status).filter(|status| is_answered && *status != 0),
        response_body: if is_answered { image.response_body } else { 0 },
        age: Some(image.sent_at)
            .filter(|at| is_request && *at != 0 && has(Features::SENT))
            .map(|at| Duration::from_nanos(now.saturating_sub(at))),
        left: Some(image.deadline)
            .filter(|at| is_request && *at != 0 && has(Features::DEADLINE))
            .map(|at| Duration::from_nanos(at.saturating_sub(now))),
        abandoned: is_request
            && has(Features::CANCEL)
            && ticket.is_some_and(|ticket| image.cancel == ticket as u32 && image.cancel != 0),
        held: image.held != 0 && has(Features::TICKET),
    }
}
