//! A kind of handler: its description, and what makes one of a section.

use super::{decides::Decides, making::Making, own_variable::OwnVariable, step::Step};
use crate::kind::{Description, Type};

/// A kind of handler.
pub trait Kind: Sync {
    /// What can be said about it without running it.
    fn description(&self) -> &'static Description;

    /// Whether its handlers run when the verdict is known, whoever has decided. They see it as `action`, `reason` and
    /// `by`, and decide nothing.
    fn sees_verdict(&self) -> bool {
        false
    }

    /// Makes a handler of its settings; what is wrong with them joins the findings. The keys that every handler
    /// has were read before.
    fn make(&self, making: &mut Making<'_, '_>) -> Option<Made>;
}

/// A handler that was made of its section.
pub struct Made {
    /// The handler.
    pub step: Box<dyn Step>,
    /// What it finds.
    pub variables: Vec<OwnVariable>,
    /// What it may decide.
    pub decides: Decides,
}

impl Made {
    /// Adds the variable of handlers that answer later: why there was no answer.
    pub(super) fn add_error(&mut self) -> usize {
        let error = OwnVariable { name: "error".to_owned(), value_type: Type::Text.into() };
        self.variables.push(error);
        self.variables.len() - 1
    }
}
