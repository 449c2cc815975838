//! Where a handler puts what it finds.

use smallvec::SmallVec;

use crate::expression::Value;

/// What all handlers of a chain have found, by the places of the variables. As many as most chains have take no memory
/// of their own.
pub(super) type AllFound<'c> = SmallVec<[Option<Value<'c>>; 32]>;

/// What the handlers that run side by side have found, until those behind them may see it.
pub struct Found<'c> {
    /// The place of the first variable of the handler that is running.
    first: usize,
    values: SmallVec<[(usize, Value<'c>); 16]>,
}

impl<'c> Found<'c> {
    pub(super) fn new() -> Self {
        Self { first: 0, values: SmallVec::new() }
    }

    /// Sets a variable of the handler, by its place in what the handler says of itself.
    pub fn set(&mut self, variable: usize, value: Value<'c>) {
        self.values.push((self.first + variable, value));
    }

    /// What the handler itself has set a variable to.
    #[must_use]
    pub fn get(&self, variable: usize) -> Option<&Value<'c>> {
        let place = self.first + variable;
        self.values.iter().rev().find(|(at, _)| *at == place).map(|(_, value)| value)
    }

    /// Whether the handler has set a variable.
    #[must_use]
    pub fn is_set(&self, variable: usize) -> bool {
        self.get(variable).is_some()
    }

    pub(super) fn begin(&mut self, first: usize) {
        self.first = first;
    }

    pub(super) fn drain_into(&mut self, all: &mut [Option<Value<'c>>]) {
        for (at, value) in self.values.drain(..) {
            if let Some(slot) = all.get_mut(at) {
                *slot = Some(value);
            }
        }
    }
}
