//! The description of a kind: everything that can be said about it without running it.

use super::{argument::Argument, reason::Reason, setting::Setting, variable::Variable};

/// What a kind of handler takes, finds, decides and can be set to.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// Its name, as `kind = "…"` has it.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// What it takes from a message.
    pub arguments: &'static [Argument],
    /// What it finds.
    pub variables: &'static [Variable],
    /// Why it decides.
    pub reasons: &'static [Reason],
    /// Its settings beside those that every handler has.
    pub settings: &'static [Setting],
    /// A section of the file that uses it.
    pub example: &'static str,
}
