//! Handlers over the tables, for agents that are written in Rust.
//!
//! Each is a [`ReadyHandler`](spoa_actors::ReadyHandler): it answers at once, from the message where it
//! lies. Its clones share one table, so a route is `Route::ready(move || handler.clone())`.
//!
//! | file | what |
//! |---|---|
//! | `inputs` | addresses and keys from the arguments of a message |
//! | `outputs` | variables by their full names, checked once |
//! | `reputation` | what several sets of lists say together of an address |
//! | `ip_reputation`, `geo_ip`, `lookup`, `rate_limit` | the handlers |

mod geo_ip;
mod inputs;
mod ip_reputation;
mod lookup;
mod outputs;
mod rate_limit;
mod reputation;

pub use geo_ip::GeoIp;
pub(crate) use geo_ip::USUAL;
pub use ip_reputation::IpReputation;
pub use lookup::Lookup;
pub use rate_limit::RateLimit;
pub(crate) use reputation::{Known, Reputation, known};
