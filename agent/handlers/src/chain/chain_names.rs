//! Which variables an expression of a chain may name: the arguments of the message, and what handlers have found.

use super::own_variable::OwnVariable;
use crate::{
    expression::{Names, Slot, Type},
    kind::WELL_KNOWN,
};

/// The names that an expression of a handler may use.
#[derive(Clone, Debug, Default)]
pub struct ChainNames {
    /// What handlers find, as `handler.variable`, in the order of their slots.
    found: Vec<(String, Type)>,
    /// Handlers that could not be read: what they would find is not known.
    broken: Vec<String>,
}

impl ChainNames {
    /// Adds what a handler finds; gives the place of its first variable among all that are found.
    pub(super) fn add(&mut self, handler: &str, variables: &[OwnVariable]) -> usize {
        let first = self.found.len();
        let own = variables.iter().map(|own| (format!("{handler}.{}", own.name), own.value_type));
        self.found.extend(own);
        first
    }

    /// Adds a handler that could not be read.
    pub(super) fn add_broken(&mut self, handler: &str) {
        self.broken.push(handler.to_owned());
    }

    /// How many variables are found.
    pub(super) fn count(&self) -> usize {
        self.found.len()
    }
}

impl Names for ChainNames {
    fn find(&self, name: &str) -> Option<(Slot, Type)> {
        let slot = |at: usize| Slot(u32::try_from(at).unwrap_or(u32::MAX));
        let argument = name.strip_prefix("arg.").unwrap_or(name);
        if let Some(at) = WELL_KNOWN.iter().position(|known| known.name == argument) {
            return Some((slot(at), WELL_KNOWN[at].value_type.into()));
        }
        let at = self.found.iter().position(|(own, _)| own == name)?;
        Some((slot(WELL_KNOWN.len() + at), self.found[at].1))
    }

    fn is_broken(&self, name: &str) -> bool {
        let handler = name.split('.').next().unwrap_or_default();
        self.broken.iter().any(|broken| broken == handler)
    }

    fn all(&self) -> Vec<String> {
        let arguments = WELL_KNOWN.iter().map(|argument| argument.name.to_owned());
        arguments.chain(self.found.iter().map(|(name, _)| name.clone())).collect()
    }
}
