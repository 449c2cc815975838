//! `listen`: an agent that answers every message and prints what HAProxy sends.
//!
//! | file | what |
//! |---|---|
//! | `listen_options` | the options |
//! | `set_variable` | a variable that every answer sets |
//! | `shape`, `seen` | the arguments of a message without their values; all that came so far |
//! | `printed` | a message as it is printed |
//! | `starter` | the configuration file that is written out of what came |
//! | `starter_file` | the file itself |
//! | `observer` | the handler that answers |
//! | `listen` | the command |

mod listen;
mod listen_options;
mod observer;
mod printed;
mod seen;
mod set_variable;
mod shape;
mod starter;
mod starter_file;

pub(crate) use listen::listen;
pub(crate) use listen_options::ListenOptions;
