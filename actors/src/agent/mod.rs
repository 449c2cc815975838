//! The whole agent: its start, its arbiters, its stop, and its observer.
//!
//! | file | what |
//! |---|---|
//! | `agent` | listeners, number of arbiters, limits |
//! | `host` | the thread that accepts, and the actix system: the caller's, or the agent's own |
//! | `workers`, `supervisor` | the arbiters, which start together; routes and connections of each |
//! | `reception`, `excess_connections` | gives each accepted socket its permit, and passes it to an arbiter; connections over the limit |
//! | `running_agent`, `signals` | a started agent, and its stop |
//! | `observer` | statistics, status and readiness from any thread |
//! | `reloader` | replaces routes, limits and traces of a running agent |

mod agent;
mod excess_connections;
mod host;
mod observer;
mod reception;
mod reloader;
mod running_agent;
mod signals;
mod supervisor;
mod workers;

pub use agent::Agent;
pub use observer::Observer;
pub use reloader::{Reload, Reloader};
pub use running_agent::RunningAgent;
#[cfg(feature = "testing")]
pub(crate) use running_agent::give_notice;
pub use signals::Signals;
#[cfg(feature = "testing")]
pub(crate) use supervisor::{Adopt, Stop, Supervisor};
