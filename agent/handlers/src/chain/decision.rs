//! A decision: what a handler has HAProxy do, and why.

use std::borrow::Cow;

use super::detail::Detail;
use crate::{configuration::Action, expression::Value};

/// What a handler has HAProxy do. It ends the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<'c> {
    /// What HAProxy does.
    pub action: Action,
    /// Why, in one word.
    pub reason: Cow<'c, str>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// How hard a challenge is.
    pub level: Option<u16>,
    /// What only some decisions have, each once.
    pub details: Vec<(Detail, Value<'c>)>,
}

impl<'c> Decision<'c> {
    /// A decision with nothing but its reason.
    #[must_use]
    pub fn new(action: Action, reason: impl Into<Cow<'c, str>>) -> Self {
        Self { action, reason: reason.into(), status: None, level: None, details: Vec::new() }
    }

    /// The same with a status.
    #[must_use]
    pub fn status(mut self, status: impl Into<Option<u16>>) -> Self {
        self.status = status.into();
        self
    }

    /// The same with a variable of the verdict. A text that would end a line of a header is not set.
    #[must_use]
    pub fn with(mut self, detail: Detail, value: Value<'c>) -> Self {
        let breaks = match &value {
            Value::Text(text) => {
                detail != Detail::Body && text.bytes().any(|byte| byte.is_ascii_control())
            }
            _ => false,
        };
        if !breaks {
            self.details.push((detail, value));
        }
        self
    }

    /// The same; without what its action needs, it denies.
    #[must_use]
    pub fn whole(mut self) -> Self {
        let needed = self.action.needs();
        if needed.is_some_and(|needed| self.details.iter().all(|(own, _)| own.word() != needed)) {
            self.action = Action::Deny;
        }
        self
    }

    /// The same, borrowed from nobody.
    #[must_use]
    pub fn into_owned(self) -> Decision<'static> {
        let details = self.details.into_iter().map(|(detail, value)| (detail, value.into_owned()));
        Decision {
            action: self.action,
            reason: Cow::Owned(self.reason.into_owned()),
            status: self.status,
            level: self.level,
            details: details.collect(),
        }
    }
}
