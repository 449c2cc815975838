//! `table`: rows that are looked up by a key.

use super::{
    columns::{Columns, Delimiter},
    ip_list::BadLineRule,
};
use crate::{
    data::{RowsFile, RowsFormat, Source},
    file::{FromNode, List, Node, Reading, Text},
    finding::Finding,
    kind::{Description, Settings},
    table::Match,
};

words! {
    /// How a key is compared with what is looked up.
    pub(super) enum MatchRule, "a way to compare keys" {
        /// They are the same.
        Exact = "exact",
        /// The key is a domain, and what is looked up is this domain or lies below it.
        Domain = "domain",
        /// What is looked up begins with the key.
        Prefix = "prefix",
        /// The key is a network, and what is looked up is an address in it.
        Cidr = "cidr",
    }
}

words! {
    /// How a table is written.
    pub(super) enum TableFormat, "a format of a table" {
        /// Columns with their names in the first line.
        Csv = "csv",
        /// Objects.
        Json = "json",
    }
}

settings! {
    /// What `table` is set to.
    pub(super) struct TableSettings, "`table`" {
        /// The column that is the key; or several, which are the key together.
        key: KeyColumns,
        /// How a key is compared with what is looked up; the longest key wins.
        r#match: MatchRule = MatchRule::Exact,
        /// The columns that are read, or their types as in `{ plan = "text", limit = "int" }`; by default all as text, in JSON as what they are.
        columns: Option<Columns>,
        /// How files are written; by default JSON if the name ends in `.json`, `.jsonl` or `.ndjson`, and CSV otherwise.
        format: Option<TableFormat>,
        /// What stands between the columns of CSV files.
        delimiter: Delimiter = Delimiter(b','),
        /// What happens to lines that cannot be read.
        bad_lines: BadLineRule = BadLineRule::Skip,
        /// How many rows there may be.
        max_entries: u32 = 20_000_000,
    }
}

pub(super) const DESCRIPTION: Description = Description {
    name: "table",
    summary: "Rows out of CSV or JSON files, which are looked up by a key: a text, a domain, the \
              beginning of a text, or a network.",
    arguments: &[],
    variables: &[],
    reasons: &[],
    settings: TableSettings::SETTINGS,
    example: r#"
[data.tenants]
kind = "table"
file = "tenants.csv"
key = "host"
match = "domain"
columns = { backend = "text", plan = "text", limit = "int" }
"#,
};

/// The columns of a key: at least one.
#[derive(Clone, Debug)]
pub(super) struct KeyColumns(Vec<String>);

impl FromNode for KeyColumns {
    const NAME: &'static str = "a column, or a list of them";

    fn from_node(node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let List(columns) = List::<Text>::from_node(node, reading)?;
        if columns.is_empty() {
            let finding = Finding::error("a key without a column").at(node.place, "an empty list");
            reading.findings.add(finding.help("name at least one column"));
            return None;
        }
        Some(Self(columns.iter().map(|column| column.as_str().to_owned()).collect()))
    }

    fn write(&self) -> String {
        List(self.0.clone()).write()
    }
}

impl TableSettings {
    /// What reads the files.
    pub(super) fn rows(self, source: &mut Source) -> RowsFile {
        source.bad_lines = self.bad_lines.rule();
        source.max_entries = self.max_entries as usize;
        let mut rows = RowsFile::new(self.key.0);
        rows.by = match self.r#match {
            MatchRule::Exact => Match::Exact,
            MatchRule::Domain => Match::Domain,
            MatchRule::Prefix => Match::Prefix,
            MatchRule::Cidr => Match::Cidr,
        };
        rows.format = self.format.map(|format| match format {
            TableFormat::Csv => RowsFormat::Csv,
            TableFormat::Json => RowsFormat::Json,
        });
        rows.delimiter = self.delimiter.0;
        if let Some(Columns { names, types }) = self.columns {
            (rows.columns, rows.types) = (Some(names), types);
        }
        rows
    }
}
