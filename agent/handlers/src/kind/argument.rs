//! An argument: what a kind takes from HAProxy's message.

use super::value_type::Type;

/// An argument of a message.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// Its name in the message.
    pub name: &'static str,
    /// Its type.
    pub value_type: Type,
    /// HAProxy's fetch that gives it.
    pub fetch: &'static str,
    /// What it is.
    pub doc: &'static str,
}

impl Argument {
    /// An argument with HAProxy's fetch for it.
    #[must_use]
    pub const fn new(
        name: &'static str,
        value_type: Type,
        fetch: &'static str,
        doc: &'static str,
    ) -> Self {
        Self { name, value_type, fetch, doc }
    }
}
