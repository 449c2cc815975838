//! Rows: a table of values that is looked up by a key.

use std::{fmt::Write, net::IpAddr, sync::Arc};

use super::{
    cell::{Cell, CellType},
    prefix::{PrefixError, prefixes},
    row_keys::{Match, RowKeys, RowKeysBuilder},
};

/// What stands between the parts of a key, which have none of it.
const BETWEEN: char = '\0';

/// A table of values that is looked up by a key of one or more parts.
///
/// ```
/// use spoa_handlers::table::{Cell, Match, Rows};
///
/// let mut builder = Rows::builder(Match::Domain, ["backend", "plan"]);
/// builder.add(&["example.com"], [Some(Cell::from("shop")), None])?;
/// let rows = builder.build();
/// let row = rows.find(&["www.example.com"]);
/// assert_eq!(row.and_then(|row| row.get("backend")), Some(&Cell::from("shop")));
/// assert!(rows.find(&["example.org"]).is_none());
/// # Ok::<(), spoa_handlers::table::KeyError>(())
/// ```
#[derive(Debug)]
pub struct Rows {
    columns: Box<[Arc<str>]>,
    types: Box<[Option<CellType>]>,
    keys: RowKeys,
    cells: Box<[Option<Cell>]>,
    bytes: usize,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    columns: &'a [Arc<str>],
    cells: &'a [Option<Cell>],
}

/// Collects rows.
#[derive(Debug)]
pub struct RowsBuilder {
    by: Match,
    columns: Box<[Arc<str>]>,
    types: Box<[Option<CellType>]>,
    keys: RowKeysBuilder,
    cells: Vec<Option<Cell>>,
    rows: u32,
    bytes: usize,
}

/// Why a row is not taken.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Another row has the key.
    #[error("row {first} has the same key, and stays")]
    Double {
        /// The number of the row that has it, from 1 on.
        first: u32,
    },
    /// The key is empty.
    #[error("the key is empty")]
    Empty,
    /// The key has the character NUL.
    #[error("the key has a NUL character")]
    Nul,
    /// The key is no prefix.
    #[error("{0}")]
    Prefix(#[from] PrefixError),
    /// There are four thousand million rows.
    #[error("there are too many rows")]
    Full,
}

impl Rows {
    /// Begins with no row.
    #[must_use]
    pub fn builder(
        by: Match,
        columns: impl IntoIterator<Item = impl Into<Arc<str>>>,
    ) -> RowsBuilder {
        let columns: Box<[_]> = columns.into_iter().map(Into::into).collect();
        RowsBuilder {
            by,
            types: vec![None; columns.len()].into(),
            columns,
            keys: RowKeysBuilder::new(by),
            cells: Vec::new(),
            rows: 0,
            bytes: 0,
        }
    }

    /// The row of a key. It allocates nothing if the key has one part.
    #[must_use]
    pub fn find(&self, key: &[&str]) -> Option<Row<'_>> {
        if key.iter().any(|part| part.contains(BETWEEN)) {
            return None;
        }
        let row = match key {
            [one] => self.keys.row(one),
            parts => self.keys.row(&joined(parts)),
        };
        self.row(row?)
    }

    /// The row of an address.
    #[must_use]
    pub fn find_address(&self, address: IpAddr) -> Option<Row<'_>> {
        self.row(self.keys.row_of(address)?)
    }

    /// The names of the columns.
    #[must_use]
    pub fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    /// The type of the values in a column: a text if they have several; none if there is no such column,
    /// or no value in it.
    #[must_use]
    pub fn column_type(&self, column: &str) -> Option<CellType> {
        let at = self.columns.iter().position(|name| **name == *column)?;
        self.types[at]
    }

    /// The memory that it takes, in bytes, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn row(&self, number: u32) -> Option<Row<'_>> {
        let width = self.columns.len();
        let cells = self.cells.get(number as usize * width..)?.get(..width)?;
        Some(Row { columns: &self.columns, cells })
    }
}

impl<'a> Row<'a> {
    /// The value in a column; none if there is none.
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&'a Cell> {
        let at = self.columns.iter().position(|name| **name == *column)?;
        self.cells.get(at)?.as_ref()
    }

    /// Each column that has a value, and the value.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a Cell)> + use<'a> {
        let columns = self.columns.iter().zip(self.cells);
        columns.filter_map(|(name, cell)| Some((&**name, cell.as_ref()?)))
    }
}

impl RowsBuilder {
    /// The types of the columns, where they are known before the rows.
    #[must_use]
    pub fn types(mut self, types: impl IntoIterator<Item = Option<CellType>>) -> Self {
        for (own, known) in self.types.iter_mut().zip(types) {
            *own = known;
        }
        self
    }

