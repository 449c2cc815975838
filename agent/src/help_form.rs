//! Help form: what the command lines of all programs have in common.

use clap::{Arg, Command};

/// How many columns help takes.
const COLUMNS: usize = 80;
/// The names of values that are numbers.
const NUMBERS: [&str; 6] = ["N", "SIZE", "DURATION", "PID", "RATIO", "OCTAL"];

/// This command line, with help of 80 columns at most. A number below zero is a wrong value and no unknown
/// option: so its error says what is allowed.
#[must_use]
pub(crate) fn shaped(command: Command) -> Command {
    let with_numbers = |option: Arg| {
        let names = option.get_value_names().unwrap_or_default();
        let is_number = names.iter().any(|name| NUMBERS.contains(&name.as_str()));
        option.allow_negative_numbers(is_number)
    };
    command.max_term_width(COLUMNS).mut_args(with_numbers).mut_subcommands(shaped)
}
