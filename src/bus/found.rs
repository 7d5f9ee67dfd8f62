//! A hub's way to a bus: always a new region, never an adopted or a wiped one.
//!
//! The order matters. The new region is complete but for its magic number, and its hub lock held, before it gets its
//! name; getting the name decides between two hubs. Only the winner touches the semaphores, and the magic number is
//! stored when they exist. A worker that comes early finds a region without magic, which means "not ready yet"; a hub
//! that dies early leaves one whose extension header and free lock prove that it may be replaced.

use std::fs::File;
use std::mem::offset_of;
use std::time::SystemTime;

use uuid::Uuid;

use super::{Access, Bus, BusError, Side};
use crate::lock::{self, Role};
use crate::protocol::{
    BusName, EXT_MAGIC, Features, PUBLISHED_ANSWER, RETIRE_DRAIN, SHM_MAGIC, ShmHeader, Version, align8, compute_layout,
};
use crate::region::{Region, RegionError, is_region, word_at};
use crate::shm::{self, ObjectError, ObjectId};
use crate::signal::CastBell;

/// What a new region is to be like.
#[derive(Clone, Debug)]
pub(crate) struct Founding {
    pub(crate) version: Version,
    /// 1 to 256.
    pub(crate) slots: usize,
    /// Bytes of one half of a slot's arena: meta and body together that go inline in one direction.
    pub(crate) half: usize,
    /// Whether bodies may be read while they are written, as they are where they are copied.
    pub(crate) ahead: bool,
    /// Whether to replace an object that does not prove its hub dead.
    pub(crate) force: bool,
    /// Who may use the bus.
    pub(crate) access: Access,
}

impl Founding {
    fn check(&self) -> Result<usize, BusError> {
        let &Self { version, slots, half, .. } = self;
        let error = |reason| Err(BusError::Size { slots, inline: half, reason });
        if !(1..=256).contains(&slots) {
            return error("a region has 1 to 256 slots");
        }
        if half < 64 {
            return error("a slot needs at least 64 bytes each way");
        }
        // Room for an answer in each slot, and for a half more, so that callers need not wait after every answer.
        let answers = if version == Version::V1 { slots + slots.div_ceil(2) } else { 0 };
        let bump = answers * PUBLISHED_ANSWER as usize;
        let len = half.checked_next_multiple_of(8).and_then(|half| half.checked_mul(2 * slots));
        let len = len.and_then(|heap| heap.checked_add(compute_layout(slots, 0).0 + bump));
        match len {
            Some(len) if len <= u32::MAX as usize => Ok(len.next_multiple_of(4096)),
            _ => error("the region would exceed 4 GiB"),
        }
    }

    /// A new region without a name, complete but for its magic number, its hub's lock held.
    pub(super) fn region(&self, name: &BusName) -> Result<Region, BusError> {
        let len = self.check()?;
        let founding = Self { half: align8(self.half), ..self.clone() };
        let region = Region::create(name, len, founding.access, |header| founding.fill(header, len))?;
        let lock_error = |source| BusError::Lock { name: name.clone(), source };
        let locked = lock::acquire(region.file(), Role::Hub).map_err(lock_error)?;
        assert!(locked, "nobody else can hold a lock on a file without a name");
        Ok(region)
    }

    /// The bus's bells without their names.
    fn bells(&self, name: &BusName) -> Result<[CastBell; 2], BusError> {
        let cast = |name: String| CastBell::new(&name, self.access).map_err(BusError::Bell);
        Ok([cast(name.request_bell())?, cast(name.response_bell())?])
    }

    fn fill(&self, header: &ShmHeader, len: usize) {
        let &Self { version, slots, half, .. } = self;
        let (heap_offset, heap_size) = compute_layout(slots, len);
        let for_calls = [Features::TICKET, Features::CANCEL, Features::DEADLINE, Features::LOCKS, Features::SENT];
        let for_speed = [Features::AWAKE, Features::QUIET];
        let ahead = self.ahead.then_some(Features::AHEAD);
        let features = for_calls.into_iter().chain(for_speed).chain(ahead);
        let mut features = features.fold(Features::default(), Features::with);
        header.version.set(version.number());
        header.num_slots.set(slots as u32);
        header.heap_offset.set(heap_offset as u32);
        header.heap_size.set(heap_size as u32);
        if version == Version::V1 {
            features = features.with(Features::ARENAS);
            header.arena_size.set(2 * half as u32);
            header.alloc_head.start_at((2 * half * slots) as u32);
        }
        header.hub_features.set(features.bits());
        header.epoch.set(Uuid::new_v4().as_u128() as u64 | 1);
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        header.started_at.set(since_1970.as_nanos() as u64);
        header.hub_pid.set(std::process::id());
        header.ext_magic.close(EXT_MAGIC);
    }
}

impl Bus {
    /// Makes the bus of `name` as its hub, in place of one whose hub is proven dead.
    pub(crate) fn found(name: &BusName, founding: &Founding) -> Result<Self, BusError> {
        let (region, bells) = (founding.region(name)?, founding.bells(name)?);
        if !region.link()? {
            let dead = prove_dead(name, founding.force)?;
            if let Some(dead) = &dead {
                dead.unlink();
            }
            if !region.link()? {
                return Err(BusError::Live(name.clone()));
            }
        }
        // The name is ours and no worker attaches before the magic is there, so what stands around it is of former lives.
        for error in sweep(name).left {
            // An object that is not ours to remove is not one a peer of ours would read either.
            tracing::warn!(bus = %name, "left behind: {error}");
        }
        Self::complete(name, region, bells, founding.access)
    }

