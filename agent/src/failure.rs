//! Failure: why a command did not succeed, what is printed of it, and its exit code.

use std::{error::Error, fmt, io};

use anstream::{AutoStream, ColorChoice};
use clap::builder::{Styles, styling::Style};
use spoa_actors::ForeignText;

/// How long the line may be, in bytes.
const LONGEST: usize = 4096;

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Wrong usage that clap cannot see.
    Usage(Box<dyn Error>),
    /// The command could not do its work.
    Failed(Box<dyn Error>),
    /// The health check ran, and the agent is not healthy.
    NotHealthy(Box<dyn Error>),
    /// The agent answered without actions, and --fail-empty was given.
    Empty(Box<dyn Error>),
    /// The configuration file cannot be used: all findings, drawn.
    Findings(String),
}

impl Failure {
    /// 2 for wrong usage, as in clap; 3 for an answer without actions; 1 for anything else.
    #[must_use]
    pub(crate) fn exit_code(&self) -> i32 {
        match self {
            Self::Usage(_) => 2,
            Self::Failed(_) | Self::NotHealthy(_) | Self::Findings(_) => 1,
            Self::Empty(_) => 3,
        }
    }
}

impl Failure {
    /// The line for stderr, with colours where clap's own errors have them: on a terminal, unless
    /// `NO_COLOR` or `CLICOLOR=0` is set, and elsewhere with `CLICOLOR_FORCE`.
    #[must_use]
    pub(crate) fn line(&self) -> String {
        match AutoStream::choice(&io::stderr()) {
            ColorChoice::Never => self.to_string(),
            _ => self.styled(*Styles::styled().get_error()),
        }
    }

    /// The line with a label in this style.
    fn styled(&self, style: Style) -> String {
        let (label, error) = match self {
            // Several lines, which are safe for a terminal and have their colours.
            Self::Findings(report) => return report.trim_end().to_owned(),
            Self::Usage(error) | Self::Failed(error) | Self::Empty(error) => ("error", error),
            Self::NotHealthy(error) => ("not healthy", error),
        };
        // A peer has its words in here: they shall not move the cursor of a terminal.
        let text = chain(&**error);
        format!("{style}{label}:{style:#} {}", ForeignText::of(&text).up_to(LONGEST))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.styled(Style::new()))
    }
}

/// The error and its causes in one line; a cause that the line ends with already is not repeated.
fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        next = cause.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn layers(texts: &[&'static str]) -> Option<Box<Layer>> {
        let (text, below) = texts.split_first()?;
        let source = layers(below);
        Some(Box::new(Layer { text, source }))
    }

    #[test]
    fn the_causes_stand_behind_the_error_once() {
        let failure = Failure::Failed(layers(&["a", "b", "c"]).unwrap());
        assert_eq!(failure.to_string(), "error: a: b: c");
        let failure = Failure::NotHealthy(layers(&["a: b", "b"]).unwrap());
        assert_eq!(failure.to_string(), "not healthy: a: b");
    }

    #[test]
    fn the_words_of_a_peer_do_not_reach_the_terminal_raw() {
        let failure = Failure::Failed(layers(&["\u{1b}[2J\u{202e} caf\u{e9}"]).unwrap());
        assert_eq!(failure.to_string(), "error: \\u{1b}[2J\\u{202e} caf\u{e9}");
        let long = Failure::Failed("x".repeat(1_000_000).into()).to_string();
        assert_eq!(long.len(), "error: ".len() + LONGEST + "… (1000000 bytes)".len());
    }
}
