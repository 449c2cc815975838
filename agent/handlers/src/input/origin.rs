//! Where a value comes from.

use std::borrow::Cow;

use spoa_actors::{MessageRef, TypedData};

use super::{conversion, look::Look};
use crate::{expression::Value, kind::Type};

/// Where a value comes from.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// The argument of this name.
    Named(String),
    /// The argument at this place among those without a name, from 0.
    Position(usize),
    /// A constant.
    Constant(Value<'static>),
    /// The first of these that is there.
    First(Vec<Self>),
    /// What is looked up in another value.
    Look(Box<Self>, Look),
}

/// An argument that a message is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Asked<'o> {
    /// By its name.
    Named(&'o str),
    /// By its place among those without a name, from 0.
    Position(usize),
}

impl Origin {
    /// The value as this type; nothing if it is not there, null, or of no use as such.
    pub(super) fn find<'a>(
        &'a self,
        message: &MessageRef<'a>,
        value_type: Type,
    ) -> Option<Value<'a>> {
        match self {
            Self::Named(_) | Self::Position(_) => {
                conversion::value(self.argument(message)?, value_type)
            }
            Self::Constant(value) => Some(value.borrow()),
            Self::First(origins) => {
                origins.iter().find_map(|origin| origin.find(message, value_type))
            }
            Self::Look(of, look) => {
                let found = match of.bytes(message)? {
                    Cow::Borrowed(bytes) => look.find(bytes)?,
                    Cow::Owned(bytes) => Cow::Owned(look.find(&bytes)?.into_owned()),
                };
                conversion::of_text(found, value_type)
            }
        }
    }

    /// The same for an argument that is known everywhere: a host is compared without its port and its case, so that
    /// nobody gets around a rule by writing it differently.
    pub(super) fn for_known(self, name: &str) -> Self {
        match self {
            Self::Named(_) | Self::Position(_) | Self::First(_) if name == "host" => {
                Self::Look(Box::new(self), Look::Host)
            }
            other => other,
        }
    }

    /// The names of the arguments that it may take; nothing for those without a name.
    pub(super) fn arguments<'o>(&'o self, names: &mut Vec<&'o str>) {
        match self {
            Self::Named(name) => names.push(name),
            Self::Position(_) => names.push(""),
            Self::Constant(_) => {}
            Self::First(origins) => origins.iter().for_each(|origin| origin.arguments(names)),
            Self::Look(of, _) => of.arguments(names),
        }
    }

    /// Whether it is an argument as it comes, or the first of several that is one.
    pub(super) fn is_plain(&self) -> bool {
        match self {
            Self::Named(_) | Self::Position(_) => true,
            Self::First(origins) => origins.first().is_some_and(Self::is_plain),
            Self::Constant(_) | Self::Look(..) => false,
        }
    }

    /// The arguments that it may take, in order.
    pub(super) fn asked<'o>(&'o self, asked: &mut Vec<Asked<'o>>) {
        match self {
            Self::Named(name) => asked.push(Asked::Named(name)),
            Self::Position(place) => asked.push(Asked::Position(*place)),
            Self::Constant(_) => {}
            Self::First(origins) => origins.iter().for_each(|origin| origin.asked(asked)),
            Self::Look(of, _) => of.asked(asked),
        }
    }

    fn argument<'a>(&self, message: &MessageRef<'a>) -> Option<TypedData<'a>> {
        match self {
            Self::Named(name) => message.get(name),
            Self::Position(place) => {
                let mut unnamed = message.args().filter(|argument| argument.name.is_empty());
                unnamed.nth(*place).map(|argument| argument.value)
            }
            _ => None,
        }
    }

    fn bytes<'a>(&'a self, message: &MessageRef<'a>) -> Option<Cow<'a, [u8]>> {
        match self.find(message, Type::Binary)? {
            Value::Bytes(bytes) => Some(bytes),
            Value::Text(Cow::Borrowed(text)) => Some(Cow::Borrowed(text.as_bytes())),
            Value::Text(Cow::Owned(text)) => Some(Cow::Owned(text.into_bytes())),
            _ => None,
        }
    }
}
