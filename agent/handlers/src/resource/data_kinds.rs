//! The kinds of data.

use super::{ip_list, mmdb, table};
use crate::kind::Description;

/// The kinds of data, by their names.
pub const DATA_KINDS: &[&Description] =
    &[&ip_list::DESCRIPTION, &mmdb::DESCRIPTION, &table::DESCRIPTION];
