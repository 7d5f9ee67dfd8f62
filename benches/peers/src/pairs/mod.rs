//! The pairs of client and server that are compared. A new variant is one line in [`PAIRS`].

mod floor;
mod iceoryx;
pub(crate) mod ours;
mod published;
mod sockets;

use std::time::Duration;

use self::floor::Floor;
use self::iceoryx::Wait;
use self::ours::Options;
use self::sockets::Transport;
use crate::drive::Sample;
use crate::load::{Cell, Load, Pace};
use crate::process::{Place, Setup, cores};

/// A client and its server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) name: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Ours(Options),
    Published01,
    Published02,
    Sockets(Transport),
    Iceoryx(Wait),
    Floor(Floor),
}

/// The pair that all others are compared with.
pub(crate) const OURS: &str = "this crate";
/// The pair that copies nothing, once there is one.
pub(crate) const TRUSTED: &str = "this crate, trusted";
pub(crate) const PUBLISHED: [&str; 2] = ["published 0.1.2", "published 0.2.1"];
pub(crate) const UNIX_SOCKET: &str = "axum, Unix socket";
pub(crate) const ICEORYX_BUSY: &str = "iceoryx2, busy";
pub(crate) const SEMAPHORES: &str = "floor: semaphores";
pub(crate) const SEMAPHORES_APART: &str = "floor: semaphores, apart";

pub(crate) const PAIRS: [Pair; 13] = [
    Pair { name: OURS, kind: Kind::Ours(Options::ROUTER) },
    Pair { name: TRUSTED, kind: Kind::Ours(Options::TRUSTED) },
    Pair { name: "this crate, axum::Router", kind: Kind::Ours(Options::AXUM) },
    Pair { name: "this crate, threads", kind: Kind::Ours(Options::THREADS) },
    Pair { name: PUBLISHED[0], kind: Kind::Published01 },
    Pair { name: PUBLISHED[1], kind: Kind::Published02 },
    Pair { name: UNIX_SOCKET, kind: Kind::Sockets(Transport::Unix) },
    Pair { name: "axum, TCP loopback", kind: Kind::Sockets(Transport::Tcp) },
    Pair { name: ICEORYX_BUSY, kind: Kind::Iceoryx(Wait::Busy) },
    Pair { name: "iceoryx2, event", kind: Kind::Iceoryx(Wait::Event) },
    Pair { name: SEMAPHORES, kind: Kind::Floor(Floor::Semaphores) },
    Pair { name: SEMAPHORES_APART, kind: Kind::Floor(Floor::SemaphoresApart) },
    Pair { name: "floor: cache lines", kind: Kind::Floor(Floor::CacheLines) },
];

impl Pair {
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        PAIRS.into_iter().find(|pair| pair.name == name)
    }

    /// Whether the pair can do what `cell` asks. Floors carry nothing and know one call at a time.
    pub(crate) fn takes_part(self, cell: Cell) -> bool {
        let is_lone_get = cell.load == Load::Get && cell.pace.in_flight() == 1;
        match self.kind {
            Kind::Floor(Floor::Semaphores) => is_lone_get,
            Kind::Floor(Floor::SemaphoresApart) => is_lone_get && cores() > 1,
            Kind::Floor(Floor::CacheLines) => cell == Cell { load: Load::Get, pace: Pace::InFlight(1) },
            _ => true,
        }
    }

    /// Measures `cell` for `length`, with new processes.
    pub(crate) fn measure(self, cell: Cell, length: Duration) -> Sample {
        let Cell { load, pace } = cell;
        let setup = Setup { pair: self, place: Place::new(), load, in_flight: pace.in_flight() };
        match self.kind {
            Kind::Ours(options) => ours::measure(options, &setup, pace, length),
            Kind::Published01 => published::v01::measure(&setup, pace, length),
            Kind::Published02 => published::v02::measure(&setup, pace, length),
            Kind::Sockets(transport) => sockets::measure(transport, &setup, pace, length),
            Kind::Iceoryx(wait) => iceoryx::measure(wait, &setup, pace, length),
            Kind::Floor(floor) => floor::measure(floor, &setup, pace, length),
        }
    }
}

/// Is the server of `setup`, until it is ended.
pub(crate) fn serve(setup: &Setup) {
    match setup.pair.kind {
        Kind::Ours(options) => ours::serve(options, setup),
        Kind::Published01 => published::v01::serve(setup),
        Kind::Published02 => published::v02::serve(setup),
        Kind::Sockets(transport) => sockets::serve(transport, setup),
        Kind::Iceoryx(wait) => iceoryx::serve(wait, setup),
        Kind::Floor(floor) => floor::serve(floor, setup),
    }
}