    /// Makes the bus anew in place of `old`, which this process holds as its hub and goes on holding.
    ///
    /// Overflow objects under the common names are left alone: answers to the old region may still be read from them.
    pub(crate) fn succeed(old: &Bus, founding: &Founding) -> Result<Self, BusError> {
        let name = &old.name;
        if !old.is_own_life() {
            return Err(BusError::Replaced(name.clone()));
        }
        // All the memory there is need for, before anything changes.
        let (region, bells) = (founding.region(name)?, founding.bells(name)?);
        let next = name.next_region();
        region.prepare(&next)?;
        // Before the name is another's: whoever finds that finds the region retired, and its hub alive.
        old.region.header().retire.close(RETIRE_DRAIN);
        match region.succeed(&old.region, &next) {
            Ok(true) => {}
            Ok(false) => return Err(BusError::Live(name.clone())),
            Err(error) => {
                // Its workers leave already. Without its name the hub closes, and makes room for another.
                old.region.unlink();
                return Err(error.into());
            }
        }
        let new = Self::complete(name, region, bells, founding.access)?;
        // A worker that finds the region retired rings on for the next one.
        old.requests.ring();
        Ok(new)
    }

    /// Adds the bells and says that the bus is complete.
    fn complete(
        name: &BusName,
        region: Region,
        [first, second]: [CastBell; 2],
        access: Access,
    ) -> Result<Self, BusError> {
        let hang_bells = || {
            let requests = first.hang()?;
            let responses = second.hang().inspect_err(|_| requests.unlink())?;
            Ok((requests, responses))
        };
        let (requests, responses) = hang_bells().map_err(|error| {
            region.unlink();
            BusError::Bell(error)
        })?;
        region.header().magic.close(SHM_MAGIC);
        Ok(Self { name: name.clone(), access, region, requests, responses, side: Side::Hub })
    }
}

/// A region that nobody uses any more. While this lives no other hub gets its name: the dead hub's lock is held.
#[derive(Debug)]
pub(super) struct DeadRegion {
    file: File,
    id: ObjectId,
    name: String,
}

impl DeadRegion {
    /// Removes the region's name, if it still stands for this region.
    pub(super) fn unlink(&self) {
        shm::unlink_if(&self.name, self.id);
    }

    /// Whether it still says what it was believed for. A hub of the published kind asks nobody and makes a region of its
    /// own of what it finds.
    pub(super) fn is_untouched(&self) -> bool {
        carries_extension(&self.file)
    }
}

/// Proves that the hub of the region under `name` is dead by taking its lock; with `force` the region need prove nothing.
/// `None` when nothing stands under the name.
pub(super) fn prove_dead(name: &BusName, force: bool) -> Result<Option<DeadRegion>, BusError> {
    let (file, id) = match shm::open_own(name.region()) {
        Ok(opened) => opened,
        // It went away by itself.
        Err(error) if error.is_missing() => return Ok(None),
        Err(error) => return Err(BusError::Region(RegionError::Object(error))),
    };
    let dead = DeadRegion { file, id, name: name.region().to_owned() };
    if !carries_extension(&dead.file) {
        return if force { Ok(Some(dead)) } else { Err(BusError::Unproven(name.clone())) };
    }
    let lock_error = |source| BusError::Lock { name: name.clone(), source };
    if !lock::acquire(&dead.file, Role::Hub).map_err(lock_error)? {
        return Err(BusError::Live(name.clone()));
    }
    // Between the opening and the lock another hub may have replaced it.
    if !shm::is_current(name.region(), id) {
        return Err(BusError::Live(name.clone()));
    }
    Ok(Some(dead))
}

/// Whether the object announces locks, so that a free one proves its hub dead. Read, not mapped: it may be short.
fn carries_extension(file: &File) -> bool {
    let announces = || -> std::io::Result<bool> {
        let features = Features::from_bits(word_at(file, offset_of!(ShmHeader, hub_features))?);
        Ok(word_at(file, offset_of!(ShmHeader, ext_magic))? == EXT_MAGIC && features.contains(Features::LOCKS))
    };
    announces().unwrap_or(false)
}

/// What a sweep did.
#[derive(Debug, Default)]
pub(super) struct Swept {
    /// Names under `/dev/shm` that are gone.
    pub(super) removed: Vec<String>,
    /// Why others were left.
    pub(super) left: Vec<ObjectError>,
}

impl Swept {
    /// Removes one more object.
    pub(super) fn remove(&mut self, object: String) {
        match shm::remove(&object) {
            Ok(true) => self.removed.push(object),
            Ok(false) => {}
            Err(error) => self.left.push(error),
        }
    }
}

/// Removes the overflow objects that a former life of the bus left behind.
pub(super) fn sweep(name: &BusName) -> Swept {
    let (mut swept, next) = (Swept::default(), name.next_region());
    // A folder that cannot be read is one where nothing is to be removed.
    for object in shm::names(name.region()).unwrap_or_default() {
        // A worker of a published hub may have a name that makes its region look like one.
        if object == next || name.owns_overflow(&object) && !is_region(&object) {
            swept.remove(object);
        }
    }
    swept
}
