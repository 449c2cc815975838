//! What a handler of a file finds: with what its settings add.

use crate::expression::Type;

/// A variable of a handler.
#[derive(Clone, Debug)]
pub struct OwnVariable {
    /// Its name, without that of the handler.
    pub name: String,
    /// Its type.
    pub value_type: Type,
}
