//! Structures in memory: what a request is looked up in, and what is counted by key. None knows a file.
//!
//! | file | what |
//! |---|---|
//! | `prefix` | addresses that begin with the same bits, and how text becomes some |
//! | `sweep` | prefixes that lie in each other become boundaries, each with the value up to the next |
//! | `ranges`, `v4`, `v6` | values by address, as boundaries |
//! | `listed` | what lists say of an address: score, tags, lists |
//! | `cell`, `row_keys`, `rows` | rows by key: exact, domain, prefix, cidr |
//! | `geo` | where an address is |
//! | `slots` | small states by key, bounded, shared without a lock |
//! | `rates`, `bans` | what somebody may still do, and who is out |

mod bans;
mod cell;
mod geo;
mod listed;
mod prefix;
mod ranges;
mod rates;
mod row_keys;
mod rows;
mod slots;
mod sweep;
mod v4;
mod v6;

pub use bans::{BanRule, Bans, Standing};
pub use cell::{Cell, CellType};
pub use geo::{Geo, GeoError, GeoPath, GeoRecord, MOST_DATABASES, is_private};
pub use listed::{IpSet, IpSetBuilder, Listed, TooManySets};
pub use prefix::{Prefix, PrefixError, prefixes};
pub use ranges::{Ranges, RangesBuilder};
pub use rates::{Allowance, Limit, Rates};
pub use row_keys::Match;
pub use rows::{KeyError, Row, Rows, RowsBuilder};
