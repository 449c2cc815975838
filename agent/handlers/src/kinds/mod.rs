//! The kinds of handlers.
//!
//! | file | what |
//! |---|---|
//! | `cell_value`, `data_names` | values out of data, and the data sets that a handler names |
//! | `geoip`, `geo_lookups` | where an address is |
//! | `ip_reputation` | what lists say of an address |
//! | `judgement` | what a handler decides by conditions over its own variables |
//! | `lookup`, `lookup_columns` | the row of a key |
//! | `rules`, `rule` | conditions in order, of which the first that holds decides |
//! | `set` | constants and texts with variables in them |
//! | `template`, `values` | such texts, and variables with their values |

mod cell_value;
mod data_names;
mod geo_lookups;
mod geoip;
mod ip_reputation;
mod judgement;
mod lookup;
mod lookup_columns;
mod rule;
mod rules;
mod set;
mod template;
mod values;

use crate::chain::Kind;

/// All kinds, by their names.
pub const KINDS: &[&'static dyn Kind] =
    &[&geoip::GeoIp, &ip_reputation::IpReputation, &lookup::Lookup, &rules::Rules, &set::Set];
