//! `ip-list`: addresses out of files, with scores and tags.

use super::columns::Delimiter;
use crate::{
    data::{CsvColumns, IpList, ListFormat, OnBadLines, Source},
    file::{FromNode, List, Node, Reading},
    finding::Finding,
    kind::{Description, Settings},
};

/// The highest score.
const MOST_SCORE: u16 = 100;

words! {
    /// What happens to lines that cannot be read.
    pub(super) enum BadLineRule, "one of `skip` and `refuse`" {
        /// The other lines are loaded.
        Skip = "skip",
        /// The last good data stays in use.
        Refuse = "refuse",
    }
}

words! {
    /// How a list is written.
    pub(super) enum IpListFormat, "a format of a list" {
        /// An address, prefix or range on each line.
        Lines = "lines",
        /// Columns with names.
        Csv = "csv",
    }
}

settings! {
    /// Which columns of a CSV file say what.
    pub(super) struct IpListColumns, "`columns`" {
        /// The address, prefix or range: the first of these columns that there is.
        address: Option<List<String>>,
        /// The last address, if the address is only the first one of a range.
        last: Option<String>,
        /// The score.
        score: Option<String>,
        /// The tags.
        tags: Option<List<String>>,
    }
}

settings! {
    /// What `ip-list` is set to.
    pub(super) struct IpListSettings, "`ip-list`" {
        /// How files are written; by default CSV if the name ends in `.csv`, and lines otherwise.
        format: Option<IpListFormat>,
        /// The columns of CSV files; by default those with the usual names.
        columns: Option<IpListColumns>,
        /// What stands between the columns of CSV files.
        delimiter: Delimiter = Delimiter(b','),
        /// The score of addresses without a score of their own, from 0 to 100.
        score: Option<Score>,
        /// Tags of all addresses.
        tags: List<String> = List(Vec::new()),
        /// What happens to lines that cannot be read.
        bad_lines: BadLineRule = BadLineRule::Skip,
        /// How many addresses, prefixes and ranges there may be.
        max_entries: u32 = 20_000_000,
    }
}

pub(super) const DESCRIPTION: Description = Description {
    name: "ip-list",
    summary: "Addresses, prefixes and ranges out of files, with scores and tags: one on each line, or \
              CSV. Lists of FireHOL and Spamhaus are read as they are.",
    arguments: &[],
    variables: &[],
    reasons: &[],
    settings: IpListSettings::SETTINGS,
    example: r#"
[data.blocklists]
kind = "ip-list"
files = ["lists/*.netset", "lists/own.csv"]
score = 80
max_shrink = "50%"
"#,
};

/// A score from 0 to 100.
#[derive(Clone, Copy, Debug)]
pub struct Score(u8);

impl Score {
    /// The lowest.
    pub const NONE: Self = Self(0);

    /// The number.
    #[must_use]
    pub fn value(self) -> u8 {
        self.0
    }
}

impl FromNode for Score {
    const NAME: &'static str = "a score from 0 to 100";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let score = u16::from_node(node, reading)?;
        if score > MOST_SCORE {
            let finding = Finding::error(format!("{score} is not a score"))
                .at(node.place, "too large")
                .help("write a whole number from 0 to 100");
            reading.findings.add(finding);
            return None;
        }
        u8::try_from(score).ok().map(Self)
    }

    fn write(&self) -> String {
        self.0.to_string()
    }
}

impl BadLineRule {
    pub(super) fn rule(self) -> OnBadLines {
        match self {
            Self::Skip => OnBadLines::Skip,
            Self::Refuse => OnBadLines::Refuse,
        }
    }
}

impl IpListSettings {
    /// What reads the files.
    pub(super) fn list(self, source: &mut Source) -> IpList {
        source.bad_lines = self.bad_lines.rule();
        source.max_entries = self.max_entries as usize;
        let format = self.format.map(|format| match format {
            IpListFormat::Lines => ListFormat::Lines,
            IpListFormat::Csv => ListFormat::Csv,
        });
        IpList {
            format,
            columns: columns(self.columns, self.delimiter),
            score: self.score.map(|score| score.0),
            tags: self.tags.0,
        }
    }
}

fn columns(settings: Option<IpListColumns>, delimiter: Delimiter) -> CsvColumns {
    let mut columns = CsvColumns { delimiter: delimiter.0, ..CsvColumns::default() };
    if let Some(IpListColumns { address, last, score, tags }) = settings {
        if let Some(List(address)) = address {
            columns.address = address;
        }
        (columns.last, columns.score) = (last, score);
        columns.tags = tags.map(|List(tags)| tags);
    }
    columns
}
