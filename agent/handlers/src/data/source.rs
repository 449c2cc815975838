//! Source: which files a data set is read from, and what is believed of them.

use std::time::Duration;

use super::bad_lines::OnBadLines;

/// Which files a data set is read from, and what is believed of them.
///
/// ```
/// use spoa_handlers::data::Source;
///
/// let mut source = Source::new("blocklists", ["/etc/spoa-agent/lists/*.netset"]);
/// source.min_entries = 1_000;
/// source.optional = true;
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Source {
    /// The name of the data set, in logs and metrics.
    pub name: String,
    /// Paths, or patterns such as `lists/*.netset`. The files of a pattern may come and go.
    pub files: Vec<String>,
    /// Whether it may be missing at the start [default: false].
    pub optional: bool,
    /// How often to look whether the files have changed [default: 2 s]. Changed files are read when
    /// two looks find the same.
    pub every: Duration,
    /// How many bytes all files have together at most [default: 512 MiB].
    pub max_size: u64,
    /// How many entries it has at most [default: 20 million]: a range of IPv6 in one line may be 254 of
    /// them.
    pub max_entries: usize,
    /// How many per cent of its entries it may lose at once: if it loses more, the file was probably
    /// truncated [default: 50].
    pub max_shrink: u8,
    /// How many entries it has at least [default: 0].
    pub min_entries: usize,
    /// What to do about lines that cannot be read [default: skip them].
    pub bad_lines: OnBadLines,
    /// When data counts as stale, by the time at which its newest file was written [default: never].
    pub max_age: Option<Duration>,
}

impl Source {
    /// A data set of these files, with the defaults.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        files: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            name: name.into(),
            files: files.into_iter().map(Into::into).collect(),
            optional: false,
            every: Duration::from_secs(2),
            max_size: 512 << 20,
            max_entries: 20_000_000,
            max_shrink: 50,
            min_entries: 0,
            bad_lines: OnBadLines::Skip,
            max_age: None,
        }
    }
}
