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

/// A time for the eye, of at most 7 characters: 850 ns, 12.3 µs, 4.56 ms, 7.8 s, 3m05s, 2h07m, 4d03h.
pub(crate) fn short_time(time: Duration) -> String {
    let (seconds, nanos) = (time.as_secs(), time.as_nanos() as f64);
    match seconds {
        0 if nanos < 1e3 => format!("{nanos} ns"),
        0 if nanos < 1e6 => format!("{} µs", three_digits(nanos / 1e3)),
        0 => format!("{} ms", three_digits(nanos / 1e6)),
        1..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86400, seconds / 3600 % 24),
    }
}

/// A number of bytes for the eye: 812 B, 16.0 KiB, 8.1 MiB.
pub(crate) fn short_size(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        ..1024.0 => format!("{bytes} B"),
        ..1048576.0 => format!("{:.1} KiB", bytes / 1024.0),
        ..1073741824.0 => format!("{:.1} MiB", bytes / 1048576.0),
        _ => format!("{:.1} GiB", bytes / 1073741824.0),
    }
}

fn three_digits(number: f64) -> String {
    match number {
        ..10.0 => format!("{number:.2}"),
        ..100.0 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_short_for_the_eye() {
        let times = [(850, "850 ns"), (12_340, "12.3 µs"), (4_560_000, "4.56 ms"), (7_800_000_000, "7.8 s")];
        for (nanos, shown) in times {
            assert_eq!(short_time(Duration::from_nanos(nanos)), shown);
        }
        for (seconds, shown) in [(185, "3m05s"), (7620, "2h07m"), (4 * 86400 + 3 * 3600, "4d03h")] {
            assert_eq!(short_time(Duration::from_secs(seconds)), shown);
        }
        for (bytes, shown) in [(812, "812 B"), (16 << 10, "16.0 KiB"), (8_495_104, "8.1 MiB"), (3 << 30, "3.0 GiB")] {
            assert_eq!(short_size(bytes), shown);
        }
    }

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
