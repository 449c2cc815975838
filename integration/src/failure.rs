//! Why the harness could not do what a test asked for.

use std::error::Error;
use std::fmt;

/// One sentence, and below it what is known: HAProxy's own words, the lines seen so far.
///
/// `Debug` prints the same text as `Display`, so that an `unwrap` in a test reads well.
pub struct Failure(String);

impl Failure {
    /// Fails with this sentence.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// Turns any error into a failure that says what was being done.
    pub fn during<X: fmt::Display>(what: impl fmt::Display) -> impl FnOnce(X) -> Self {
        move |error| Self(format!("{what}: {error}"))
    }

    /// Adds evidence below the sentence.
    #[must_use]
    pub fn with(mut self, title: &str, evidence: &str) -> Self {
        self.0.push_str(&format!("\n--- {title} ---\n{}", evidence.trim_end()));
        self
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for Failure {}
