//! What keeps a failing handler from harming its neighbours.
//!
//! | file | what |
//! |---|---|
//! | `panics` | a caught panic as a value, with its place; the panic hook |
//! | `alarm` | reports to the supervision of a handler that the handler failed |
//! | `restarts` | when a handler is restarted, and when it has failed too often |
//! | `bulkhead` | how many calls of one route may be in flight |
//! | `tasks` | work of a handler beside its messages |

mod alarm;
mod bulkhead;
pub(crate) mod panics;
mod restarts;
mod tasks;

pub(crate) use alarm::{Alarm, Background, Fault, Faults};
pub use bulkhead::Overload;
pub(crate) use bulkhead::{Bulkhead, Place};
pub use panics::Panic;
pub(crate) use panics::{Catch, Shielded};
pub(crate) use restarts::{Budget, Restarts, Verdict};
pub use tasks::Tasks;
