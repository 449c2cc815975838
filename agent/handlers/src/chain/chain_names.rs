//! Which variables an expression of a chain may name: the arguments of the message, and what handlers have found.

use super::own_variable::OwnVariable;
use crate::{
    expression::{Names, Scalar, Slot, Type},
    input::Input,
    kind::WELL_KNOWN,
};

/// The slots of what is found begin here, behind those of arguments.
const FOUND: u32 = 1 << 24;

/// What is known of the verdict by those that run behind it.
const VERDICT: [&str; 3] = ["action", "reason", "by"];

/// What a slot stands for.
pub(super) enum Place {
    /// An argument of the chain.
    Input(usize),
    /// A variable of a handler.
    Found(usize),
}

pub(super) fn place(slot: Slot) -> Place {
    match slot.0.checked_sub(FOUND) {
        Some(at) => Place::Found(at as usize),
        None => Place::Input(slot.0 as usize),
    }
}

fn slot(base: u32, at: usize) -> Slot {
    Slot(base.saturating_add(u32::try_from(at).unwrap_or(u32::MAX)))
}

/// The names that an expression of a handler may use.
#[derive(Clone, Debug)]
pub struct ChainNames {
    /// The arguments; those that only one handler knows stand behind the others.
    inputs: Vec<Input>,
    /// How many of them every handler knows.
    shared: usize,
    /// How many of them the message names itself; they stand first.
    named: usize,
    /// What handlers find, as `handler.variable`, in the order of their slots.
    found: Vec<(String, Type)>,
    /// Handlers that could not be read: what they would find is not known.
    broken: Vec<String>,
}

impl ChainNames {
    /// The arguments that a message names, and those that are known everywhere.
    pub(super) fn new(named: Vec<Input>) -> Self {
        let is_new = |name: &str| named.iter().all(|own| own.name() != name);
        let known: Vec<_> =
            WELL_KNOWN.iter().filter(|known| is_new(known.name)).map(Input::of).collect();
        let count = named.len();
        let inputs: Vec<_> = named.into_iter().chain(known).collect();
        let shared = inputs.len();
        Self { inputs, shared, named: count, found: Vec::new(), broken: Vec::new() }
    }

    /// The argument that the message itself names so.
    pub(super) fn named(&self, name: &str) -> Option<Slot> {
        let named = &self.inputs[..self.named];
        named.iter().position(|own| own.name() == name).map(|at| slot(0, at))
    }

    /// The argument of this name that every handler knows.
    pub(super) fn shared(&self, name: &str) -> Option<Slot> {
        let shared = &self.inputs[..self.shared];
        shared.iter().position(|own| own.name() == name).map(|at| slot(0, at))
    }

    /// Adds an argument that one handler knows.
    pub(super) fn add_input(&mut self, input: Input) -> Slot {
        self.inputs.push(input);
        slot(0, self.inputs.len() - 1)
    }

    /// Adds what a handler finds; gives the place of its first variable among all that are found.
    pub(super) fn add(&mut self, handler: &str, variables: &[OwnVariable]) -> usize {
        let first = self.found.len();
        let own = variables.iter().map(|own| (format!("{handler}.{}", own.name), own.value_type));
        self.found.extend(own);
        first
    }

    /// Adds the verdict; gives the place of its first variable among all that are found.
    pub(super) fn add_verdict(&mut self) -> usize {
        let first = self.found.len();
        let text = Type::One(Scalar::Text);
        self.found.extend(VERDICT.map(|name| (name.to_owned(), text)));
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

    /// What handlers find, as `handler.variable`, in the order of their slots.
    pub(super) fn variables(&self) -> Vec<String> {
        self.found.iter().map(|(name, _)| name.clone()).collect()
    }

    /// All arguments, in the order of their slots.
    pub(super) fn into_inputs(self) -> Vec<Input> {
        self.inputs
    }
}

impl Names for ChainNames {
    fn find(&self, name: &str) -> Option<(Slot, Type)> {
        let argument = name.strip_prefix("arg.").unwrap_or(name);
        let shared = &self.inputs[..self.shared];
        if let Some(at) = shared.iter().position(|known| known.name() == argument) {
            return Some((slot(0, at), shared[at].value_type().into()));
        }
        let at = self.found.iter().position(|(own, _)| own == name)?;
        Some((slot(FOUND, at), self.found[at].1))
    }

    fn is_broken(&self, name: &str) -> bool {
        let handler = name.split('.').next().unwrap_or_default();
        self.broken.iter().any(|broken| broken == handler)
    }

    fn all(&self) -> Vec<String> {
        let arguments = self.inputs[..self.shared].iter().map(|input| input.name().to_owned());
        arguments.chain(self.found.iter().map(|(name, _)| name.clone())).collect()
    }
}
