//! A data set that is open.

use std::sync::Arc;

use crate::{
    data::{DataError, DataState, Followed, RowsFile},
    table::{Geo, IpSet, Rows},
};

/// A data set that is open, by its kind. Its clones share one table.
#[derive(Clone, Debug)]
pub enum DataSet {
    /// `ip-list`: addresses, and what lists say of them.
    IpList(Followed<IpSet>),
    /// `mmdb`: databases in MaxMind's format.
    Mmdb(Followed<Geo>),
    /// `table`: rows by a key, and how they are read.
    Table(Followed<Rows>, Arc<RowsFile>),
}

impl DataSet {
    /// The name of its kind, as `kind = "…"` has it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::IpList(_) => super::ip_list::DESCRIPTION.name,
            Self::Mmdb(_) => super::mmdb::DESCRIPTION.name,
            Self::Table(..) => super::table::DESCRIPTION.name,
        }
    }

    /// How it is. Not for worker threads: it may wait for the thread that follows the files.
    #[must_use]
    pub fn state(&self) -> DataState {
        match self {
            Self::IpList(set) => set.state(),
            Self::Mmdb(set) => set.state(),
            Self::Table(set, _) => set.state(),
        }
    }

    /// Reads the files now, and waits until they are read; see [`Followed::reload`].
    ///
    /// # Errors
    ///
    /// The last good table stays in use.
    pub fn reload(&self, force: bool) -> Result<(), DataError> {
        match self {
            Self::IpList(set) => set.reload(force),
            Self::Mmdb(set) => set.reload(force),
            Self::Table(set, _) => set.reload(force),
        }
    }
}
