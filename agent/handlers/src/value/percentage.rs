//! A percentage: a part of a whole.

use super::quantity::{Quantity, suggest};

/// Hundredths of a per cent, from 0 to 10,000.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Percentage(u32);

impl Percentage {
    /// So many per cent, up to 100.
    #[must_use]
    pub const fn per_cent(whole: u8) -> Self {
        Self(if whole > 100 { 10_000 } else { whole as u32 * 100 })
    }

    /// How many per cent, with a fraction rounded up.
    #[must_use]
    pub fn rounded_up(self) -> u8 {
        u8::try_from(self.0.div_ceil(100)).unwrap_or(100)
    }

    /// The part as a number from 0 to 1.
    #[must_use]
    pub fn share(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }
}

impl Quantity for Percentage {
    const NAME: &'static str = "a percentage";
    const FORM: &'static str = "a percentage from `\"0%\"` to `\"100%\"`, such as `\"0.5%\"`";
    const UNITS: &'static [&'static str] = &["%"];
    const PATTERN: &'static str = r"[0-9]+([.][0-9]{1,2})?\s*%";

    fn read(text: &str) -> Option<Self> {
        let number = text.strip_suffix('%')?.trim_end();
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 2 {
            return None;
        }
        let hundredths = format!("{part:0<2}").parse::<u32>().ok()?;
        let all = whole.parse::<u32>().ok()?.checked_mul(100)?.checked_add(hundredths)?;
        Some(Self(all)).filter(|_| all <= 10_000)
    }

    fn with_units(number: &str) -> String {
        let share = number.parse::<f64>().ok().filter(|share| *share <= 1.0);
        let percent = share.map(|share| format!("{}%", share * 100.0));
        let texts = percent.into_iter().chain([format!("{number}%")]);
        suggest(texts.filter(|text| Self::read(text).is_some()), Self::FORM)
    }

    fn write(&self) -> String {
        let (whole, part) = (self.0 / 100, self.0 % 100);
        let number = if part == 0 { whole.to_string() } else { format!("{whole}.{part:02}") };
        format!("{number}%")
    }
}
