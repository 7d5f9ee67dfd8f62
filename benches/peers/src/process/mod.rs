//! Two processes for each pair: this one is the client, its children are servers.

mod clock;
mod line;
mod page;
mod place;
mod servers;

pub(crate) use self::clock::own_cpu;
pub(crate) use self::line::{cores, over_and_back};
pub(crate) use self::page::Page;
pub(crate) use self::place::{Place, clean_up_when_interrupted};
pub(crate) use self::servers::{Servers, Setup};
