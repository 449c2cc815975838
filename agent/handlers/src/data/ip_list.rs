//! IP list: the addresses of one or more files, with scores and tags.

use super::{
    bad_lines::BadLines,
    error::DataError,
    files::{Contents, Files},
    ip_csv::{self, CsvColumns},
    ip_lines,
    ip_reading::Reading,
    load::{Load, Loaded},
};
use crate::table::{IpSet, IpSetBuilder};

/// How the lines of a list are read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ListFormat {
    /// `ADDRESS`, `ADDRESS SCORE`, `ADDRESS TAGS` or `ADDRESS SCORE TAGS`, with commas between tags. An
    /// address may be a prefix or a range, and what follows `#` or `;` is a comment: netsets of `FireHOL`
    /// and lists of Spamhaus are read as they are.
    Lines,
    /// Columns with names.
    Csv,
}

/// Reads lists of addresses into an [`IpSet`]. The name of a list is that of its file, without
/// extension.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct IpList {
    /// How files are read; none reads files that end in `.csv` as CSV, and all others as lines.
    pub format: Option<ListFormat>,
    /// The columns of files that are read as CSV.
    pub columns: CsvColumns,
    /// The score of addresses that have none of their own, from 0 to 100.
    pub score: Option<u8>,
    /// Tags of all addresses.
    pub tags: Vec<String>,
}

impl Load for IpList {
    type Table = IpSet;

    fn load(&self, files: &mut Files, bad: &mut BadLines) -> Result<Loaded<IpSet>, DataError> {
        let mut builder = IpSetBuilder::default();
        let most = files.max_entries();
        for contents in files {
            let Contents { path, bytes } = contents?;
            let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
            let list = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let mut reading = Reading {
                list,
                score: self.score,
                tags: &self.tags,
                plain: None,
                path: &path,
                bad,
                most,
                builder: &mut builder,
            };
            let is_csv = path.extension().is_some_and(|extension| extension == "csv");
            match &self.format {
                Some(ListFormat::Csv) => ip_csv::read(text, &self.columns, &mut reading)?,
                None if is_csv => ip_csv::read(text, &self.columns, &mut reading)?,
                Some(ListFormat::Lines) | None => ip_lines::read(text, &mut reading)?,
            }
        }
        let entries = builder.len();
        let table = builder.build().map_err(|error| DataError::Content {
            path: "all files together".into(),
            reason: error.to_string(),
        })?;
        Ok(Loaded { bytes: table.bytes(), entries, table })
    }
}
