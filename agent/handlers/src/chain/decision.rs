//! A decision: what a handler has HAProxy do, and why.

use crate::configuration::Action;

/// What a handler has HAProxy do. It ends the chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Decision<'c> {
    /// What HAProxy does.
    pub action: Action,
    /// Why, in one word.
    pub reason: &'c str,
    /// The status of the answer.
    pub status: Option<u16>,
    /// How hard a challenge is.
    pub level: Option<u16>,
}

impl<'c> Decision<'c> {
    /// A decision with nothing but its reason.
    #[must_use]
    pub fn new(action: Action, reason: &'c str) -> Self {
        Self { action, reason, status: None, level: None }
    }
}
