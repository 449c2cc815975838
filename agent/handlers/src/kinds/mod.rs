//! The kinds of handlers.
//!
//! | file | what |
//! |---|---|
//! | `rules` | conditions in order, of which the first that holds decides |
//! | `set`, `template` | constants and texts with variables in them |

mod rules;
mod set;
mod template;

use crate::chain::Kind;

/// All kinds, by their names.
pub const KINDS: &[&'static dyn Kind] = &[&rules::Rules, &set::Set];
