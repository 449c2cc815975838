//! The kinds of handlers.
//!
//! | file | what |
//! |---|---|
//! | `audit`, `audit_line` | a line of JSON for each message |
//! | `ban`, `rate_limit` | who has done something too often |
//! | `cell_value`, `data_names` | values out of data, and the data sets that a handler names |
//! | `client_cert` | what the certificate of a client says |
//! | `echo` | what came |
//! | `geoip`, `geo_lookups` | where an address is |
//! | `ip_reputation` | what lists say of an address |
//! | `key` | who is counted |
//! | `judgement` | what a handler decides by conditions over its own variables |
//! | `lookup`, `lookup_columns` | the row of a key |
//! | `metrics`, `metric_settings` | counters and histograms |
//! | `program`, `program_question`, `program_answer` | a program in any language behind a pipe |
//! | `command_line`, `json_table`, `named` | how it is run, and tables of the file for it |
//! | `rules`, `rule` | conditions in order, of which the first that holds decides |
//! | `set` | constants and texts with variables in them |
//! | `shown_value` | a value as an audit or a metric has it |
//! | `template`, `values` | such texts, and variables with their values |

mod audit;
mod audit_line;
mod ban;
mod cell_value;
mod client_cert;
mod command_line;
mod data_names;
mod echo;
mod geo_lookups;
mod geoip;
mod ip_reputation;
mod json_table;
mod judgement;
mod key;
mod lookup;
mod lookup_columns;
mod metric_settings;
mod metrics;
mod named;
mod program;
mod program_answer;
mod program_question;
mod rate_limit;
mod rule;
mod rules;
mod set;
mod shown_value;
mod template;
mod values;

use crate::chain::Kind;

/// All kinds, by their names.
pub const KINDS: &[&'static dyn Kind] = &[
    &audit::Audit,
    &ban::Ban,
    &client_cert::ClientCert,
    &echo::Echo,
    &geoip::GeoIp,
    &ip_reputation::IpReputation,
    &lookup::Lookup,
    &metrics::Metrics,
    &program::Program,
    &rate_limit::RateLimit,
    &rules::Rules,
    &set::Set,
];
