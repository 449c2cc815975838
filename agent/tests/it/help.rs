//! Help, version, manual pages and completions; the colours of errors.

use std::process::{Command, Stdio};

use crate::scene::{Folder, Outcome, spoa_agent, text, to_the_end};

const COMMANDS: [&str; 12] = [
    "run",
    "call",
    "load",
    "check",
    "healthcheck",
    "init",
    "test",
    "explain",
    "listen",
    "kinds",
    "schema",
    "gen-config",
];

fn printed(args: &[&str]) -> String {
    let outcome = spoa_agent(args);
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{args:?}: {outcome:?}");
    outcome.stdout
}

fn at(text: &str, part: &str) -> usize {
    text.find(part).unwrap_or_else(|| panic!("{part:?} is not in {text}"))
}

#[test]
fn help_has_80_columns_and_is_short_or_long() {
    let of_commands = COMMANDS.map(|command| vec![command]);
    for command in [vec![]].into_iter().chain(of_commands) {
        let [short, long] = ["-h", "--help"].map(|option| {
            let help = printed(&[command.as_slice(), &[option]].concat());
            let longest = help.lines().max_by_key(|line| line.chars().count()).unwrap();
            assert!(longest.chars().count() <= 80, "{longest}");
            help
        });
        assert!(short.lines().count() < 90, "{command:?}: {short}");
        assert!(short.len() < long.len() || command.is_empty(), "{command:?}: {short}");
        let told = if command.is_empty() { "Examples:" } else { "Exit codes:" };
        assert!(long.contains(told), "{long}");
    }
}

#[test]
fn help_begins_with_the_commands_and_has_the_main_options_alone() {
    let help = printed(&["--help"]);
    assert!(at(&help, "\nCommands:") < at(&help, "\nOptions:"), "{help}");
    assert!(help.contains("--listen <HOST:PORT>") && help.contains("spoa-agent run --help"));
    assert!(!help.contains("--max-") && !help.contains("completions"), "{help}");
    assert!(help.lines().count() < 80, "{help}");
}

#[test]
fn help_of_run_has_groups_and_the_rare_options_in_the_long_one() {
    let (short, long) = (printed(&["run", "-h"]), printed(&["run", "--help"]));
    let mut last = 0;
    for heading in [
        "\nListeners:",
        "\nAdmin endpoint:",
        "\nLimits:",
        "\nTimeouts:",
        "\nHAProxy versions:",
        "\nLog and telemetry:",
        "\nEnvironment:",
    ] {
        let here = at(&long, heading);
        assert!(here > last, "{heading}");
        last = here;
    }
    for rare in ["--output-buffer", "--refusal-delay", "--trace-hand-back"] {
        assert!(long.contains(rare) && !short.contains(rare), "{rare}");
    }
}

#[test]
fn the_version_tells_the_commit_and_the_target() {
    let number = format!("spoa-agent {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(printed(&["-V"]), number);
    let version = printed(&["--version"]);
    assert!(version.starts_with(&number), "{version}");
    let value = |name: &str| {
        let line = version.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name} is not in {version}")).trim().to_owned()
    };
    let commit = value("commit:");
    let is_known = commit.len() == 12 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(is_known || commit == "unknown", "{version}");
    assert!(value("target:").contains("linux"), "{version}");
    assert!(value("features:").contains("TLS"), "{version}");
}

#[test]
fn completions_are_scripts_that_the_shell_reads() {
    let script = printed(&["completions", "bash"]);
    assert!(script.contains("--max-connections") && script.contains("healthcheck"), "{script}");
    let folder = Folder::new();
    let file = folder.file("completions");
    std::fs::write(&file, script).unwrap();
    let mut bash = Command::new("bash");
    let complete = "source \"$0\"; COMP_WORDS=(spoa-agent load --conn); COMP_CWORD=2; \
                    _spoa__agent spoa-agent --conn load; echo \"${COMPREPLY[@]}\"";
    let outcome = to_the_end({
        bash.args(["-c", complete, text(&file)]).stdin(Stdio::null());
        bash
    });
    assert_eq!((outcome.code, &*outcome.stdout), (Some(0), "--connections\n"), "{outcome:?}");
    for shell in ["zsh", "fish"] {
        assert!(printed(&["completions", shell]).contains("max-connections"), "{shell}");
    }
}

#[test]
fn there_is_a_manual_page_of_the_program_and_of_each_command() {
    let page = printed(&["man"]);
    assert!(page.contains(".TH spoa-agent 1"), "{page}");
    for command in COMMANDS {
        let escaped = command.replace('-', "\\-");
        assert!(page.contains(&format!("spoa\\-agent\\-{escaped}(1)")), "{page}");
        let page = printed(&["man", command]);
        assert!(page.contains(&format!(".TH spoa-agent-{command} 1")), "{page}");
    }
    assert!(printed(&["man", "run"]).contains("\\-\\-max\\-connections"));
}

/// Runs a command that fails with these variables; on a terminal if it is to be one.
fn failed(is_terminal: bool, variables: &[(&str, &str)]) -> Outcome {
    let program = env!("CARGO_BIN_EXE_spoa-agent");
    let words = ["call", "--unix", "/missing", "m"];
    let mut command;
    if is_terminal {
        command = Command::new("script");
        command.args(["-qec", &format!("'{program}' {}", words.join(" ")), "/dev/null"]);
    } else {
        command = Command::new(program);
        command.args(words);
    }
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm").envs(variables.iter().copied()).stdin(Stdio::null());
    to_the_end(command)
}

#[test]
fn an_error_has_colours_where_those_of_the_options_have() {
    let (plain, coloured) = ("error: cannot connect", "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m cannot");
    for (is_terminal, variables, expected) in [
        (false, &[][..], plain),
        (false, &[("CLICOLOR_FORCE", "1")], coloured),
        (true, &[], coloured),
        (true, &[("NO_COLOR", "1")], plain),
        (true, &[("CLICOLOR", "0")], plain),
        (true, &[("TERM", "dumb")], plain),
    ] {
        let Outcome { stdout, stderr, .. } = failed(is_terminal, variables);
        // A terminal has one stream.
        let line = stdout + &stderr;
        assert!(line.starts_with(expected), "{is_terminal} {variables:?}: {line:?}");
    }
}
