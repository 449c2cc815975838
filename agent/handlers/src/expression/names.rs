//! Which variables an expression may name, and what they are when it runs.

use super::{types::Type, value::Value};

/// Where a variable is kept.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Slot(pub u32);

/// The variables that expressions may name.
pub trait Names {
    /// The variable of this name, with dots: `geo.country`.
    fn find(&self, name: &str) -> Option<(Slot, Type)>;

    /// Whether a name could not be read where it is defined: then it is no mistake to use it.
    fn is_broken(&self, _name: &str) -> bool {
        false
    }

    /// The names that there are, for suggestions.
    fn all(&self) -> Vec<String>;
}

/// What the variables are when an expression runs.
pub trait Variables {
    /// The value of a variable, of its type; nothing if it is not there.
    fn get(&self, slot: Slot) -> Option<Value<'_>>;
}
