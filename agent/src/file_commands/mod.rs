//! Commands about the agent's file and its handlers, which need no running agent.
//!
//! | file | what |
//! |---|---|
//! | `kinds` | which kinds of handlers there are, and the page of each |
//! | `schema` | the JSON schema of the file |
//! | `output` | printing on stdout |

mod kinds;
mod output;
mod schema;

pub(crate) use kinds::{KindsOptions, kinds};
pub(crate) use schema::schema;
