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
    argument: Option<String>,
    problem: String,
}

impl ArgsError {
    /// The name of the argument, if one is wrong.
    #[must_use]
    pub fn argument(&self) -> Option<&str> {
        self.0.argument.as_deref()
    }

    fn new(argument: Option<String>, problem: String) -> Self {
        Self(Box::new(Wrong { argument, problem }))
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
        self.0.argument.get_or_insert_with(|| {
            let kept = name.get(..ForeignText::LIMIT).unwrap_or(name);
            String::from_utf8_lossy(kept).into_owned()
        });
        self
    }
}

impl de::Error for ArgsError {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self::new(None, ForeignText::of(&problem).to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        let problem = "is missing: the spoe-message section does not pass it".to_owned();
        Self::new(Some(field.to_owned()), problem)
    }

    fn duplicate_field(field: &'static str) -> Self {
        let problem = "is passed more than once: take it as a Vec, or pass it once".to_owned();
        Self::new(Some(field.to_owned()), problem)
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.argument {
            Some(argument) => {
                write!(f, "argument {:?}: {}", ForeignText::new(argument), self.problem)
            }
            None => write!(f, "arguments: {}", self.problem),
        }
    }
}
