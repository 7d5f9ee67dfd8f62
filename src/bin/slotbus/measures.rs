//! Values as they are written on a command line: times, sizes, versions.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use slotbus::Version;

/// A version of the protocol.
pub(crate) fn version() -> impl TypedValueParser<Value = Version> {
    PossibleValuesParser::new(["1", "2"]).map(|version| if version == "2" { Version::V2 } else { Version::V1 })
}

/// A time with its unit.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1), ("s", 1000), ("m", 60_000)];
    let millis = measure(text, &units).ok_or_else(|| format!("{text:?} is no time: write 500ms, 30s or 2m"))?;
    Ok(Duration::from_millis(millis))
}

/// A number of bytes with its unit, if any.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("", 1)];
    let bytes = measure(text, &units).and_then(|bytes| usize::try_from(bytes).ok());
    bytes.ok_or_else(|| format!("{text:?} is no size: write 64KiB, 16MiB or a number of bytes"))
}

/// A number times the unit behind it.
fn measure(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_read_with_their_units_and_nothing_else_is() {
        assert_eq!(time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(time("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(time("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(size("16MiB"), Ok(16 << 20));
        assert_eq!(size("17"), Ok(17));
        for wrong in ["", "s", "30", "1h", "-1s", "1.5s", "99999999999999999999s", "18446744073709551615m"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "MiB", "16MB", "16 MiB", "18446744073709551615KiB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
