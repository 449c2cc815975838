//! Record: a row as it was read, before all columns are known.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
};

use crate::table::{Cell, CellType};

/// A row, and where it stands.
#[derive(Debug)]
pub(super) struct Record {
    /// The number of its file.
    pub(super) file: u32,
    pub(super) line: u64,
    pub(super) key: Vec<String>,
    /// Values by the numbers of their columns.
    pub(super) cells: Vec<(usize, Cell)>,
}

/// All rows of all files.
#[derive(Debug)]
pub(super) struct Records<'a> {
    key: &'a [String],
    /// Those that rows must have; otherwise all are taken.
    wanted: Option<&'a [String]>,
    /// The types that columns must have.
    expected: &'a BTreeMap<String, CellType>,
    columns: Vec<Arc<str>>,
    types: Vec<Option<CellType>>,
    numbers: HashMap<Arc<str>, usize>,
    paths: Vec<Arc<Path>>,
    all: Vec<Record>,
    /// How many rows there may be.
    most: usize,
}

impl<'a> Records<'a> {
    pub(super) fn new(
        key: &'a [String],
        wanted: Option<&'a [String]>,
        expected: &'a BTreeMap<String, CellType>,
        most: usize,
    ) -> Self {
        let mut records = Self {
            key,
            wanted,
            expected,
            columns: Vec::new(),
            types: Vec::new(),
            numbers: HashMap::new(),
            paths: Vec::new(),
            all: Vec::new(),
            most,
        };
        for name in wanted.into_iter().flatten() {
            records.number(name);
        }
        records
    }

    /// What is added from now on is in this file.
    pub(super) fn begin(&mut self, path: &Path) {
        self.paths.push(path.into());
    }

    pub(super) fn path(&self) -> Arc<Path> {
        self.paths.last().cloned().unwrap_or_else(|| Path::new("").into())
    }

    pub(super) fn key(&self) -> &'a [String] {
        self.key
    }

    pub(super) fn wanted(&self) -> Option<&'a [String]> {
        self.wanted
    }

    /// The number of a column; none of one that is part of the key, or that nobody wants.
    pub(super) fn column(&mut self, name: &str) -> Option<usize> {
        match self.wanted {
            Some(wanted) if !wanted.iter().any(|one| one == name) => None,
            None if self.key.iter().any(|one| one == name) => None,
            _ => Some(self.number(name)),
        }
    }

    /// A value as its column has it.
    pub(super) fn cell(&self, column: usize, cell: Cell) -> Result<Cell, String> {
        match self.types.get(column) {
            Some(Some(expected)) => cell.into_type(*expected).map_err(|_| {
                let column = &self.columns[column];
                format!("the value in the column `{column}` is not of the type {expected}")
            }),
            _ => Ok(cell),
        }
    }

    /// The types of the columns, as far as they are said.
    pub(super) fn types(&self) -> &[Option<CellType>] {
        &self.types
    }

    /// Whether there are more rows than there may be.
    pub(super) fn is_full(&self) -> bool {
        self.all.len() > self.most
    }

    /// Adds a row, unless there are too many.
    pub(super) fn add(&mut self, line: u64, key: Vec<String>, cells: Vec<(usize, Cell)>) {
        let file = self.paths.len().saturating_sub(1) as u32;
        if !self.is_full() {
            self.all.push(Record { file, line, key, cells });
        }
    }

    pub(super) fn columns(&self) -> Vec<Arc<str>> {
        self.columns.clone()
    }

    pub(super) fn paths(&self) -> &[Arc<Path>] {
        &self.paths
    }

    pub(super) fn into_all(self) -> Vec<Record> {
        self.all
    }

    fn number(&mut self, name: &str) -> usize {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let (number, name) = (self.columns.len(), Arc::<str>::from(name));
        self.types.push(self.expected.get(&*name).copied());
        self.columns.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }
}
