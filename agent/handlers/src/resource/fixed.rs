//! Entries of a test in place of those of files.

use std::sync::Arc;

use super::data_set::DataSet;
use crate::{
    data::Followed,
    table::{Cell, Geo, IpSet, IpSetBuilder, Match, Rows, RowsBuilder, prefixes},
};

/// An entry of a data set: its key, and its values by name.
///
/// The key of a list and of a database is an address, a prefix or a range. A list knows `score` and `tags`, with
/// commas between tags; a database has places such as `country.iso_code`, and the names of the variables of `geoip`.
#[derive(Clone, Debug, PartialEq)]
pub struct FixedEntry {
    /// The key; of a table with several columns in its key, a blank stands between the parts.
    pub key: String,
    /// The values.
    pub values: Vec<(String, Cell)>,
}

/// A data set of the same kind with these entries alone.
pub(super) fn with_entries(
    set: &DataSet,
    name: &str,
    entries: &[FixedEntry],
) -> Result<DataSet, String> {
    let count = entries.len();
    Ok(match set {
        DataSet::IpList(_) => DataSet::IpList(Followed::fixed(name, list(entries)?, count)),
        DataSet::Mmdb(_) => {
            let builder = Rows::builder(Match::Cidr, columns(entries));
            let geo = Geo::of_rows(rows(builder, entries, |key| vec![key])?);
            DataSet::Mmdb(Followed::fixed(name, geo, count))
        }
        DataSet::Table(_, file) => {
            let columns = file.columns.clone().unwrap_or_else(|| columns(entries));
            let types = columns.iter().map(|column| file.types.get(column).copied());
            let builder = Rows::builder(file.by, columns.clone()).types(types.collect::<Vec<_>>());
            let is_whole = file.key.len() == 1;
            let parts = |key| if is_whole { vec![key] } else { str::split(key, ' ').collect() };
            let typed = entries.iter().map(|entry| {
                let values = entry.values.iter().map(|(column, cell)| {
                    let typed = match file.types.get(column) {
                        Some(own) => cell.clone().into_type(*own).map_err(|_| {
                            format!("`{}`: the column `{column}` is of the type {own}", entry.key)
                        })?,
                        None => cell.clone(),
                    };
                    Ok((column.clone(), typed))
                });
                let values = values.collect::<Result<_, String>>()?;
                Ok(FixedEntry { key: entry.key.clone(), values })
            });
            let typed = typed.collect::<Result<Vec<_>, String>>()?;
            let rows = rows(builder, &typed, parts)?;
            DataSet::Table(Followed::fixed(name, rows, count), Arc::clone(file))
        }
    })
}

fn list(entries: &[FixedEntry]) -> Result<IpSet, String> {
    let mut builder = IpSetBuilder::default();
    for FixedEntry { key, values } in entries {
        let (mut score, mut tags) = (None, String::new());
        for (name, cell) in values {
            match (name.as_str(), cell) {
                ("score", Cell::Integer(number)) => {
                    score = u8::try_from(*number).ok().filter(|score| *score <= 100);
                    if score.is_none() {
                        return Err(format!("`{key}`: {number} is no score from 0 to 100"));
                    }
                }
                ("tags", Cell::Text(text)) => tags = text.to_string(),
                _ => {
                    return Err(format!(
                        "`{key}`: a list knows `score` and `tags`, and no `{name}`"
                    ));
                }
            }
        }
        let tags = tags.split(',').map(str::trim).filter(|tag| !tag.is_empty());
        let facts = builder.facts("test", score, tags).map_err(|error| error.to_string())?;
        let prefixes = prefixes(key).map_err(|error| format!("`{key}`: {error}"))?;
        prefixes.for_each(|prefix| builder.add(prefix, facts));
    }
    builder.build().map_err(|error| error.to_string())
}

/// The names of all values, in the order in which they come.
fn columns(entries: &[FixedEntry]) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for (name, _) in entries.iter().flat_map(|entry| &entry.values) {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    columns
}

fn rows<'e>(
    mut builder: RowsBuilder,
    entries: &'e [FixedEntry],
    parts: impl Fn(&'e str) -> Vec<&'e str>,
) -> Result<Rows, String> {
    for FixedEntry { key, values } in entries {
        let is_unknown = |name: &str| !builder.columns().iter().any(|column| **column == *name);
        if let Some((name, _)) = values.iter().find(|(name, _)| is_unknown(name)) {
            return Err(format!("`{key}`: there is no column `{name}`"));
        }
        let cells: Vec<_> = builder
            .columns()
            .iter()
            .map(|column| {
                let own = values.iter().find(|(name, _)| **name == **column);
                own.map(|(_, cell)| cell.clone())
            })
            .collect();
        builder.add(&parts(key), cells).map_err(|error| format!("`{key}`: {error}"))?;
    }
    Ok(builder.build())
}
