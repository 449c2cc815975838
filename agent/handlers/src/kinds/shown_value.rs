//! A value as an audit or a metric has it: an expression with its name.

use std::borrow::Cow;

use crate::{
    chain::{Making, View},
    expression::{Program, Value, Variables},
    file::Text,
};

/// The longest text that is taken, in bytes.
const LONGEST: usize = 4 << 10;

/// An expression that is shown.
pub(super) struct ShownValue(Program);

impl ShownValue {
    /// Reads the expression; its mistakes become findings.
    pub(super) fn read(text: &Text, making: &mut Making<'_, '_>) -> Option<Self> {
        making.expression(text).map(Self)
    }

    /// Its value in a message; nothing if it is not there, or has none.
    pub(super) fn of<'v>(&'v self, view: &'v View<'_, '_>) -> Option<Value<'v>> {
        // What is not there has its type's empty value in an expression.
        if self.0.variable().is_some_and(|slot| view.get(slot).is_none()) {
            return None;
        }
        self.0.value(view).ok()
    }
}

/// A value as a text, which has a bound; the values of a list with commas between them.
pub(super) fn text<'v>(value: &'v Value<'_>) -> Cow<'v, str> {
    let text = value.as_text();
    if text.len() <= LONGEST {
        return text;
    }
    Cow::Owned(text[..text.floor_char_boundary(LONGEST)].to_owned())
}
