//! The kinds of handlers.
//!
//! | file | what |
//! |---|---|
//! | `rules`, `rule` | conditions in order, of which the first that holds decides |
//! | `set` | constants and texts with variables in them |
//! | `template`, `values` | such texts, and variables with their values |

mod rule;
mod rules;
mod set;
mod template;
mod values;

use crate::chain::Kind;

/// All kinds, by their names.
pub const KINDS: &[&'static dyn Kind] = &[&rules::Rules, &set::Set];