    /// Adds a row, with a value for each column.
    ///
    /// # Errors
    ///
    /// The row is left out.
    pub fn add(
        &mut self,
        key: &[&str],
        cells: impl IntoIterator<Item = Option<Cell>>,
    ) -> Result<(), KeyError> {
        if key.iter().any(|part| part.contains(BETWEEN)) {
            return Err(KeyError::Nul);
        }
        if key.iter().all(|part| part.is_empty()) {
            return Err(KeyError::Empty);
        }
        let key = joined(key);
        let row = self.rows;
        let next = row.checked_add(1).filter(|&next| next < u32::MAX).ok_or(KeyError::Full)?;
        let added = match self.by {
            Match::Cidr => self.keys.add_prefixes(prefixes(&key)?, row),
            Match::Exact | Match::Domain | Match::Prefix => self.keys.add(&key, row),
        };
        added.map_err(|first| KeyError::Double { first: first + 1 })?;
        let before = self.cells.len();
        self.cells.extend(cells.into_iter().take(self.columns.len()));
        self.cells.resize(before + self.columns.len(), None);
        for (own, cell) in self.types.iter_mut().zip(&self.cells[before..]) {
            if let Some(other) = cell.as_ref().map(Cell::cell_type) {
                *own = Some(own.map_or(other, |own| own.with(other)));
            }
        }
        let texts = self.cells[before..].iter().flatten().map(|cell| match cell {
            Cell::Text(text) => text.len(),
            _ => 0,
        });
        self.bytes += texts.sum::<usize>()
            + self.columns.len() * size_of::<Option<Cell>>()
            + key.len()
            + 2 * size_of::<(Box<str>, u32)>();
        self.rows = next;
        Ok(())
    }

    /// The names of the columns.
    #[must_use]
    pub fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    /// How many rows were added.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows as usize
    }

    /// Whether none was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Makes the table.
    #[must_use]
    pub fn build(self) -> Rows {
        Rows {
            columns: self.columns,
            types: self.types,
            keys: self.keys.build(),
            cells: self.cells.into(),
            bytes: self.bytes,
        }
    }
}

/// The parts of a key as one text.
fn joined(parts: &[&str]) -> String {
    let mut joined = String::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            joined.push(BETWEEN);
        }
        // A String takes it all.
        let _ = joined.write_str(part);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> [Option<Cell>; 1] {
        [Some(Cell::from(text))]
    }

    #[test]
    fn a_key_may_have_several_parts() {
        let mut builder = Rows::builder(Match::Exact, ["to"]);
        builder.add(&["a", "b"], one("1")).unwrap();
        builder.add(&["ab", ""], one("2")).unwrap();
        assert_eq!(builder.add(&["a", "b"], one("3")), Err(KeyError::Double { first: 1 }));
        assert_eq!(builder.add(&["", ""], one("3")), Err(KeyError::Empty));
        assert_eq!(builder.add(&["a\0b"], one("3")), Err(KeyError::Nul));
        let rows = builder.build();
        let to = |key: &[&str]| rows.find(key).map(|row| row.get("to").unwrap().to_string());
        assert_eq!(to(&["a", "b"]).unwrap(), "1");
        assert_eq!(to(&["ab", ""]).unwrap(), "2");
        assert_eq!(to(&["a"]), None);
        assert_eq!(to(&["a\0b", ""]), None);
        assert_eq!(to(&["a\0b"]), None);
    }

    #[test]
    fn an_address_is_found_by_the_longest_prefix() {
        let mut builder = Rows::builder(Match::Cidr, ["site"]);
        builder.add(&["10.0.0.0/8"], one("all")).unwrap();
        builder.add(&["10.1.0.0-10.1.255.255"], one("one")).unwrap();
        builder.add(&["2001:db8::/32"], one("six")).unwrap();
        assert_eq!(builder.add(&["10.0.0.0/8"], one("")), Err(KeyError::Double { first: 1 }));
        assert_eq!(builder.add(&["10.0"], one("")), Err(KeyError::Prefix(PrefixError::Form)));
        let rows = builder.build();
        for (address, site) in [
            ("10.1.2.3", Some("one")),
            ("10.2.2.3", Some("all")),
            ("::ffff:10.2.2.3", Some("all")),
            ("2001:db8::1", Some("six")),
            ("192.0.2.1", None),
            ("host", None),
        ] {
            let expected = site.map(Cell::from);
            assert_eq!(rows.find(&[address]).and_then(|row| row.get("site").cloned()), expected);
            let Ok(address) = address.parse() else { continue };
            let found = rows.find_address(address);
            assert_eq!(found.and_then(|row| row.get("site").cloned()), expected);
        }
    }

    #[test]
    fn a_row_has_a_value_for_each_column_or_none() {
        let mut builder = Rows::builder(Match::Prefix, ["a", "b"]);
        builder.add(&["/"], [None, Some(Cell::Integer(7)), Some(Cell::Boolean(true))]).unwrap();
        builder.add(&["/x"], []).unwrap();
        let rows = builder.build();
        let row = rows.find(&["/y"]).unwrap();
        assert_eq!(row.iter().collect::<Vec<_>>(), [("b", &Cell::Integer(7))]);
        assert_eq!((row.get("a"), row.get("c")), (None, None));
        assert_eq!(rows.find(&["/xy"]).unwrap().iter().count(), 0);
    }
}
