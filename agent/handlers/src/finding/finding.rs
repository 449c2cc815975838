//! A finding: one thing that is wrong, where it is, and how it is fixed.

use super::place::Place;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// The file is not used as it is.
    Error,
    /// The file does something else than it seems to.
    Warning,
}

/// One thing that is wrong. Its texts may quote what the file holds: they are escaped where they are drawn.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    pub(super) severity: Severity,
    pub(super) title: String,
    pub(super) at: Option<(Place, String)>,
    pub(super) also: Vec<(Place, String)>,
    pub(super) help: Vec<String>,
    /// Whether what stands at its place is not to be shown.
    pub(super) is_secret: bool,
}

impl Finding {
    /// What keeps the file from being used.
    #[must_use]
    pub fn error(title: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            title: title.into(),
            at: None,
            also: Vec::new(),
            help: Vec::new(),
            is_secret: false,
        }
    }

    /// What is probably not meant.
    #[must_use]
    pub fn warning(title: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(title) }
    }

    /// Where it is, and what stands there.
    #[must_use]
    pub fn at(self, place: Place, label: impl Into<String>) -> Self {
        Self { at: Some((place, label.into())), ..self }
    }

    /// Where it is, if what stands there may be secret: it is not shown.
    #[must_use]
    pub fn at_secret(self, place: Place, label: impl Into<String>) -> Self {
        Self { is_secret: true, ..self.at(place, label) }
    }

    /// Another place that has to do with it.
    #[must_use]
    pub fn also(mut self, place: Place, label: impl Into<String>) -> Self {
        self.also.push((place, label.into()));
        self
    }

    /// How it is fixed.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// What is wrong, in one line without escapes.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Where it is, if it is in a file.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.at.as_ref().map(|(place, _)| *place)
    }
}
