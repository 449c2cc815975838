//! Manual: completions and manual pages, made of the definition of the command line.

use std::io::{self, Write};

use clap_complete::Shell;
use clap_mangen::Man;
use thiserror::Error;

use crate::{cli::Cli, failure::Failure, program::Program};

/// Why nothing is printed.
#[derive(Debug, Error)]
pub(crate) enum ManualError {
    #[error("unknown command {name:?}: use one of {known}, or none for the program itself")]
    Unknown { name: String, known: String },
    #[error("cannot print it: {0}")]
    Output(#[from] io::Error),
}

impl From<ManualError> for Failure {
    fn from(error: ManualError) -> Self {
        match error {
            ManualError::Unknown { .. } => Self::Usage(error.into()),
            ManualError::Output(_) => Self::Failed(error.into()),
        }
    }
}

/// Prints the script that completes in this shell.
pub(crate) fn completions(shell: Shell, program: &Program) -> Result<(), ManualError> {
    // All options: those that the help of the program does not show are taken, too.
    let mut definition = Cli::whole(program);
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut definition, &program.name, &mut script);
    // For bash, clap_complete 4.6.12 takes the dash of the program for the space before a command in one
    // place of two, so that nothing of a command would be completed.
    let [wrong, right] = ["__subcmd__", "__"].map(|dash| program.name.replace('-', dash));
    let script = String::from_utf8_lossy(&script).replace(&wrong, &right);
    Ok(io::stdout().write_all(script.as_bytes())?)
}

/// Prints the page of a command, or of the program.
pub(crate) fn page(command: Option<&str>, program: &Program) -> Result<(), ManualError> {
    let mut definition = Cli::definition(program).disable_help_subcommand(true);
    definition.build();
    let about = match command {
        Some(name) => known(&definition, name)?,
        None => definition,
    };
    let mut page = Vec::new();
    Man::new(about).source(program.title()).render(&mut page)?;
    Ok(io::stdout().write_all(&page)?)
}

/// The command of this name.
fn known(definition: &clap::Command, name: &str) -> Result<clap::Command, ManualError> {
    let known = definition.get_subcommands().filter(|command| !command.is_hide_set());
    let known: Vec<_> = known.collect();
    match known.iter().find(|command| command.get_name() == name) {
        Some(command) => Ok((*command).clone()),
        None => Err(ManualError::Unknown {
            name: name.to_owned(),
            known: known.iter().map(|one| one.get_name()).collect::<Vec<_>>().join(", "),
        }),
    }
}
