//! What keeps a failing handler from harming its neighbours.
//!
//! | file | what |
//! |---|---|
//! | `panics` | a caught panic as a value, with its place; the panic hook |
//! | `failure_signal` | reports to the supervision of a handler that the handler failed |
//! | `restarts` | when a handler is restarted, and when it has failed too often |
//! | `bulkhead` | how many calls of one route may be in flight |
//! | `tasks` | work of a handler beside its messages |

mod bulkhead;
mod failure_signal;
pub(crate) mod panics;
mod restarts;
mod tasks;

pub use bulkhead::OnFull;
pub(crate) use bulkhead::{Bulkhead, Permit};
pub(crate) use failure_signal::{Background, Failure, FailureSignal, Failures};
pub use panics::Panic;
pub(crate) use panics::{Catch, PanicGuard};
pub(crate) use restarts::{Budget, Restarts, Verdict};
pub use tasks::Tasks;
