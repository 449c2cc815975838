//! Structures in memory: what a request is looked up in, and what is counted by key. None knows a file.
//!
//! | file | what |
//! |---|---|
//! | `prefix` | addresses that begin with the same bits, and how text becomes some |
//! | `sweep` | prefixes that lie in each other become boundaries, each with the value up to the next |
//! | `ranges`, `v4`, `v6` | values by address, as boundaries |
//! | `listed` | what lists say of an address: score, tags, lists |
//! | `slots` | small states by key, bounded, shared without a lock |
//! | `rates`, `bans` | what somebody may still do, and who is out |

mod bans;
mod listed;
mod prefix;
mod ranges;
mod rates;
mod slots;
mod sweep;
mod v4;
mod v6;

pub use bans::{BanRule, Bans, Standing};
pub use listed::{IpSet, IpSetBuilder, Listed, TooManySets};
pub use prefix::{Prefix, PrefixError, prefixes};
pub use ranges::{Ranges, RangesBuilder};
pub use rates::{Allowance, Rate, Rates};
