//! Lines of HAProxy's files, each with the line of ours that it comes from.

/// Lines of a section.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines(String);

impl Lines {
    /// The head of a section.
    pub(super) fn head(&mut self, text: &str) {
        // Whatever a path or a name has in it, it begins no line of its own.
        self.0.extend(text.chars().map(|own| if own.is_control() { '?' } else { own }));
        self.0.push('\n');
    }

    /// A comment about what follows.
    pub(super) fn comment(&mut self, text: &str) {
        self.line(&format!("# {text}"));
    }

    /// A comment in front of a section.
    pub(super) fn head_comment(&mut self, text: &str) {
        self.head(format!("# {text}").trim_end());
    }

    /// A line inside of a section.
    pub(super) fn line(&mut self, text: &str) {
        self.0.push_str("    ");
        self.head(text);
    }

    /// An empty line.
    pub(super) fn gap(&mut self) {
        self.0.push('\n');
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}
