//! A duration: a whole number from microseconds to days.

use std::time::Duration;

use super::quantity::{Quantity, split};

/// A wait beyond it is a typing error.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// Units by their length in microseconds, the longest first.
const UNITS: &[(&str, u64)] = &[
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("min", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

impl Quantity for Duration {
    const NAME: &'static str = "a duration";
    const FORM: &'static str = "a duration up to 366d, such as `\"150ms\"`, `\"2s\"` or `\"12h\"`";
    const UNITS: &'static [&'static str] = &["ms", "s", "m"];
    const PATTERN: &'static str = r"[0-9]+\s*(d|h|m|min|s|ms|us)";

    fn read(text: &str) -> Option<Self> {
        let (number, unit) = split(text)?;
        let (_, micros) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let duration = Self::from_micros(number.checked_mul(*micros)?);
        Some(duration).filter(|duration| *duration <= LONGEST)
    }

    fn write(&self) -> String {
        let micros = u64::try_from(self.as_micros()).unwrap_or(u64::MAX);
        if micros == 0 {
            return "0s".to_owned();
        }
        let whole = UNITS.iter().find(|(_, unit)| micros.is_multiple_of(*unit));
        whole.map_or_else(String::new, |(name, unit)| format!("{}{name}", micros / unit))
    }
}
