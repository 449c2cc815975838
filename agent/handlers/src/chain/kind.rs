//! A kind of handler: its description, and what makes one of a section.

use super::{chain_names::ChainNames, own_variable::OwnVariable, step::Step};
use crate::{
    configuration::Action,
    file::{Reading, TableReader},
    kind::Description,
};

/// A kind of handler.
pub trait Kind: Sync {
    /// What can be said about it without running it.
    fn description(&self) -> &Description;

    /// Makes a handler of its settings; what is wrong with them joins the findings. The keys that every handler
    /// has were read before.
    fn make(
        &self,
        table: &mut TableReader<'_>,
        names: &ChainNames,
        reading: &mut Reading<'_>,
    ) -> Option<Made>;
}

/// A handler that was made of its section.
pub struct Made {
    /// The handler.
    pub step: Box<dyn Step>,
    /// What it finds.
    pub variables: Vec<OwnVariable>,
    /// What it may decide.
    pub actions: Vec<Action>,
}
