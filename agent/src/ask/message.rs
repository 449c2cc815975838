//! A message of a NOTIFY, from the command line.

use spoa_actors::Message;
use thiserror::Error;

use crate::{ask::argument::Argument, option_values};

/// The wire counts the arguments of a message in one byte.
const MAX_ARGUMENTS: usize = 255;

/// Why the command line has no valid message.
#[derive(Debug, Error)]
pub(crate) enum MessageError {
    /// The name is missing, or an argument is in its place.
    #[error("{0}")]
    Name(String),
    /// There are more arguments than SPOP allows.
    #[error(
        "message {message:?} has {count} arguments: SPOP allows {MAX_ARGUMENTS}, split the message"
    )]
    TooManyArguments {
        /// The message's name.
        message: String,
        /// How many arguments it has.
        count: usize,
    },
}

/// The message with this name and these arguments, in order.
///
/// # Errors
///
/// If the name is invalid, or there are more than 255 arguments.
pub(crate) fn message(name: &str, arguments: &[Argument]) -> Result<Message, MessageError> {
    let name = option_values::message_name(name).map_err(MessageError::Name)?;
    if arguments.len() > MAX_ARGUMENTS {
        return Err(MessageError::TooManyArguments { message: name, count: arguments.len() });
    }
    Ok(arguments.iter().fold(Message::new(&name), |message, argument| {
        message.arg(&argument.name, argument.value.as_typed_data())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_takes_255_arguments() {
        let arguments = |count| vec!["x=1".parse().unwrap(); count];
        assert_eq!(message("m", &arguments(255)).unwrap().args().len(), 255);
        let error = message("m", &arguments(256)).unwrap_err().to_string();
        assert!(error.starts_with("message \"m\" has 256 arguments"), "{error}");
    }
}
