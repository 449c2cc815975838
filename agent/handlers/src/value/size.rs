//! A size: a whole number of bytes, in powers of 1024.

use super::quantity::{Quantity, split, suggest};

/// A number of bytes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Size(pub u64);

/// Units by how many bytes they are, the largest first; those with one letter are HAProxy's.
const UNITS: &[(&str, u32)] =
    &[("GiB", 30), ("g", 30), ("MiB", 20), ("m", 20), ("KiB", 10), ("k", 10), ("B", 0)];

impl Quantity for Size {
    const NAME: &'static str = "a size";
    const FORM: &'static str = "a size such as `\"16KiB\"`, `\"256MiB\"` or `\"1GiB\"`";
    const UNITS: &'static [&'static str] = &["B", "KiB", "MiB"];
    const PATTERN: &'static str = r"[0-9]+\s*([GgMmKk]([Ii][Bb])?|[Bb])";

    fn read(text: &str) -> Option<Self> {
        let (number, unit) = split(text)?;
        let (_, power) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
        number.checked_mul(1 << power).map(Self)
    }

    fn with_units(number: &str) -> String {
        let bytes = number.parse().ok().map(Self);
        suggest(bytes.iter().map(Quantity::write), Self::FORM)
    }

    fn write(&self) -> String {
        let fits = |power: &u32| self.0 != 0 && self.0.is_multiple_of(1 << power);
        let (name, power) = UNITS.iter().find(|(_, power)| fits(power)).unwrap_or(&("B", 0));
        format!("{}{name}", self.0 >> power)
    }
}
