//! The name of a bus and the names of its objects.

use std::fmt;

use super::geometry::SlotIndex;

/// The variable that names the bus when [`Serve::name`](crate::Serve::name) does not.
pub const NAME_VARIABLE: &str = "SLOTBUS_NAME";
/// The variable by which a worker knows who keeps it running: the process id of the program with the `Supervisor`.
pub(crate) const SUPERVISOR_VARIABLE: &str = "SLOTBUS_SUPERVISOR";

/// The prefix of a bus that names none.
pub(crate) const DEFAULT_PREFIX: &str = "slotbus";

/// What follows the name in that of a region that is about to take its place. No name has such a character.
const NEXT: &str = "~next";

/// Why a text cannot name a bus.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A character or a length that an object name must not have.
    #[error(
        "{what} {text:?} is no name: use 1 to 64 ascii letters, digits, '.', '_' or '-', starting with a letter or digit, without '..'"
    )]
    Malformed {
        /// `name` or `prefix`.
        what: &'static str,
        /// What was given.
        text: String,
    },
    /// Another bus keeps its overflow objects under this name.
    #[error("{0:?} is the name of an overflow object of another bus: do not end a name in -req-N or -rsp-N")]
    Overflow(String),
    /// The semaphores of buses stand under `sem.`.
    #[error("prefix {0:?} is taken by the semaphores of other buses: do not start it with \"sem.\"")]
    Semaphore(String),
}

/// The checked name of a bus: where its region, its semaphores and its overflow objects are found.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BusName {
    /// `{prefix}-{name}`.
    region: String,
    prefix_len: usize,
}

impl BusName {
    /// Checks `name` under `prefix`; see [`NameError`] for the rules.
    ///
    /// # Errors
    /// When either is malformed, or when together they would name an object of another bus.
    pub fn new(prefix: &str, name: &str) -> Result<Self, NameError> {
        for (what, text) in [("prefix", prefix), ("name", name)] {
            if !is_well_formed(text) {
                return Err(NameError::Malformed { what, text: text.to_owned() });
            }
        }
        if prefix.starts_with("sem.") {
            return Err(NameError::Semaphore(prefix.to_owned()));
        }
        let region = format!("{prefix}-{name}");
        if names_an_overflow_object(&region) {
            return Err(NameError::Overflow(region));
        }
        Ok(Self { region, prefix_len: prefix.len() })
    }

    /// The prefix, for example `slotbus`.
    pub fn prefix(&self) -> &str {
        &self.region[..self.prefix_len]
    }

    /// The name, without the prefix.
    pub fn name(&self) -> &str {
        &self.region[self.prefix_len + 1..]
    }

    /// The region's object.
    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// What a region is called before it takes the place of the one that has the name. No bus is called so.
    pub(crate) fn next_region(&self) -> String {
        format!("{}{NEXT}", self.region)
    }

    /// The semaphore the hub posts.
    pub(crate) fn request_bell(&self) -> String {
        format!("{}-req", self.region)
    }

    /// The semaphore workers post.
    pub(crate) fn response_bell(&self) -> String {
        format!("{}-rsp", self.region)
    }

    /// The overflow object of a slot.
    pub(crate) fn overflow(&self, direction: Direction, slot: SlotIndex, generation: Generation) -> String {
        let direction = match direction {
            Direction::Request => "req",
            Direction::Response => "rsp",
        };
        match generation.0 {
            0 => format!("{}-{direction}-{slot}", self.region),
            n => format!("{}-{direction}-{slot}-g{n}", self.region),
        }
    }

    /// The bus with `prefix` that an object under this name would belong to: as its region, or the next, its semaphore or its
    /// overflow object.
    pub(crate) fn of_object(prefix: &str, object: &str) -> Option<Self> {
        let region = match object.strip_prefix("sem.") {
            Some(bell) => bell.strip_suffix("-req").or_else(|| bell.strip_suffix("-rsp"))?,
            None if names_an_overflow_object(object) => {
                let body = object.rsplit_once("-g").filter(|(_, n)| is_number(n)).map_or(object, |(body, _)| body);
                // Slot and direction.
                body.rsplitn(3, '-').nth(2)?
            }
            None => object.strip_suffix(NEXT).unwrap_or(object),
        };
        Self::new(prefix, region.strip_prefix(prefix)?.strip_prefix('-')?).ok()
    }

    /// Whether `object` is an overflow object of this bus.
    pub(crate) fn owns_overflow(&self, object: &str) -> bool {
        self.owns(object, &["req", "rsp"])
    }

    /// Whether `object` is an overflow object of an answer on this bus.
    pub(crate) fn owns_answer(&self, object: &str) -> bool {
        self.owns(object, &["rsp"])
    }

    fn owns(&self, object: &str, directions: &[&str]) -> bool {
        let mut parts = match object.strip_prefix(&self.region).and_then(|rest| rest.strip_prefix('-')) {
            Some(rest) => rest.split('-'),
            None => return false,
        };
        let direction = parts.next().is_some_and(|part| directions.contains(&part));
        let slot = parts.next().is_some_and(is_number);
        let generation = parts.next().is_none_or(is_generation);
        direction && slot && generation && parts.next().is_none()
    }
}

impl fmt::Display for BusName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.region)
    }
}

impl fmt::Debug for BusName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BusName({})", self.region)
    }
}

