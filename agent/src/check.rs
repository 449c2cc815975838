//! `check`: reads the configuration file and prints everything that is wrong with it.

use crate::{
    config_file::ConfigFile, failure::Failure, file_commands::print, file_options::FileOptions,
};

/// Prints the findings, and whether the agent would start.
///
/// # Errors
///
/// If a finding keeps the file from being used.
pub(crate) fn check(options: &FileOptions) -> Result<(), Failure> {
    let mut file = ConfigFile::open(&options.file)?;
    let tests = file.tests().len();
    if file.has_errors() {
        return Err(Failure::Findings(file.report()));
    }
    let data = file.resources.all_data().count();
    let mut counts = vec![(file.chains.len(), "message"), (data, "data set")];
    if tests > 0 {
        counts.push((tests, "test"));
    }
    let counts = counts
        .into_iter()
        .map(|(count, noun)| format!("{count} {noun}{}", if count == 1 { "" } else { "s" }));
    let counts = counts.collect::<Vec<_>>().join(", ");
    print(&format!("{}: good; {counts}\n", options.file.display()))
}
