//! `explain`: runs the chain of a message here, and shows what each handler did.

use std::{fmt::Write, path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use spoa_actors::{Actions, ForeignText, Message};
use spoa_handlers::{
    chain::{Chain, MissingArgument, StartError},
    configuration::MessageSettings,
};
use thiserror::Error;
use tokio::{task::spawn_blocking, time::timeout};

use super::{explanation::explanation, output::print};
use crate::{
    answer,
    ask::{argument::Argument, message::message},
    call::CallError,
    config_file::ConfigFile,
    failure::Failure,
    option_values::message_name,
};

/// Which message is explained.
#[derive(Args, Debug)]
pub(crate) struct ExplainOptions {
    /// The name of the message, as after `spoe-message` in HAProxy's configuration
    #[arg(value_parser = message_name)]
    message: String,
    /// The arguments of the message
    #[arg(value_name = "NAME[:TYPE]=VALUE")]
    arguments: Vec<Argument>,
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "SPOA_CONFIG", hide_env = true)]
    config: PathBuf,
}

#[derive(Debug, Error)]
enum ExplainError {
    #[error("no message of {file} has the name {name:?}; known: {known}")]
    Unknown { file: String, name: String, known: String },
    #[error(transparent)]
    Start(StartError),
    #[error("cannot start the handlers: {0}")]
    Thread(tokio::task::JoinError),
    #[error("{0}: HAProxy gets the fallback, or no variables if there is none")]
    Missing(MissingArgument),
    #[error(
        "no answer within the deadline of {0:?}: HAProxy gets the fallback, or no variables if there is none"
    )]
    Late(Duration),
}

/// Runs the message, and prints each handler and what HAProxy gets.
pub(crate) async fn explain(options: ExplainOptions) -> Result<(), Failure> {
    let message = message(&options.message, &options.arguments).map_err(CallError::from)?;
    let file = ConfigFile::open(&options.config)?;
    let Some((chain, settings)) = find(&file, &options.message) else {
        let known = file.configuration.messages.keys().cloned().collect::<Vec<_>>().join(", ");
        let name = options.message.clone();
        let file = options.config.display().to_string();
        return Err(Failure::Usage(ExplainError::Unknown { file, name, known }.into()));
    };
    let deadline = file.configuration.deadline(settings.deadline);
    let outcome = run(&chain, &message, deadline).await;
    chain.stop();
    print(&outcome.map_err(|error| Failure::Failed(error.into()))?)
}

/// The chain that answers the messages of a name.
fn find<'f>(file: &'f ConfigFile, name: &str) -> Option<(Arc<Chain>, &'f MessageSettings)> {
    let has = |settings: &MessageSettings, section: &str, name: &str| match &settings.names {
        Some(names) => names.0.iter().any(|own| own == name),
        None => section == name,
    };
    let named = |name: &str| {
        let mut messages = file.configuration.messages.iter();
        messages.find(|(section, settings)| has(settings, section, name))
    };
    let (section, settings) = named(name).or_else(|| named("*"))?;
    Some((Arc::clone(file.chains.get(section)?), settings))
}

async fn run(
    chain: &Arc<Chain>,
    message: &Message,
    deadline: Duration,
) -> Result<String, ExplainError> {
    let starting = Arc::clone(chain);
    let started = spawn_blocking(move || starting.start()).await;
    started.map_err(ExplainError::Thread)?.map_err(ExplainError::Start)?;
    let message = message.as_ref();
    let explained = timeout(deadline, chain.explain(&message)).await;
    let explained =
        explained.map_err(|_| ExplainError::Late(deadline))?.map_err(ExplainError::Missing)?;
    let mut text = explanation(&explained.steps);
    text.push_str("\nHAProxy gets:\n");
    text.push_str(&actions(&explained.actions));
    Ok(text)
}

/// The actions of an answer, as `call` prints them.
fn actions(actions: &Actions) -> String {
    let mut bytes = Vec::new();
    // It is written to memory.
    let _ = answer::write_text(actions, &mut bytes);
    let mut text = String::new();
    for line in String::from_utf8_lossy(&bytes).lines() {
        let _ = writeln!(text, "  {}", ForeignText::of(&line));
    }
    text
}