/// Which way an overflow object carries a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    /// From the hub to a worker.
    Request,
    /// From a worker to the hub.
    Response,
}

/// Which of a slot's overflow names is meant; version 1 knows only the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Generation(u8);

impl Generation {
    /// Reads a slot's overflow marker: `None` for 0, which means inline.
    pub(crate) fn from_marker(marker: u8) -> Option<Self> {
        marker.checked_sub(1).map(Self)
    }

    /// The marker that stands in the slot.
    pub(crate) fn marker(self) -> u8 {
        self.0 + 1
    }

    /// All generations a marker can say, first to last.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..u8::MAX).map(Self)
    }
}

fn is_well_formed(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=64).contains(&bytes.len())
        && bytes[0].is_ascii_alphanumeric()
        && bytes.iter().all(|&b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && !text.contains("..")
}

/// Whether `region` ends like an overflow object: `-req-7`, `-rsp-7` or either with `-g3` behind it.
fn names_an_overflow_object(region: &str) -> bool {
    let mut parts = region.rsplit('-');
    let mut last = parts.next().unwrap_or_default();
    if is_generation(last) {
        last = parts.next().unwrap_or_default();
    }
    is_number(last) && matches!(parts.next(), Some("req" | "rsp")) && parts.next().is_some()
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())
}

fn is_generation(part: &str) -> bool {
    part.strip_prefix('g').is_some_and(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(sanitized))]
    #[test]
    fn objects_are_named_as_the_published_crates_name_them() {
        let config = published02::SlotBusConfig::builder().name("w").prefix("hub").build();
        let name = BusName::new("hub", "w").unwrap();
        assert_eq!((name.prefix(), name.name()), ("hub", "w"));
        assert_eq!(name.region(), config.region_name());
        assert_eq!(name.request_bell(), config.request_event_name());
        assert_eq!(name.response_bell(), config.response_event_name());
        for (marker, generation) in [(1, 0), (2, 1), (255, 254)] {
            let ours = Generation::from_marker(marker).unwrap();
            assert_eq!(ours.marker(), marker);
            for slot in test_slots() {
                assert_eq!(
                    name.overflow(Direction::Request, slot, ours),
                    config.request_overflow_name_gen(slot.get(), generation)
                );
                assert_eq!(
                    name.overflow(Direction::Response, slot, ours),
                    config.response_overflow_name_gen(slot.get(), generation)
                );
            }
        }
        assert_eq!(Generation::from_marker(0), None);
        assert_eq!(Generation::all().count(), 255);
    }

    fn test_slots() -> impl Iterator<Item = SlotIndex> {
        use crate::protocol::{Geometry, HeaderImage};
        Geometry::parse(&HeaderImage::published_for_tests(3), 1 << 20).unwrap().slots()
    }

    #[test]
    fn a_bus_knows_its_own_overflow_objects() {
        let name = BusName::new("slotbus", "a").unwrap();
        for own in ["slotbus-a-req-0", "slotbus-a-rsp-31", "slotbus-a-rsp-31-g254"] {
            assert!(name.owns_overflow(own), "{own}");
        }
        for other in [
            "slotbus-a",
            "slotbus-a-req",
            "slotbus-a-b-req-1",
            "slotbus-ab-req-1",
            "slotbus-a-req-x",
            "slotbus-a-req-b-req-1",
        ] {
            assert!(!name.owns_overflow(other), "{other}");
        }
    }

    #[test]
    fn every_object_tells_its_bus_and_no_other_does() {
        let name = BusName::new("slotbus", "a-req").unwrap();
        for own in ["slotbus-a-req", "sem.slotbus-a-req-req", "sem.slotbus-a-req-rsp", "slotbus-a-req-rsp-3-g254"] {
            assert_eq!(BusName::of_object("slotbus", own).as_ref(), Some(&name), "{own}");
        }
        assert_eq!(BusName::of_object("slotbus", "slotbus-a-g1-req-0").unwrap().name(), "a-g1");
        for none in ["slotbus", "slotbus-", "slotbusa-b", "sem.slotbus-a", "sem.slotbus-req", "slotbus-req-1", "x-a"] {
            assert_eq!(BusName::of_object("slotbus", none), None, "{none}");
        }
    }

    #[test]
    fn a_name_that_could_leave_its_folder_is_refused() {
        for bad in ["", ".", "..", "a..b", "a/b", "/a", ".a", "-a", "a b", "ä", "a\0", &"a".repeat(65)] {
            assert!(BusName::new("slotbus", bad).is_err(), "{bad:?}");
            assert!(BusName::new(bad, "a").is_err(), "{bad:?}");
        }
        for good in ["a", "A.b_c-d", "0", &"a".repeat(64)] {
            assert!(BusName::new("slotbus", good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn a_name_of_another_bus_overflow_object_is_refused() {
        for bad in ["a-req-1", "a-rsp-0", "a-req-1-g2", "req-1"] {
            assert!(matches!(BusName::new("slotbus", bad), Err(NameError::Overflow(_))), "{bad}");
        }
        assert!(matches!(BusName::new("slotbus-a-req", "1"), Err(NameError::Overflow(_))), "the joined name counts");
        assert!(matches!(BusName::new("sem.x", "a"), Err(NameError::Semaphore(_))));
        for good in ["a-req", "a-req-x", "a-1", "g2", "a-g2"] {
            assert!(BusName::new("slotbus", good).is_ok(), "{good}");
        }
    }
}
