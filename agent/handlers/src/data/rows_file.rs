//! Rows file: a table out of CSV or JSON.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    bad_lines::BadLines,
    error::DataError,
    files::{Contents, Files},
    load::{Load, Loaded},
    record::{Record, Records},
    rows_csv, rows_json,
};
use crate::table::{Cell, CellType, KeyError, Match, Rows, RowsBuilder};

/// How a table is written in its file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RowsFormat {
    /// Columns with their names in the first line.
    Csv,
    /// An array of objects; or an object in each line; or one object, which has for each key an object.
    Json,
}

/// Reads files into [`Rows`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RowsFile {
    /// The columns that the key is made of.
    pub key: Vec<String>,
    /// How a key is compared with what is looked up.
    pub by: Match,
    /// The columns that rows must have; none takes all that there are.
    pub columns: Option<Vec<String>>,
    /// How the files are written; none reads files that end in `.json`, `.jsonl` or `.ndjson` as JSON,
    /// and all others as CSV.
    pub format: Option<RowsFormat>,
    /// What stands between the columns of CSV [default: `,`].
    pub delimiter: u8,
    /// The types of columns. A row with a value that is not of its type is a bad line. Without a type, a
    /// value of CSV is a text, and one of JSON is what it is.
    pub types: BTreeMap<String, CellType>,
}

impl RowsFile {
    /// A table with this key, of which a row is found by the very same.
    #[must_use]
    pub fn new(key: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let key = key.into_iter().map(Into::into).collect();
        Self {
            key,
            by: Match::Exact,
            columns: None,
            format: None,
            delimiter: b',',
            types: BTreeMap::new(),
        }
    }
}

impl Load for RowsFile {
    type Table = Rows;

    fn load(&self, files: &mut Files, bad: &mut BadLines) -> Result<Loaded<Rows>, DataError> {
        let most = files.max_entries();
        let mut records = Records::new(&self.key, self.columns.as_deref(), &self.types, most);
        for contents in files {
            let Contents { path, bytes } = contents?;
            let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
            records.begin(&path);
            let extension = path.extension().unwrap_or_default();
            let is_json = ["json", "jsonl", "ndjson"].iter().any(|json| extension == *json);
            let read = match self.format {
                Some(RowsFormat::Csv) => rows_csv::read(text, self.delimiter, &mut records, bad),
                Some(RowsFormat::Json) => rows_json::read(text, &path, &mut records, bad),
                None if is_json => rows_json::read(text, &path, &mut records, bad),
                None => rows_csv::read(text, self.delimiter, &mut records, bad),
            };
            if records.is_full() {
                return Err(DataError::TooMany { path, most });
            }
            read.map_err(|reason| DataError::Content { path, reason })?;
        }
        let types: Vec<_> = records.types().to_vec();
        let mut table = Table::new(Rows::builder(self.by, records.columns()).types(types));
        let (paths, width) = (records.paths().to_vec(), records.columns().len());
        for record in records.into_all() {
            table.add(record, &paths, width, bad);
        }
        let entries = table.builder.len();
        let table = table.builder.build();
        Ok(Loaded { bytes: table.bytes(), entries, table })
    }
}

/// Rows, and where each stands.
struct Table {
    builder: RowsBuilder,
    places: Vec<(u32, u64)>,
}

impl Table {
    fn new(builder: RowsBuilder) -> Self {
        Self { builder, places: Vec::new() }
    }

    fn add(&mut self, record: Record, paths: &[Arc<Path>], width: usize, bad: &mut BadLines) {
        let Record { file, line, key, cells } = record;
        let mut row: Vec<Option<Cell>> = vec![None; width];
        for (column, cell) in cells {
            row[column] = Some(cell);
        }
        let key: Vec<_> = key.iter().map(String::as_str).collect();
        let file_path = |file: u32| paths.get(file as usize).map_or(Path::new(""), |path| path);
        match self.builder.add(&key, row) {
            Ok(()) => self.places.push((file, line)),
            Err(KeyError::Double { first }) => {
                let (first, first_line) = self.places[first as usize - 1];
                let first = PathBuf::from(file_path(first));
                let first = first.display();
                bad.add(
                    file_path(file),
                    line,
                    format_args!("the key is that of {first}:{first_line}, which stays"),
                );
            }
            Err(error) => bad.add(file_path(file), line, error),
        }
    }
}
