//! A rate: how many in a time.

use std::time::Duration;

use super::quantity::{Quantity, split};

/// So many in a time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// How many; never 0.
    pub count: u64,
    /// In which time; never 0.
    pub per: Duration,
}

/// Times that need no number.
const TIMES: &[(&str, u64)] = &[("s", 1), ("min", 60), ("m", 60), ("h", 3600), ("d", 86_400)];

impl Quantity for Rate {
    const NAME: &'static str = "a rate";
    const FORM: &'static str = "a rate such as `\"100/s\"`, `\"10/min\"` or `\"5/10s\"`";
    const UNITS: &'static [&'static str] = &["/s", "/min", "/h"];
    const PATTERN: &'static str = r"0*[1-9][0-9]*\s*/\s*(s|min|m|h|d|[0-9]+\s*(d|h|m|min|s|ms|us))";

    fn read(text: &str) -> Option<Self> {
        let (count, behind) = split(text)?;
        let time = behind.strip_prefix('/')?.trim_start();
        let known = TIMES.iter().find(|(name, _)| *name == time);
        let per = match known {
            Some((_, seconds)) => Duration::from_secs(*seconds),
            None => Duration::read(time)?,
        };
        Some(Self { count, per }).filter(|_| count > 0 && !per.is_zero())
    }

    fn write(&self) -> String {
        let known = TIMES.iter().find(|(_, seconds)| self.per == Duration::from_secs(*seconds));
        match known {
            Some((name, _)) => format!("{}/{name}", self.count),
            None => format!("{}/{}", self.count, self.per.write()),
        }
    }
}
