//! A variable: what a kind finds, for HAProxy and for the handlers behind it.

use super::value_type::Type;

/// A finding of a handler, by its name below the handler's.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub value_type: Type,
    /// What it means.
    pub doc: &'static str,
    /// Whether it is a list of such values; HAProxy gets it as a text, with commas between them.
    pub is_list: bool,
    /// The values that it may have, if there are only some.
    pub words: &'static [&'static str],
}

impl Variable {
    /// A variable with any value of its type.
    #[must_use]
    pub const fn new(name: &'static str, value_type: Type, doc: &'static str) -> Self {
        Self { name, value_type, doc, is_list: false, words: &[] }
    }

    /// A list of values of this type.
    #[must_use]
    pub const fn list(self) -> Self {
        Self { is_list: true, ..self }
    }

    /// The same with one of these values only.
    #[must_use]
    pub const fn one_of(self, words: &'static [&'static str]) -> Self {
        Self { words, ..self }
    }
}
