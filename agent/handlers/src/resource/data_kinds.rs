//! The kinds of data.

use super::{ip_list, mmdb, source_settings::SourceSettings, table};
use crate::kind::{Description, Setting, Settings};

/// The kinds of data, by their names.
pub const DATA_KINDS: &[&Description] =
    &[&ip_list::DESCRIPTION, &mmdb::DESCRIPTION, &table::DESCRIPTION];

/// The settings that every data set has.
pub const DATA_SETTINGS: &[Setting] = SourceSettings::SETTINGS;
