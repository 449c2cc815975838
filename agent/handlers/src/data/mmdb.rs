//! MMDB: databases in MaxMind's format.

use super::{
    bad_lines::BadLines,
    error::DataError,
    files::{Contents, Files},
    load::{Load, Loaded},
};
use crate::table::Geo;

/// Reads databases in MaxMind's format into [`Geo`], in the order of their names. They are kept in
/// memory and not mapped: a file that is truncated in place does no harm.
///
/// An entry is a node of the search tree.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mmdb;

impl Load for Mmdb {
    type Table = Geo;

    fn load(&self, files: &mut Files, _: &mut BadLines) -> Result<Loaded<Geo>, DataError> {
        let mut table = Geo::default();
        let mut bytes = 0;
        for contents in files {
            let Contents { path, bytes: database } = contents?;
            bytes += database.len();
            table
                .add(database)
                .map_err(|error| DataError::Content { path, reason: error.to_string() })?;
        }
        Ok(Loaded { entries: table.nodes(), table, bytes })
    }
}
