//! What a handler is made of: its section, and what the chain has before it.

use std::sync::Arc;

use super::{
    chain_names::ChainNames,
    own_names::{self, OwnNames},
    own_variable::OwnVariable,
};
use crate::{
    expression::{Names, Program, Slot},
    file::{Reading, TableReader, Text},
    finding::{Finding, Place},
    input::{Input, Sources},
    kind::{Description, Settings, WELL_KNOWN},
    resource::Resources,
};

/// What a handler is made of.
pub struct Making<'m, 'f> {
    pub(super) name: &'m str,
    /// Whose state it counts in.
    pub(super) state: &'m str,
    pub(super) description: &'m Description,
    pub(super) table: &'m mut TableReader<'f>,
    pub(super) names: &'m mut ChainNames,
    pub(super) resources: &'m Resources,
    pub(super) reading: &'m mut Reading<'f>,
    /// What `args` of the handler says.
    pub(super) sources: Sources,
    /// What the handler looks at.
    pub(super) slots: Vec<Slot>,
}

impl<'f> Making<'_, 'f> {
    /// The name of the handler.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name
    }

    /// Reads the settings of the kind; those that are wrong are findings.
    pub fn settings<S: Settings>(&mut self) -> Option<S> {
        S::read(self.table, self.reading)
    }

    /// The data sets and secrets of the file.
    #[must_use]
    pub fn resources(&self) -> &Resources {
        self.resources
    }

    /// What the handler counts in: see [`Resources::state`].
    pub fn shared<T: Send + Sync + 'static>(
        &self,
        identity: &str,
        make: impl FnOnce() -> T,
    ) -> Arc<T> {
        self.resources.state(self.state, identity, make)
    }

    /// Where a setting stands, or the section if it does not stand there.
    #[must_use]
    pub fn place(&self, key: &str) -> Place {
        self.table.place_of(key)
    }

    /// What findings and other sections are found in.
    pub fn reading(&mut self) -> &mut Reading<'f> {
        self.reading
    }

    /// Adds a finding.
    pub fn add(&mut self, finding: Finding) {
        self.reading.findings.add(finding);
    }

    /// The names that expressions of the handler may use.
    #[must_use]
    pub fn names(&self) -> &ChainNames {
        self.names
    }

    /// Where an argument of the kind is found: as `args` of the handler says, then as `args` of its message does,
    /// then under its own name.
    ///
    /// # Panics
    ///
    /// If the description of the kind does not have it: a mistake in the kind itself.
    pub fn argument(&mut self, name: &str) -> Option<Slot> {
        let own = self.description.arguments.iter().find(|own| own.name == name);
        let own = own.unwrap_or_else(|| panic!("{} has no argument {name}", self.description.name));
        let source = self.sources.0.iter().find(|(key, _)| key.name == name);
        let slot = match source {
            Some((_, source)) => match source.name().and_then(|name| self.names.named(name)) {
                Some(slot) => slot,
                None => {
                    let input =
                        source.input(name, Some((own.value_type, own.fetch)), self.reading)?;
                    self.names.add_input(input)
                }
            },
            None => match self.names.shared(name) {
                Some(slot) => slot,
                None => self.names.add_input(Input::of(own)),
            },
        };
        self.slots.push(slot);
        Some(slot)
    }

    /// An expression that is true or false; its mistakes become findings.
    pub fn condition(&mut self, text: &Text) -> Option<Program> {
        let program = Program::condition_of(text, self.names, self.reading.findings)?;
        self.slots.extend(program.slots());
        Some(program)
    }

    /// A condition over what the handler itself finds, whose variables stand there without its name; its mistakes
    /// become findings.
    pub fn own_condition(&mut self, text: &Text, own: &[OwnVariable]) -> Option<Program> {
        let names = OwnNames::new(own, self.names);
        let program = Program::condition_of(text, &names, self.reading.findings)?;
        let others = program.slots().iter().filter(|slot| own_names::own(**slot).is_none());
        self.slots.extend(others);
        Some(program)
    }

    /// An expression of any type; its mistakes become findings.
    pub fn expression(&mut self, text: &Text) -> Option<Program> {
        let program = Program::expression_of(text, self.names, self.reading.findings)?;
        self.slots.extend(program.slots());
        Some(program)
    }

    /// Says that the handler looks at a variable.
    pub fn looks_at(&mut self, slots: &[Slot]) {
        self.slots.extend(slots);
    }

    /// The variable of this name, with its type: an argument or a finding.
    pub fn variable(&mut self, name: &str) -> Option<(Slot, crate::expression::Type)> {
        let found = self.names.find(name)?;
        self.slots.push(found.0);
        Some(found)
    }

    /// Reports arguments that the kind does not have.
    pub(super) fn check_sources(&mut self) -> bool {
        let mut is_right = true;
        for (key, _) in &self.sources.0 {
            let arguments = self.description.arguments;
            if arguments.iter().any(|own| own.name == key.name) {
                continue;
            }
            is_right = false;
            let title = format!("`{}` has no argument `{}`", self.description.name, key.name);
            let finding = Finding::error(title).at(key.place, "not one of its arguments");
            let known = arguments.iter().map(|own| own.name);
            self.reading.findings.add(match crate::finding::suggestion(&key.name, known) {
                Some(help) => finding.help(help),
                None => finding.help("name arguments of expressions in `args` of the message"),
            });
        }
        is_right
    }
}

/// The arguments that a message names.
pub(super) fn named(sources: &Sources, reading: &mut Reading<'_>) -> Option<Vec<Input>> {
    let read: Vec<_> = sources
        .0
        .iter()
        .map(|(key, source)| {
            if !is_identifier(&key.name) {
                let title = format!("`{}` is no name for an argument in expressions", key.name);
                let finding = Finding::error(title).at(key.place, "not an identifier");
                reading.findings.add(finding.help(
                    "use letters, digits and `_`; the name that HAProxy sends stands on the right",
                ));
                return None;
            }
            let known = WELL_KNOWN.iter().find(|known| known.name == key.name);
            source.input(&key.name, known.map(|known| (known.value_type, known.fetch)), reading)
        })
        .collect();
    read.into_iter().collect()
}

fn is_identifier(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(is_part) && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}
