//! The chain of a message: handlers in order, each of which sees what those before it found, and one verdict.
//!
//! | file | what |
//! |---|---|
//! | `decision` | what a handler decides |
//! | `arguments`, `chain_names` | the arguments of a message, and which variables an expression may name |
//! | `view`, `found` | what a handler sees, and where it puts what it finds |
//! | `step`, `own_variable`, `kind` | a handler at work, what it finds, and what makes it of its section |
//! | `common`, `output` | the settings that every handler has; under which names its variables go out |
//! | `ack_budget`, `verdict` | how much an ACK takes, and what HAProxy gets |
//! | `chain`, `reader` | the chain, and how it is read |

mod ack_budget;
mod arguments;
mod chain;
mod chain_names;
mod common;
mod decision;
mod found;
mod kind;
mod output;
mod own_variable;
mod reader;
mod step;
mod verdict;
mod view;

pub use chain::{Chain, ChainHandler, StepCounts};
pub use chain_names::ChainNames;
pub use common::{CommonSettings, Mode, OnError};
pub use decision::Decision;
pub use found::Found;
pub use kind::{Kind, Made};
pub use own_variable::OwnVariable;
pub use reader::chains;
pub use step::Step;
pub use view::View;
