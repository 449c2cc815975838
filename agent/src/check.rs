//! `check`: reads the configuration file and prints everything that is wrong with it.

use crate::{config_file::ConfigFile, failure::Failure, file_options::FileOptions};

/// Prints the findings, and whether the agent would start.
///
/// # Errors
///
/// If a finding keeps the file from being used.
pub(crate) fn check(options: &FileOptions) -> Result<(), Failure> {
    let file = ConfigFile::open(&options.file)?;
    let counts = [(file.chains.len(), "message"), (file.resources.all_data().count(), "data set")];
    let counts =
        counts.map(|(count, noun)| format!("{count} {noun}{}", if count == 1 { "" } else { "s" }));
    println!("{}: good; {}", options.file.display(), counts.join(", "));
    Ok(())
}
