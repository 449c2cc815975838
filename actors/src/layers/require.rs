//! Require: a call without its arguments never reaches the handler.

use std::cell::Cell;

use crate::{
    args::ArgsError,
    handler::{Call, Reply},
    layer::{Layer, Next},
    observe::{LayerCount, count},
    spop::{Actions, TypedData},
};

/// Takes only calls that have certain arguments, present and of a type.
///
/// ```
/// use spoa_actors::{Actions, Message, Registry, Route, Var, layers::{ArgumentType, Require}};
///
/// const DENY: Var = Var::transaction("deny");
///
/// let check = Route::new(|_: Message| Actions::new().set(DENY, false)).layer(|| {
///     Require::arguments(["token"])
///         .of_type("ip", ArgumentType::Address)
///         .answer(Actions::new().set(DENY, true))
/// });
/// let registry = Registry::new().on("check-token", check);
/// ```
///
/// It counts `refused`.
#[derive(Debug, Default)]
pub struct Require {
    required: Vec<(Box<str>, Option<ArgumentType>)>,
    answer: Option<Actions>,
    refused: Cell<u64>,
}

/// What an argument can be required to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ArgumentType {
    /// A boolean.
    Bool,
    /// An integer of any size.
    Integer,
    /// An IPv4 or an IPv6 address.
    Address,
    /// A string.
    Text,
    /// A binary.
    Binary,
}

impl Require {
    /// Takes only calls in which these arguments have a value.
    pub fn arguments<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        let required = names.into_iter().map(|name| (name.into().into(), None)).collect();
        Self { required, ..Self::default() }
    }

    /// Takes only calls in which this argument has a value of this type.
    #[must_use]
    pub fn of_type(mut self, name: impl Into<String>, expected: ArgumentType) -> Self {
        self.required.push((name.into().into(), Some(expected)));
        self
    }

    /// The answer to other calls. Without it they fail, with `bad_arguments` as their outcome.
    #[must_use]
    pub fn answer(mut self, actions: Actions) -> Self {
        self.answer = Some(actions);
        self
    }

    /// The first argument that is not as required.
    fn find_mistake(&self, call: &Call<'_>) -> Option<Mistake<'_>> {
        self.required.iter().find_map(|(name, expected)| {
            let mut found = call.messages().iter().filter_map(|message| message.get(&**name));
            match (found.find(|value| *value != TypedData::Null), expected) {
                (None, _) => Some(Mistake::Missing(name)),
                (Some(value), Some(expected)) if !expected.is_of(&value) => {
                    Some(Mistake::WrongType(name, value.type_name(), *expected))
                }
                _ => None,
            }
        })
    }
}

/// What is wrong with an argument. Clients choose which calls are refused, so no error is made for those
/// that have an answer.
enum Mistake<'a> {
    Missing(&'a str),
    WrongType(&'a str, &'static str, ArgumentType),
}

impl Mistake<'_> {
    fn to_error(&self) -> ArgsError {
        match self {
            Self::Missing(name) => ArgsError::missing(name),
            Self::WrongType(name, found, expected) => {
                ArgsError::of_type(name, found, expected.name())
            }
        }
    }
}

impl Layer for Require {
    fn call(&self, call: &Call<'_>, next: Next<'_>, actions: &mut Actions) -> Reply {
        let Some(mistake) = self.find_mistake(call) else { return next.call(call, actions) };
        count(&self.refused);
        match &self.answer {
            Some(answer) => {
                actions.append_all(answer);
                Reply::Answered
            }
            None => Reply::Failed(mistake.to_error().into()),
        }
    }

    fn counts(&self) -> Vec<LayerCount> {
        LayerCount::all("require", [("refused", &self.refused)])
    }
}

impl ArgumentType {
    fn is_of(self, value: &TypedData<'_>) -> bool {
        match self {
            Self::Bool => matches!(value, TypedData::Bool(_)),
            Self::Integer => value.as_integer().is_some(),
            Self::Address => value.as_ip().is_some(),
            Self::Text => matches!(value, TypedData::String(_)),
            Self::Binary => matches!(value, TypedData::Binary(_)),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Bool => "a bool",
            Self::Integer => "an integer",
            Self::Address => "an address",
            Self::Text => "a string",
            Self::Binary => "a binary",
        }
    }
}
