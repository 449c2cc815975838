//! Commands about the agent's file and its handlers, which need no running agent.
//!
//! | file | what |
//! |---|---|
//! | `explain`, `explanation` | what each handler does about a message |
//! | `init` | a commented file to start with |
//! | `kinds` | which kinds of handlers there are, and the page of each |
//! | `schema` | the JSON schema of the file |
//! | `test` | the tests of a file |
//! | `output`, `value_text` | printing on stdout; a value of a handler |

mod explain;
mod explanation;
mod init;
mod kinds;
mod output;
mod schema;
mod test;
mod value_text;

pub(crate) use explain::{ExplainOptions, explain};
pub(crate) use init::{InitOptions, init};
pub(crate) use kinds::{KindsOptions, kinds};
pub(crate) use output::print;
pub(crate) use schema::schema;
pub(crate) use test::test;
