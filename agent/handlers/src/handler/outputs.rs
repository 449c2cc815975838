//! Outputs: variables by their full names, checked once.

use spoa_actors::{ActionError, Actions, Scope, TypedData};

use crate::table::Cell;

/// The variables of a handler.
#[derive(Clone, Debug)]
pub(super) struct Outputs {
    scope: Scope,
    /// In the order in which the handler knows them.
    names: Box<[Box<str>]>,
}

impl Outputs {
    /// `PREFIX.NAME` for each name; without the dot if the prefix is empty.
    pub(super) fn new<'a>(
        scope: Scope,
        prefix: &str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, ActionError> {
        let dot = if prefix.is_empty() { "" } else { "." };
        let names = names.into_iter().map(|name| format!("{prefix}{dot}{name}").into());
        let names: Box<[Box<str>]> = names.collect();
        for name in &names {
            Actions::new().unset_var(scope, name)?;
        }
        Ok(Self { scope, names })
    }

    /// Sets a variable by its number; one that is not there is left as it is.
    pub(super) fn set<'a>(
        &self,
        actions: Actions,
        number: usize,
        value: impl Into<TypedData<'a>>,
    ) -> Actions {
        let Some(name) = self.names.get(number) else { return actions };
        actions.set_var_unchecked(self.scope, name.as_bytes(), value.into())
    }

    /// Sets a variable to a value; one with a fraction is a text.
    pub(super) fn set_cell(&self, actions: Actions, number: usize, cell: &Cell) -> Actions {
        match cell {
            Cell::Text(text) => self.set(actions, number, &**text),
            Cell::Integer(value) => self.set(actions, number, *value),
            Cell::Boolean(value) => self.set(actions, number, *value),
            Cell::Decimal(value) => self.set(actions, number, &value.to_string()),
        }
    }
}
