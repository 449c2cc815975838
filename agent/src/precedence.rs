//! Precedence: options win over the environment, which wins over the configuration file, which wins over defaults.
//!
//! What the file says becomes the default of its option: so it is read as the option is, and has its bounds.

use std::{env, error::Error, ffi::OsString};

use clap::{
    Arg, ArgAction, ArgMatches, Args, Command,
    builder::{BoolishValueParser, Resettable},
};
use spoa_handlers::{file::Loaded, finding::Finding};

use crate::{
    file_keys::{Given, SECRET_KEYS, given},
    run_options::RunOptions,
};

/// The commands with the options of `run`, beside the program itself.
pub(crate) const OF_RUN: [&str; 2] = ["run", "show-config"];
/// Options whose values may have commas.
const WITH_COMMAS: [&str; 2] = ["otlp-header", "log"];
/// Options that need another one, which the file may have.
const DEPENDENT: [&str; 3] = ["admin-host", "admin-token-file", "unix-mode"];

/// The environment variable of an option.
pub(crate) fn variable(long: &str) -> String {
    format!("SPOA_{}", long.replace('-', "_").to_uppercase())
}

/// The options of `run` with their environment variables; switches that can be switched off as well.
pub(crate) fn with_variables(command: Command) -> Command {
    command.mut_args(|option| {
        let Some(long) = option.get_long().map(str::to_owned) else { return option };
        let option = if matches!(option.get_action(), ArgAction::SetTrue) {
            switch(option)
        } else if matches!(option.get_action(), ArgAction::Append) && !WITH_COMMAS.contains(&&*long)
        {
            option.value_delimiter(',')
        } else {
            option
        };
        let variable = variable(&long);
        // An empty one is as good as none, as compose files have them.
        if env::var_os(&variable).is_some_and(|value| value.is_empty()) {
            return option;
        }
        option.env(variable).hide_env(true)
    })
}

fn switch(option: Arg) -> Arg {
    option
        .action(ArgAction::Set)
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true")
        .default_value("false")
        .hide_default_value(true)
        .value_parser(BoolishValueParser::new())
        .hide_possible_values(true)
        .value_name("BOOL")
}

/// The command line with what the file says as defaults.
pub(crate) fn with_file(definition: Command, loaded: &Loaded) -> Command {
    let values: Vec<_> = given(loaded)
        .into_iter()
        .filter(|given| !SECRET_KEYS.contains(&given.key.option))
        .filter(|given| given.key.standard_variable().is_none())
        .collect();
    let set = |command: Command| {
        command.mut_args(|mut option| {
            let Some(long) = option.get_long().map(str::to_owned) else { return option };
            if DEPENDENT.contains(&&*long) {
                option = option.requires(Resettable::Reset);
            }
            match values.iter().find(|given| given.key.option == long) {
                Some(given) => option.default_values(given.values.clone()),
                None => option,
            }
        })
    };
    let set_below = |command: Command| {
        if OF_RUN.contains(&command.get_name()) { set(command) } else { command }
    };
    set(definition).mut_subcommands(set_below)
}

/// Adds a finding for each value of the file that its option does not take.
pub(crate) fn check(loaded: &mut Loaded) {
    let bare = || {
        let command = Command::new("run").no_binary_name(true);
        RunOptions::augment_args(command).mut_args(|option| {
            let is_switch = matches!(option.get_action(), ArgAction::SetTrue);
            let option = option.requires(Resettable::Reset);
            if is_switch { switch(option) } else { option }
        })
    };
    for Given { key, values, place } in given(loaded) {
        let is_reported =
            loaded.findings.sorted().iter().any(|finding| finding.place() == Some(place));
        if is_reported || SECRET_KEYS.contains(&key.option) {
            continue;
        }
        for value in values {
            let word = OsString::from(format!("--{}={value}", key.option));
            let Err(error) = bare().try_get_matches_from([word]) else { continue };
            let help = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            let title = format!("`{}` of `[{}]` does not take this", key.key, key.group.name());
            loaded.findings.add(Finding::error(title).at(place, "out of bounds").help(help));
        }
    }
}

/// The matches of the command with the options of `run`.
pub(crate) fn of_run(matches: &ArgMatches) -> &ArgMatches {
    match matches.subcommand() {
        Some((name, below)) if OF_RUN.contains(&name) => below,
        _ => matches,
    }
}

#[cfg(test)]
mod tests {
    use spoa_handlers::configuration::settings_of;

    use super::*;
    use crate::file_keys::{FILE_KEYS, FileKey, SECTIONS};

    /// Options whose keys belong to a `[listen.NAME]`, and the file itself.
    const ELSEWHERE: [&str; 8] = [
        "config",
        "listen",
        "unix",
        "unix-mode",
        "tls-cert",
        "tls-key",
        "tls-client-ca",
        "proxy-protocol",
    ];
    /// Keys that are no option.
    const NO_OPTION: [&str; 2] = ["state_dir", "spoe"];

    fn run() -> Command {
        with_variables(RunOptions::augment_args(Command::new("run")))
    }

    #[test]
    fn every_option_has_a_key_and_a_variable_and_every_key_an_option() {
        let run = run();
        let mut options = Vec::new();
        for option in run.get_arguments() {
            let long = option.get_long().expect("all options of run are long");
            let has_key = FILE_KEYS.iter().any(|key| key.option == long);
            assert_eq!(has_key, !ELSEWHERE.contains(&long), "--{long}");
            let variable = option.get_env().expect("it has a variable").to_string_lossy();
            assert_eq!(variable, super::variable(long));
            options.push(long);
        }
        for group in SECTIONS {
            for setting in settings_of(group).expect("it has settings") {
                let of = |key: &&FileKey| key.group == group && key.key == setting.name;
                let key = FILE_KEYS.iter().find(of);
                assert_eq!(key.is_none(), NO_OPTION.contains(&setting.name), "{}", setting.name);
            }
        }
        for key in FILE_KEYS {
            assert!(options.contains(&key.option), "--{} is no option", key.option);
            assert!(key.setting().is_some(), "{} is no key of {:?}", key.key, key.group);
        }
    }

    #[test]
    fn a_key_and_its_option_have_the_same_default() {
        let run = run();
        for key in FILE_KEYS {
            let option = run.get_arguments().find(|option| option.get_long() == Some(key.option));
            let usual = option.expect("it is an option").get_default_values();
            let Some(default) = key.setting().and_then(|setting| setting.default()) else {
                assert!(usual.is_empty() || key.option == "admin", "{} has no default", key.key);
                continue;
            };
            let default = default.trim_matches('"').to_owned();
            // A filter of the log is that of `RUST_LOG` as long as there is no option.
            let [usual] = usual else {
                assert_eq!(key.option, "log");
                continue;
            };
            let usual = usual.to_string_lossy();
            let bytes = |text: &str| crate::option_values::size::<u64>(0..=u64::MAX, "1k")(text);
            let is_same =
                usual == default || bytes(&usual).is_ok_and(|own| bytes(&default) == Ok(own));
            assert!(
                is_same,
                "{}: the default of the option is {usual}, of the key {default}",
                key.key
            );
        }
    }
}
