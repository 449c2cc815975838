//! `call`: one NOTIFY to an agent, as HAProxy would send it, and its answer.

use std::{
    io::{self, Write},
    time::Duration,
};

use clap::Args;
use spoa_actors::{Message, client, spop::Messages};
use thiserror::Error;

use crate::{
    answer,
    ask::{
        argument::{Argument, ArgumentError},
        ask_error::AskError,
        endpoint_options::EndpointOptions,
        message::{MessageError, message},
        no_actions::NoActions,
    },
    failure::Failure,
    option_values::{duration, message_name},
};

/// What `call` sends, and where.
#[derive(Args, Debug)]
pub(crate) struct CallOptions {
    /// The name of the message, as after `spoe-message` in HAProxy's configuration
    #[arg(value_parser = message_name)]
    pub(crate) message: String,
    /// The arguments of the message
    #[arg(value_name = "NAME[:TYPE]=VALUE")]
    pub(crate) arguments: Vec<Argument>,
    /// Further messages of the same NOTIFY, each after `--`, with their arguments
    #[arg(last = true, value_name = "MORE")]
    pub(crate) further: Vec<String>,
    #[command(flatten)]
    pub(crate) endpoint: EndpointOptions,
    /// Limit the time of connection and answer together
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "5s")]
    pub(crate) timeout: Duration,
    /// Print the answer as JSON, with complete values
    #[arg(long)]
    pub(crate) json: bool,
    /// Exit with 3 if the answer has no actions
    #[arg(long)]
    pub(crate) fail_empty: bool,
}

/// Why there is no answer to print.
#[derive(Debug, Error)]
pub(crate) enum CallError {
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error(transparent)]
    Argument(#[from] ArgumentError),
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error("cannot print the answer: {0}")]
    Output(#[from] io::Error),
    #[error(transparent)]
    Empty(NoActions),
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Ask(_) | CallError::Output(_) => Self::Failed(error.into()),
            CallError::Message(_) | CallError::Argument(_) => Self::Usage(error.into()),
            CallError::Empty(_) => Self::Empty(error.into()),
        }
    }
}

/// Asks, and prints the answer on stdout; on stderr what to think of it if there is nothing in it.
pub(crate) async fn call(options: CallOptions) -> Result<(), CallError> {
    let mut messages = vec![message(&options.message, &options.arguments)?];
    if !options.further.is_empty() {
        for words in options.further.split(|word| word == "--") {
            messages.push(further_message(words)?);
        }
    }
    let asked = options.endpoint.converse(options.timeout, async |mut haproxy| {
        haproxy.hello(client::hello()).await?;
        haproxy.notify(Messages::from_iter(messages.iter().cloned())).await
    });
    let actions = asked.await?;
    let mut out = io::stdout().lock();
    if options.json {
        answer::write_json(&actions, &mut out)?;
    } else {
        answer::write_text(&actions, &mut out)?;
    }
    out.flush()?;
    if !actions.is_empty() {
        return Ok(());
    }
    let empty = NoActions::new(&messages);
    if options.fail_empty {
        return Err(CallError::Empty(empty));
    }
    empty.warn();
    Ok(())
}

/// A message behind a `--`: the first word is its name.
fn further_message(words: &[String]) -> Result<Message, CallError> {
    let (name, arguments) =
        words.split_first().map_or(("", words), |(name, arguments)| (name.as_str(), arguments));
    let arguments: Result<Vec<_>, _> = arguments.iter().map(|word| word.parse()).collect();
    Ok(message(name, &arguments?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_arguments_keep_their_order() {
        let message = further_message(&words("m b=1 =2 b:str=3 a:null")).unwrap();
        assert_eq!(message.to_string(), "m(b=1, 2, b=\"3\", a=null)");
    }

    #[test]
    fn a_further_message_has_a_name() {
        for text in ["", "a=b"] {
            let error = further_message(&words(text)).unwrap_err();
            assert!(matches!(error, CallError::Message(MessageError::Name(_))), "{error}");
        }
    }
}
