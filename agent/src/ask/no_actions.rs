//! No actions: possible causes of an answer without actions; SPOP has no error for an unknown
//! message.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    iter,
};

use spoa_actors::{ForeignText, Message};
use thiserror::Error;

/// How many arguments of a message are shown.
const NAMED: usize = 8;

/// The agent answered without actions: the possible causes, which SPOP does not distinguish.
#[derive(Debug, Error)]
#[error(
    "no actions for {asked}: the agent may have no handler for this message (names are \
     case-sensitive), an argument may be missing or have another type, the handler may have failed \
     or exceeded its deadline, or there was nothing to set; look at the agent's log"
)]
pub(crate) struct NoActions {
    asked: String,
}

impl NoActions {
    /// No action was set for any of these messages.
    pub(crate) fn new<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Self {
        let asked: Vec<_> = messages.into_iter().map(signature).collect();
        Self { asked: asked.join(", ") }
    }

    /// Prints the warning on stderr, apart from the output.
    pub(crate) fn warn(&self) {
        // The answer is printed, even if stderr is closed.
        let _ = writeln!(io::stderr(), "warning: {}", ForeignText::of(self));
    }
}

/// The name, and the names and types of the arguments, in the format of `call`.
fn signature(message: &Message) -> String {
    let mut text = ForeignText::new(message.name()).to_string();
    for arg in message.args().take(NAMED) {
        // Writing to a `String` cannot fail.
        let _ = write!(text, " {}:{}", ForeignText::new(arg.name), arg.value.type_name());
    }
    text.extend(iter::repeat_n(" …", usize::from(message.args().len() > NAMED)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_shows_what_was_asked_with_its_types() {
        let message = Message::new("check-client-ip").arg("ip", "\u{1b}").arg("", 1);
        let other = (0..9).fold(Message::new("m\n"), |message, _| message.arg("a", true));
        let line = NoActions::new([&message, &other]).to_string();
        let asked = "no actions for check-client-ip ip:string :int64, m\\n a:bool a:bool a:bool \
                     a:bool a:bool a:bool a:bool a:bool …: the agent may have no handler";
        assert!(line.starts_with(asked), "{line}");
        assert!(line.ends_with("look at the agent's log"), "{line}");
    }
}
