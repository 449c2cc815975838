//! Programs in any language behind a pipe: long-running children that read a line of JSON and write one.
//!
//! | file | what |
//! |---|---|
//! | `command` | what is run, as whom, and within which bounds |
//! | `error` | why a program does not start, and why there is no answer |
//! | `question` | what a program is asked, and what it answers |
//! | `lines` | lines out of a pipe, of a bounded length |
//! | `stderr` | what a program writes to stderr, in our log |
//! | `process` | one process: its start, its questions, its end |
//! | `pause` | how long to wait before a program that fails is started again |
//! | `counts` | what the processes have done |
//! | `worker` | one place of the pool, which always has a process |
//! | `pool` | all processes of a program, on a thread of their own |

mod command;
mod counts;
mod error;
mod lines;
mod pause;
mod pool;
mod process;
mod question;
mod stderr;
mod worker;

pub use command::ProgramCommand;
pub use counts::ProgramCounts;
pub use error::{AskError, StartError};
pub use pool::Pool;
pub use question::{Answer, Question};
