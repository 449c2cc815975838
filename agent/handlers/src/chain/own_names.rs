//! Expressions over what the handler itself finds: its variables stand there without its name.

use super::{found::Found, own_variable::OwnVariable};
use crate::expression::{Names, Slot, Type, Value, Variables};

/// The slots of a handler's own variables begin here, behind all others.
const OWN: u32 = 1 << 31;

/// The names that such an expression may use: the handler's own variables, then those of the chain. `arg.NAME`
/// is an argument in any case.
pub struct OwnNames<'n> {
    own: &'n [OwnVariable],
    others: &'n dyn Names,
}

/// What the variables are when such an expression runs.
pub struct OwnView<'v, 'c> {
    own: Own<'v, 'c>,
    others: &'v dyn Variables,
}

#[derive(Clone, Copy)]
enum Own<'v, 'c> {
    Found(&'v Found<'c>),
    Values(&'v [Option<Value<'c>>]),
}

impl<'n> OwnNames<'n> {
    /// The variables of a handler, in their order, in front of the others.
    #[must_use]
    pub fn new(own: &'n [OwnVariable], others: &'n dyn Names) -> Self {
        Self { own, others }
    }
}

impl<'v, 'c> OwnView<'v, 'c> {
    /// What a handler has set, and what it sees.
    #[must_use]
    pub fn new(found: &'v Found<'c>, others: &'v dyn Variables) -> Self {
        Self { own: Own::Found(found), others }
    }

    /// What a handler is about to set, in the order of its variables, and what it sees.
    #[must_use]
    pub fn of_values(own: &'v [Option<Value<'c>>], others: &'v dyn Variables) -> Self {
        Self { own: Own::Values(own), others }
    }
}

/// Which of the handler's own variables this is.
#[must_use]
pub fn own(slot: Slot) -> Option<usize> {
    slot.0.checked_sub(OWN).map(|at| at as usize)
}

impl Names for OwnNames<'_> {
    fn find(&self, name: &str) -> Option<(Slot, Type)> {
        let Some(at) = self.own.iter().position(|own| own.name == name) else {
            return self.others.find(name);
        };
        let slot = Slot(OWN.saturating_add(u32::try_from(at).unwrap_or(u32::MAX)));
        Some((slot, self.own[at].value_type))
    }

    fn is_broken(&self, name: &str) -> bool {
        self.others.is_broken(name)
    }

    fn all(&self) -> Vec<String> {
        let own = self.own.iter().map(|own| own.name.clone());
        own.chain(self.others.all()).collect()
    }
}

impl Variables for OwnView<'_, '_> {
    fn get(&self, slot: Slot) -> Option<Value<'_>> {
        match own(slot) {
            Some(at) => match self.own {
                Own::Found(found) => found.get(at).map(Value::borrow),
                Own::Values(values) => values.get(at)?.as_ref().map(Value::borrow),
            },
            None => self.others.get(slot),
        }
    }
}
