//! What a state of the model holds: the raw words of shared memory, and how far everybody has come.

pub(super) const CALLERS: usize = 2;
pub(super) const WORKERS: usize = 2;
pub(super) const SLOTS: usize = 2;
/// Regions one after the other: the first, one after a hub's death, one after a retirement.
pub(super) const LIVES: usize = 3;

/// Whose bytes lie in a half of a payload: 0 for nobody's, else the number of a dispatch, with `BARE` for the answer that a
/// shutdown gives in its handler's place.
pub(super) type Bytes = u8;
pub(super) const BARE: Bytes = 0x40;
/// The dispatch of a hub of the published kind that has taken the region over.
pub(super) const FOREIGN: u8 = 0x3F;

/// One slot's words.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Slot {
    pub(super) status: u32,
    pub(super) ticket: u8,
    pub(super) resp_ticket: u8,
    pub(super) cancel: u8,
    pub(super) held: u8,
    pub(super) is_quiet: bool,
    pub(super) request: [Bytes; 2],
    pub(super) response: [Bytes; 2],
    /// The dispatch that was announced here last. No process sees this: it is for the checks.
    pub(super) now: u8,
}

/// What stands on the hub's board for a slot.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) enum Entry {
    #[default]
    Idle,
    Pending {
        caller: u8,
        ticket: u8,
        has_waker: bool,
        orphaned: bool,
    },
    Zombie {
        ticket: u8,
    },
}

/// What the hub's watcher does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) enum Watcher {
    #[default]
    TakeRings,
    Scan(u8),
    Decide,
    Asleep,
    Parked,
}

/// What the hub's guard does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) enum Guard {
    #[default]
    Asleep,
    Reap(u8),
    Scan(u8),
    RingAgain,
}

/// One region, with its bells and what its hub knows of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Life {
    pub(super) slots: [Slot; SLOTS],
    pub(super) retire: u8,
    /// What its dispatches' numbers begin behind.
    pub(super) base: u8,
    /// Somebody else has made a region of his own of it.
    pub(super) is_foreign: bool,
    pub(super) requests: u8,
    pub(super) responses: u8,
    /// Its hub holds the lock. What follows goes with the hub.
    pub(super) has_hub: bool,
    pub(super) tickets: u8,
    /// A bit for each slot in the pool.
    pub(super) free: u8,
    pub(super) board: [Entry; SLOTS],
    pub(super) interested: u8,
    pub(super) awake: u8,
    pub(super) watcher: Watcher,
    pub(super) guard: Guard,
    /// Somebody died, and the guard has not looked yet.
    pub(super) hint: bool,
    pub(super) is_closed: bool,
}

/// What a caller does next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Hash, Default, Debug)]
pub(super) enum At {
    #[default]
    Acquire,
    Reserve,
    WriteRequest(u8),
    ZeroRespTicket,
    ZeroCancel,
    ZeroHeld,
    WriteTicket,
    Announce,
    Ring,
    /// Awake: the first look.
    Look,
    /// Nobody was rung for: a look whether to ring before parking.
    Unrung,
    TakeRings,
    ScanAwake(u8),
    LeaveAwake,
    Interest,
    LeaveToPark,
    ExpectRing,
    Board,
    LookAtBoard,
    Parked,
    CheckRespTicket,
    ReadResponse(u8),
    CheckTicket,
    End,
    CheckHeld,
    Release,
    Cancel,
    InterestOfZombie,
    ExpectRingOfZombie,
    Bury,
    Scan(u8),
    Withdraw,
    /// Between a load and a store that ought to be one exchange.
    WithdrawStore,
    Ended,
}

/// One caller: its requests come one after the other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Hash, Default, Debug)]
pub(super) struct Caller {
    pub(super) at: At,
    pub(super) requests: u8,
    pub(super) life: u8,
    pub(super) slot: u8,
    pub(super) ticket: u8,
    pub(super) seen: [Bytes; 2],
    pub(super) is_woken: bool,
    pub(super) is_awake: bool,
    /// Dispatches of the present request, one bit each.
    pub(super) sent: u64,
}

/// What a worker's thread does next, with its lease or in search of one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Hash, Default, Debug)]
pub(super) enum Do {
    #[default]
    Nothing,
    Claim(u8),
    /// Between a load and a store that ought to be one exchange.
    ClaimStore(u8),
    CheckRetired,
    Wait,
    ReadTicket,
    Hold,
    ReadRequest(u8),
    LookAtCancel,
    TakeRight,
    /// Twice: before the answer is written, and before it is published.
    CheckStatus(u8),
    CheckTicket(u8),
    WriteResponse(u8),
    WriteRespTicket,
    RingEarly,
    Publish,
    /// As `Publish`, by a worker that has asked before whether to ring.
    PublishSilently,
    Settle {
        published: bool,
    },
    AskWhetherToRing,
    Ring,
}

/// A lease, and the thread that works on it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Hash, Default, Debug)]
pub(super) struct Lease {
    pub(super) next: Do,
    pub(super) life: u8,
    pub(super) slot: u8,
    pub(super) ticket: u8,
    /// The dispatch it is of. No process sees this: it is for the checks.
    pub(super) of: u8,
    /// The word of its `AnswerRight`.
    pub(super) right: u32,
    pub(super) seen: [Bytes; 2],
    /// Bytes of the request are held: 1 while they are, 2 when they were let go of.
    pub(super) hold: u8,
}

/// One worker process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Hash, Default, Debug)]
pub(super) struct Worker {
    pub(super) is_alive: bool,
    /// A worker of the published kind.
    pub(super) is_published: bool,
    pub(super) lease: Lease,
    /// A lease of a former life.
    pub(super) former: Lease,
    /// It was told to stop.
    pub(super) stops: bool,
    /// How far the thread has come that answers in the handler's place.
    pub(super) supervisor: Do,
}

/// What may still happen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Budget {
    pub(super) crashes: u8,
    pub(super) hub_crashes: u8,
    pub(super) gives_up: u8,
    pub(super) retires: u8,
    pub(super) stops: u8,
    pub(super) wipes: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct State {
    pub(super) lives: [Life; LIVES],
    /// The life that takes calls.
    pub(super) current: u8,
    pub(super) callers: [Caller; CALLERS],
    pub(super) workers: [Worker; WORKERS],
    pub(super) budget: Budget,
    /// Callers look awake before they park.
    pub(super) waits_awake: bool,
    /// Callers believe workers awake and ring only before they park.
    pub(super) rings_late: bool,
    /// Dispatches whose handler ran, one bit each.
    pub(super) ran: u64,
}

impl State {
    pub(super) fn life(&mut self, life: u8) -> &mut Life {
        &mut self.lives[usize::from(life)]
    }

    pub(super) fn slot(&mut self, life: u8, slot: u8) -> &mut Slot {
        &mut self.lives[usize::from(life)].slots[usize::from(slot)]
    }

    /// The owner token of a worker's attachment to a life.
    pub(super) fn owner(worker: usize, life: u8) -> u32 {
        1 + worker as u32 + 16 * u32::from(life)
    }

    /// Whether the worker with this token holds its lock.
    pub(super) fn is_owner_alive(&self, owner: u32) -> bool {
        Self::is_alive(&self.workers, owner)
    }

    /// As `is_owner_alive`, of these workers.
    pub(super) fn is_alive(workers: &[Worker; WORKERS], owner: u32) -> bool {
        workers[((owner - 1) % 16) as usize].is_alive
    }
}
