//! Program: the name of an agent, and its own options.

use std::{env, ffi::OsString, path::Path, sync::OnceLock};

use clap::Command;

/// The name of the program if nothing sets it.
const NAME: &str = "spoa-agent";
/// The placeholders of the program's name and its example in help texts.
const EXAMPLE: &str = "check-client-ip ip=127.0.0.1";

/// A program that runs an agent.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) about: Option<String>,
    /// A message that it answers, in the format of `call`.
    pub(crate) example: Option<String>,
    /// Adds the program's own options.
    pub(crate) own: fn(Command) -> Command,
}

impl Program {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        let (version, about, example) = (None, None, None);
        Self { name: name.into(), version, about, example, own: |command| command }
    }

    /// The program named after the executable of this process.
    pub(crate) fn of_executable() -> Self {
        let word = env::args_os().next().unwrap_or_default();
        let name = Path::new(&word).file_name().and_then(|name| name.to_str());
        Self::new(name.unwrap_or(NAME))
    }

    /// Makes it the program of this process.
    pub(crate) fn set_running(&self) {
        // A process runs one.
        let _ = RUNNING.set(self.clone());
    }

    /// Its own version, or that of the agent.
    pub(crate) fn version(&self) -> String {
        let agent = || format!("({NAME} {})", env!("CARGO_PKG_VERSION"));
        self.version.clone().unwrap_or_else(agent)
    }

    /// Its name and its version.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.name, self.version())
    }

    /// A text about `spoa-agent` and its messages, with the names of this program and its messages.
    pub(crate) fn words(&self, text: &str) -> String {
        let example = self.example.as_deref().unwrap_or("MESSAGE NAME=VALUE");
        let another = EXAMPLE.replace("check-client-ip", "get-ip-reputation");
        let text = if example == EXAMPLE {
            text.to_owned()
        } else {
            text.replace(EXAMPLE, example).replace(&another, example)
        };
        text.replace(NAME, &self.name)
    }
}

/// The program of this process, which the status page and the metrics name.
static RUNNING: OnceLock<Program> = OnceLock::new();

/// The name of the program of this process, and its own version or that of the agent.
pub(crate) fn running() -> (&'static str, &'static str) {
    let (name, version) =
        RUNNING.get().map_or((NAME, None), |program| (&*program.name, program.version.as_deref()));
    (name, version.unwrap_or(env!("CARGO_PKG_VERSION")))
}

impl Default for Program {
    fn default() -> Self {
        Self { example: Some(EXAMPLE.to_owned()), ..Self::new(NAME) }
    }
}

/// How the program was called, so that commands in messages can be copied into a shell.
pub(crate) fn called() -> String {
    word(env::args_os().next())
}

fn word(argument: Option<OsString>) -> String {
    argument
        .and_then(|argument| argument.into_string().ok())
        .filter(|text| !text.is_empty() && !text.contains(char::is_whitespace))
        .unwrap_or_else(|| NAME.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_called_as_it_was() {
        let name = |text: &str| word(Some(text.into()));
        assert_eq!(name("target/release/spoa-agent"), "target/release/spoa-agent");
        assert_eq!(name("/my folder/spoa-agent"), "spoa-agent");
        assert_eq!(word(None), "spoa-agent");
    }

    #[test]
    fn a_text_is_about_the_program_and_its_messages() {
        let text = "spoa-agent call check-client-ip ip=127.0.0.1 -- get-ip-reputation ip=127.0.0.1";
        assert_eq!(Program::default().words(text), text);
        let mut own = Program::new("mine");
        assert_eq!(own.words(text), "mine call MESSAGE NAME=VALUE -- MESSAGE NAME=VALUE");
        own.example = Some("check n=1".to_owned());
        assert_eq!(own.words(text), "mine call check n=1 -- check n=1");
    }
}
