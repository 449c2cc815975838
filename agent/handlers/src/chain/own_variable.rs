//! What a handler of a file finds: with what its settings add.

use crate::{expression::Type, kind::Variable};

/// A variable of a handler.
#[derive(Clone, Debug)]
pub struct OwnVariable {
    /// Its name, without that of the handler.
    pub name: String,
    /// Its type.
    pub value_type: Type,
}

impl OwnVariable {
    /// A variable that every handler of a kind has.
    #[must_use]
    pub fn of(variable: &Variable) -> Self {
        let value_type = match variable.value_type.into() {
            Type::One(scalar) if variable.is_list => Type::List(scalar),
            own => own,
        };
        Self { name: variable.name.to_owned(), value_type }
    }
}
