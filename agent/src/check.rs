//! `check`: reads the configuration file and prints everything that is wrong with it.

use crate::{config_file::ConfigFile, failure::Failure, file_options::FileOptions};

/// Prints the findings, and whether the agent would start.
///
/// # Errors
///
/// If a finding keeps the file from being used.
pub(crate) fn check(options: &FileOptions) -> Result<(), Failure> {
    let file = ConfigFile::open(&options.file)?;
    let messages = file.chains.len();
    println!(
        "{}: good, {messages} message{}",
        options.file.display(),
        if messages == 1 { "" } else { "s" }
    );
    Ok(())
}
