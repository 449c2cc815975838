//! What is wrong with the arguments of a message.

use std::fmt;

use serde::de;
use thiserror::Error;

use crate::spop::ForeignText;

/// The arguments do not match the type that the handler takes.
///
/// The text names the argument, so that you find its line in the `spoe-message` section.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{0}")]
pub struct ArgsError(Box<Wrong>);

/// Boxed, because most results have no error.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Wrong {
    /// The message, if a route takes several together.
    message: Option<String>,
    argument: Option<String>,
    problem: String,
}

const MISSING: &str = "is missing: the spoe-message section does not pass it";
const REPEATED: &str = "is passed more than once: take it as a Vec, or pass it once";

/// A name, as far as it is stored.
fn kept(name: &[u8]) -> String {
    let kept = name.get(..ForeignText::LIMIT).unwrap_or(name);
    String::from_utf8_lossy(kept).into_owned()
}

impl ArgsError {
    /// The name of the argument, if one is wrong.
    #[must_use]
    pub fn argument(&self) -> Option<&str> {
        self.0.argument.as_deref()
    }

    fn new(argument: Option<String>, problem: String) -> Self {
        Self(Box::new(Wrong { message: None, argument, problem }))
    }

    /// There are several messages for a type that takes one.
    #[cold]
    pub(super) fn several() -> Self {
        let problem = "several messages are there, and the type takes one: use a struct with a field per \
                       message, or `Messages`";
        Self::new(None, problem.to_owned())
    }

    /// Sets of which message the argument is.
    #[cold]
    pub(super) fn of_message(mut self, name: &[u8]) -> Self {
        self.0.message = Some(kept(name));
        self
    }

    /// What is missing or repeated is a message of the NOTIFY, unless the error is of an argument.
    #[cold]
    pub(super) fn of_notify(mut self) -> Self {
        if self.0.message.is_none() {
            self.0.message = self.0.argument.take();
            match &*self.0.problem {
                MISSING => {
                    self.0.problem = "is not in this NOTIFY: take it as an Option".to_owned();
                }
                REPEATED => self.0.problem = "is more than once in this NOTIFY".to_owned(),
                _ => {}
            }
        }
        self
    }

    /// An argument that is absent or null.
    pub(crate) fn missing(argument: &str) -> Self {
        let problem = "has no value: the spoe-message section does not pass it, or it is null";
        Self::new(Some(argument.to_owned()), problem.to_owned())
    }

    /// An argument of another type than is required.
    pub(crate) fn of_type(argument: &str, found: &str, expected: &str) -> Self {
        Self::new(Some(argument.to_owned()), format!("is {found}, expected {expected}"))
    }

    /// Sets which argument it is, unless that is set already.
    #[cold]
    pub(super) fn of_argument(mut self, name: &[u8]) -> Self {
        self.0.argument.get_or_insert_with(|| kept(name));
        self
    }
}

impl de::Error for ArgsError {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self::new(None, ForeignText::of(&problem).to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Some(field.to_owned()), MISSING.to_owned())
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(Some(field.to_owned()), REPEATED.to_owned())
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (problem, named) = (&self.problem, |name| ForeignText::new(name));
        match (&self.argument, &self.message) {
            (Some(argument), None) => write!(f, "argument {:?}: {problem}", named(argument)),
            (Some(argument), Some(message)) => {
                let (argument, message) = (named(argument), named(message));
                write!(f, "argument {argument:?} of message {message:?}: {problem}")
            }
            (None, Some(message)) => write!(f, "message {:?}: {problem}", named(message)),
            (None, None) => write!(f, "arguments: {problem}"),
        }
    }
}
