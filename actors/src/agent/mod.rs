//! An agent as a whole: its start, its arbiters, its stop, and how it is seen from outside.
//!
//! | file | what |
//! |---|---|
//! | `agent` | where it listens, on how many arbiters, within which limits |
//! | `host` | the thread that accepts, and the actix system: the caller's, or one of the agent's own |
//! | `workers`, `supervisor` | the arbiters, which start together; routes and connections of each |
//! | `reception`, `excess_connections` | gives each accepted socket its place, and hands it to an arbiter; who is over the limit, and silent |
//! | `running_agent`, `signals` | a started agent, and its end |
//! | `observer` | looks at an agent from outside |
//! | `reloader` | puts other routes in the place of those at work |

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
