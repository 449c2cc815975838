//! Environment: the standard variables, read strictly: what cannot be read is an error.

use std::{collections::BTreeMap, env, fmt, path::PathBuf, time::Duration};

use percent_encoding::percent_decode_str;
use thiserror::Error;

/// A wait that is longer is a typing error, and one that is far longer ends beyond what a clock has.
const DAY: u64 = 24 * 3600 * 1000;

/// Why a variable or an option cannot be used.
#[derive(Debug, Eq, Error, PartialEq)]
#[error("{name}={value} cannot be used: {fix}")]
pub(crate) struct SettingError {
    /// The variable or option.
    pub(crate) name: String,
    /// What it is set to, but for secrets.
    pub(crate) value: String,
    /// What to write.
    pub(crate) fix: String,
}

/// The variables of the process, or those of a test.
#[derive(Debug)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl SettingError {
    pub(crate) fn new(name: &str, value: impl fmt::Display, fix: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: value.to_string(), fix: fix.into() }
    }
}

impl Environment {
    /// That of the process.
    ///
    /// # Errors
    ///
    /// If a variable of telemetry is no UTF-8.
    pub(crate) fn of_process() -> Result<Self, SettingError> {
        let is_ours = |name: &str| name.starts_with("OTEL_") || name == "RUST_LOG";
        let ours = env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok().filter(|name| is_ours(name))?;
            Some(match value.into_string() {
                Ok(value) => Ok((name, value)),
                Err(value) => Err(SettingError::new(&name, value.display(), "write UTF-8")),
            })
        });
        ours.collect::<Result<_, _>>().map(Self)
    }

    /// The value of a variable; an empty one is as good as none.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    /// The value as `read` understands it; `fix` says what it would.
    pub(crate) fn read<T>(
        &self,
        name: &str,
        fix: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, SettingError> {
        let read = |value| read(value).ok_or_else(|| SettingError::new(name, value, fix));
        self.text(name).map(read).transpose()
    }

    /// true or false, in any case.
    pub(crate) fn switch(&self, name: &str) -> Result<bool, SettingError> {
        let read = |value: &str| value.to_ascii_lowercase().parse().ok();
        Ok(self.read(name, "write true or false", read)?.unwrap_or(false))
    }

    /// A whole number from 1 to `most`: memory is taken for as many.
    pub(crate) fn count(&self, name: &str, most: usize) -> Result<Option<usize>, SettingError> {
        let read = |value: &str| value.parse().ok().filter(|count| (1..=most).contains(count));
        self.read(name, &format!("write a whole number from 1 to {most}"), read)
    }

    /// From one millisecond to a day of them.
    pub(crate) fn milliseconds(&self, name: &str) -> Result<Option<Duration>, SettingError> {
        let read = |value: &str| value.parse().ok().filter(|count| (1..=DAY).contains(count));
        let fix = format!("write a whole number of milliseconds from 1 to {DAY}, such as 5000");
        Ok(self.read(name, &fix, read)?.map(Duration::from_millis))
    }

    /// Pairs such as `a=1,b=two%20words`, in their order.
    pub(crate) fn pairs(&self, name: &str) -> Result<Vec<(String, String)>, SettingError> {
        let parts = self.text(name).unwrap_or_default().split(',').map(str::trim);
        let parts = parts.filter(|part| !part.is_empty());
        let pair = |part: &str| {
            // Values of headers are secrets: the name is all that is shown.
            let shown = part.split('=').next().unwrap_or_default();
            let wrong = |fix: &str| SettingError::new(name, format_args!("{shown}…"), fix);
            let (key, value) = part
                .split_once('=')
                .map(|(key, value)| (key.trim(), value.trim()))
                .filter(|(key, _)| !key.is_empty())
                .ok_or_else(|| wrong("write NAME=VALUE pairs with commas between"))?;
            let value = percent_decode_str(value).decode_utf8();
            let value = value.map_err(|_| wrong("what is percent-encoded must be UTF-8"))?;
            Ok((key.to_owned(), value.into_owned()))
        };
        parts.map(pair).collect()
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        Self(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }
}
