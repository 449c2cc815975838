//! An argument of a chain.

use spoa_actors::MessageRef;

use super::origin::{Asked, Origin};
use crate::{
    expression::Value,
    kind::{Argument, Type, WELL_KNOWN},
};

/// An argument of a chain: where its value comes from, and as what.
#[derive(Clone, Debug)]
pub struct Input {
    pub(super) name: String,
    pub(super) value_type: Type,
    pub(super) origin: Origin,
    pub(super) default: Option<Value<'static>>,
    pub(super) is_required: bool,
    pub(super) fetch: Option<String>,
}

impl Input {
    /// An argument that comes under its own name.
    #[must_use]
    pub fn of(argument: &Argument) -> Self {
        Self {
            name: argument.name.to_owned(),
            value_type: argument.value_type,
            origin: Origin::Named(argument.name.to_owned()).for_known(argument.name),
            default: None,
            is_required: false,
            fetch: Some(argument.fetch.to_owned()),
        }
    }

    /// Its name, as expressions know it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its type.
    #[must_use]
    pub fn value_type(&self) -> Type {
        self.value_type
    }

    /// Whether a message without it is not for this chain.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.is_required
    }

    /// HAProxy's fetch that gives it, if that is known.
    #[must_use]
    pub fn fetch(&self) -> Option<&str> {
        self.fetch.as_deref()
    }

    /// The names of the message's arguments that it may come from, in order; an empty one for those without a name.
    #[must_use]
    pub fn arguments(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.origin.arguments(&mut names);
        names
    }

    /// What HAProxy sends for it: arguments, each with HAProxy's fetch if that is known. Of several, of which the first
    /// that is there counts, the others may be missing: they are for other files of HAProxy's.
    #[must_use]
    pub fn asked(&self) -> Vec<(Asked<'_>, Option<&str>)> {
        let mut asked = Vec::new();
        self.origin.asked(&mut asked);
        let known = |asked: Asked<'_>| match asked {
            Asked::Named(name) => {
                WELL_KNOWN.iter().find(|known| known.name == name).map(|known| known.fetch)
            }
            Asked::Position(_) => None,
        };
        let mut fetches = asked.into_iter().map(|asked| (asked, known(asked)));
        let first = fetches.next().map(|(asked, known)| (asked, self.fetch().or(known)));
        first.into_iter().chain(fetches.filter(|(_, known)| known.is_some())).collect()
    }

    /// Its value in a message; nothing if it is not there, null, or of no use as its type.
    #[must_use]
    pub fn value<'a>(&'a self, message: &MessageRef<'a>) -> Option<Value<'a>> {
        let found = self.origin.find(message, self.value_type);
        found.or_else(|| self.default.as_ref().map(Value::borrow))
    }
}
