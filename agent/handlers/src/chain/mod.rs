//! The chain of a message: handlers in order, each of which sees what those before it found, and one verdict.
//!
//! | file | what |
//! |---|---|
//! | `decision`, `detail`, `decides`, `decision_counts` | what a handler decides, what it may decide, and how often it has |
//! | `chain_names` | which variables an expression may name |
//! | `view`, `found` | what a handler sees, and where it puts what it finds |
//! | `step`, `own_variable`, `kind`, `making` | a handler at work, what it finds, and what it is made of |
//! | `own_names` | expressions over what a handler itself finds |
//! | `common`, `output` | the settings that every handler has; under which names its variables go out |
//! | `ack_budget`, `verdict` | how much an ACK takes, and what HAProxy gets |
//! | `link` | a handler in its place: whether it runs, and what comes of it |
//! | `chain`, `reader` | the chain, and how it is read |
//! | `explained` | a run that shows what each handler did |
//! | `run`, `chain_handler` | a run over one message, and the handler on the route |

mod ack_budget;
mod chain;
mod chain_handler;
mod chain_names;
mod common;
mod decides;
mod decision;
mod decision_counts;
mod detail;
mod explained;
mod found;
mod kind;
mod link;
mod making;
mod output;
mod own_names;
mod own_variable;
mod reader;
mod run;
mod step;
mod verdict;
mod view;

pub use chain::{Chain, StartError};
pub use chain_handler::ChainHandler;
pub use chain_names::ChainNames;
pub use common::{CommonSettings, Mode, OnError, Then};
pub use decides::Decides;
pub use decision::Decision;
pub use decision_counts::DecisionCount;
pub use detail::Detail;
pub use explained::{CameTo, Explained, ExplainedStep};
pub use found::Found;
pub use kind::{Kind, Made};
pub use link::StepCounts;
pub use making::Making;
pub use output::{No, OutputType};
pub use own_names::{OwnNames, OwnView, own};
pub use own_variable::OwnVariable;
pub use reader::chains;
pub use run::{MissingArgument, Waiting};
pub use step::{Late, Later, LaterStep, Pending, Step, Unanswered};
pub use verdict::NAMES as VERDICT_VARIABLES;
pub use view::View;
