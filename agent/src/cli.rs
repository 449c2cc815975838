//! Command line: the commands, of which `run` is the default.

use std::time::Duration;

use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

use crate::{
    ask::endpoint_options::EndpointOptions,
    call::CallOptions,
    file_commands::{ExplainOptions, InitOptions, KindsOptions},
    file_options::FileOptions,
    gen_config::GenConfigOptions,
    help,
    help_form::shaped,
    listen::ListenOptions,
    load::{LOAD_HELP, LoadOptions},
    option_values::duration,
    precedence::with_variables,
    program::Program,
    run_options::RunOptions,
    show_config_options::ShowConfigOptions,
    version,
};

/// The options of `run` in the program's help; the help of `run` has all of them.
const MAIN_OPTIONS: [&str; 5] = ["config", "listen", "unix", "admin", "log"];
/// The heading of the program's own options.
const OWN: &str = "Handlers";

/// A SPOE agent for HAProxy, and tools to test one
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunOptions,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve until SIGTERM or SIGINT; the default without a command
    Run(Box<RunOptions>),
    /// Send a NOTIFY to an agent, as HAProxy does, and print the actions of its ACK
    Call(CallOptions),
    /// Send NOTIFYs to an agent as fast as it answers, check every ACK, and measure
    Load(LoadOptions),
    /// Check a configuration file, and print everything that is wrong with it
    Check(FileOptions),
    /// Write a commented configuration file to start with
    Init(InitOptions),
    /// Run the tests of a configuration file, without HAProxy
    Test(FileOptions),
    /// Run the handlers of a message here, and show what each of them does
    Explain(ExplainOptions),
    /// Print what is in effect, and where each value comes from
    ShowConfig(Box<ShowConfigOptions>),
    /// Print HAProxy's side of a configuration file: SPOE file, rules, backend and pages
    GenConfig(GenConfigOptions),
    /// Check whether an agent is healthy
    Healthcheck(HealthcheckOptions),
    /// Answer every message, print what HAProxy sends, and write a first file
    Listen(Box<ListenOptions>),
    /// List the kinds of handlers and data that the configuration file can have
    Kinds(KindsOptions),
    /// Print the JSON schema of the configuration file, for editors
    Schema,
    /// Print a completion script for a shell
    #[command(hide = true)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print a manual page, for `man -l -`
    #[command(hide = true)]
    Man {
        /// The command; without one, the program
        command: Option<String>,
    },
}

/// Where `healthcheck` connects.
#[derive(Args, Debug)]
pub(crate) struct HealthcheckOptions {
    #[command(flatten)]
    pub(crate) endpoint: EndpointOptions,
    /// Limit the time of connection and answer together
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "2s")]
    pub(crate) timeout: Duration,
    /// Print nothing; only the exit code shows the result
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

impl Cli {
    /// The command line of a program. Its help begins with the commands, and has the main options
    /// of `run` and the program's own.
    pub(crate) fn definition(program: &Program) -> clap::Command {
        let main = Self::command().mut_args(|option| {
            if MAIN_OPTIONS.contains(&option.get_id().as_str()) {
                option.help_heading(None)
            } else {
                option.hide(true)
            }
        });
        named(main, program)
    }

    /// The same with all options in the help.
    pub(crate) fn whole(program: &Program) -> clap::Command {
        named(Self::command(), program)
    }

    /// The command, and for `run` the matches with its options.
    pub(crate) fn command_of(
        matches: &ArgMatches,
    ) -> Result<(Command, Option<&ArgMatches>), clap::Error> {
        let command = Self::from_arg_matches(matches)?.into_command();
        let of_run = match command {
            Command::Run(_) => Some(matches.subcommand_matches("run").unwrap_or(matches)),
            _ => None,
        };
        Ok((command, of_run))
    }

    /// The command that was given, or `run`.
    fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Run(Box::new(self.run)))
    }
}

/// The command line under the program's name.
fn named(definition: clap::Command, program: &Program) -> clap::Command {
    let with_own = |command: clap::Command| (program.own)(command.next_help_heading(OWN));
    let mut definition = with_variables(definition)
        .name(&program.name)
        .version(program.version())
        .long_version(version::long(program))
        .after_help(help::examples(program));
    if let Some(about) = &program.about {
        definition = definition.about(about);
    }
    let definition = definition.mut_subcommands(|command| match command.get_name() {
        "run" => with_own(with_variables(command)).after_long_help(program.words(help::RUN)),
        "call" => command.after_long_help(program.words(help::CALL)),
        "load" => command.after_long_help(program.words(LOAD_HELP)),
        "show-config" => with_variables(command).after_long_help(help::SHOW_CONFIG),
        "check" => command.after_long_help(help::CHECK),
        "gen-config" => command.after_long_help(program.words(help::GEN_CONFIG)),
        "healthcheck" => command.after_long_help(program.words(help::HEALTHCHECK)),
        "init" => command.after_long_help(program.words(help::INIT)),
        "test" => command.after_long_help(program.words(help::TEST)),
        "explain" => command.after_long_help(program.words(help::EXPLAIN)),
        "listen" => command.after_long_help(program.words(help::LISTEN)),
        "kinds" => command.after_long_help(program.words(help::KINDS)),
        "schema" => command.after_long_help(program.words(help::SCHEMA)),
        _ => command,
    });
    shaped(with_own(definition))
}

impl Command {
    /// Whether only the exit code shows a failure.
    pub(crate) fn is_quiet(&self) -> bool {
        matches!(self, Self::Healthcheck(options) if options.quiet)
    }
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;
    use spoa_actors::{Limit, Limits};

    use super::*;

    use spoa_handlers::configuration::Address;

    use crate::limit_options;

    fn parse(words: &str) -> Result<Command, ErrorKind> {
        let matches =
            Cli::definition(&Program::default()).try_get_matches_from(words.split_whitespace());
        matches
            .and_then(|matches| Cli::from_arg_matches(&matches))
            .map(Cli::into_command)
            .map_err(|error| error.kind())
    }

    fn run_options(words: &str) -> RunOptions {
        match parse(words) {
            Ok(Command::Run(options)) => *options,
            other => panic!("{words} is {other:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::definition(&Program::default()).debug_assert();
    }

    #[test]
    fn run_is_the_default() {
        let listeners = |words: &str| run_options(words).listeners().collect::<Vec<_>>();
        assert_eq!(listeners("spoa-agent"), []);
        assert_eq!(listeners("spoa-agent run"), []);
        let tcp = |text: &str| Address::Tcp(text.to_owned());
        let several =
            "spoa-agent --listen [::1]:1,localhost:2 --listen 127.0.0.1:3 --unix a --unix-mode 660";
        assert_eq!(
            listeners(several),
            [
                tcp("[::1]:1"),
                tcp("localhost:2"),
                tcp("127.0.0.1:3"),
                Address::Unix("a".into(), Some(0o660))
            ]
        );
        let handed_over = [Address::Systemd(Some("a".to_owned())), Address::Systemd(None)];
        assert_eq!(listeners("spoa-agent --listen systemd:a --listen systemd"), handed_over);
    }

    #[test]
    fn the_defaults_are_those_of_the_library() {
        let options = run_options("spoa-agent");
        let limits = options.limits();
        assert!(limits.memory <= Limits::default().memory, "a cgroup may allow less");
        assert_eq!(limits.memory(Limits::default().memory), Limits::default());
        assert!(options.admin.admin.is_none());
        assert!(
            options.worker_threads.is_none() && !options.fill_empty_acks && !options.asynchronous
        );
    }

    #[test]
    fn wrong_usage_is_refused() {
        use ErrorKind::{
            ArgumentConflict, MissingRequiredArgument, UnknownArgument, ValueValidation,
        };
        for (words, kind) in [
            ("spoa-agent run --listen localhost", ValueValidation),
            ("spoa-agent run --listen systemd:", ValueValidation),
            ("spoa-agent run --admin 9901", ValueValidation),
            ("spoa-agent run --admin unix:", ValueValidation),
            ("spoa-agent run --admin-host a", MissingRequiredArgument),
            ("spoa-agent run --admin-token-file a", MissingRequiredArgument),
            ("spoa-agent run --worker-threads 0", ValueValidation),
            ("spoa-agent run --deadline 5", ValueValidation),
            ("spoa-agent run --max-frame-size 255", ValueValidation),
            ("spoa-agent run --max-connections 0", ValueValidation),
            ("spoa-agent run --max-connections 16777217", ValueValidation),
            ("spoa-agent run --max-messages 18446744073709551615", ValueValidation),
            ("spoa-agent run --max-memory 1.5GiB", ValueValidation),
            ("spoa-agent run --unix-mode 660", MissingRequiredArgument),
            ("spoa-agent run --tls-cert a", MissingRequiredArgument),
            ("spoa-agent run --tls-key a", MissingRequiredArgument),
            ("spoa-agent run --tls-client-ca a", MissingRequiredArgument),
            ("spoa-agent call m --tls-cert a --tls-key b", MissingRequiredArgument),
            ("spoa-agent call m --tls-ca a --unix b", ArgumentConflict),
            ("spoa-agent --listen [::1]:1 call m", ArgumentConflict),
            ("spoa-agent call", MissingRequiredArgument),
            ("spoa-agent call ip=127.0.0.1", ValueValidation),
            ("spoa-agent call m ip", ValueValidation),
            ("spoa-agent call m --addr a:1 --unix b", ArgumentConflict),
            ("spoa-agent healthcheck m", UnknownArgument),
        ] {
            assert_eq!(parse(words).err(), Some(kind), "{words}");
        }
    }

    /// What an option with a value of this name takes, at both of its ends, and what it does not; nothing if
    /// any text will do, or text of a form that has tests of its own.
    fn bounds(command: &str, option: &str, value: &str) -> Option<(&'static str, &'static str)> {
        Some(match (command, option, value) {
            ("run", "notice-period" | "refusal-delay", _) | ("load", "warmup", _) => {
                ("0s 0ms 1ms 24h", "25h 86400001ms 1 s -1s")
            }
            (_, _, "DURATION") => ("1ms 24h", "0s 0ms 25h 86400001ms 1 s -1s"),
            ("run", "worker-threads", _) => ("1 1k 1024", "0 1025 -1 x"),
            ("run", _, "N") => ("1 1k 16m 16777216", "0 -1 x 1e3 16777217 17m"),
            ("run", "max-frame-size", _) => ("256 4294967295 16k", "0 255 4294967296 4g -1 x 16kb"),
            ("run", _, "SIZE") => ("1 1k 4m 64GiB", "0 0MiB -1 1MB 99999999999GiB"),
            ("run", _, "BOOL") => ("true false 1 0 on off", "x 2"),
            ("run", "trace-ratio", _) => ("0 1", "-0.1 1.1 NaN inf x"),
            ("run", "trace-message", _) => ("m=0 m=1", "m=-0.1 m=1.1 m=NaN m=x m =1"),
            ("load", "connections", _) => ("1 100000 10k", "0 100001 -1 x"),
            ("load", "window", _) => ("0 100000 1k", "100001 -1 x"),
            ("load", "frames", _) => {
                ("1 18446744073709551615 10k 1m", "0 18446744073709551616 -1 x")
            }
            ("load", "rate", _) => ("1 10000000 10m", "0 10000001 11m -1 x"),
            ("load", "expect", _) => ("0 255", "-1 x"),
            ("load", "max-frame-size", _) => ("256 16777216 16m", "0 255 16777217 17m -1 x"),
            ("load", "fill", _) => ("1:0 255:16777216 10:1k", "0:1 256:1 1:16777217 1 x:1 1:x"),
            ("load", "binary", _) => ("b:0 b:16777216 b:8k", "b:16777217 b b:x b:-1"),
            ("load", "pid", _) => ("1 4294967295", "0 4294967296 -1 x"),
            (_, _, "OCTAL") => ("0 777", "1000 8 -1 x"),
            (_, _, "HOST:PORT") => ("a:0 [::1]:65535", "a a:65536 :1 1 a:x"),
            ("listen", "set", _) => ("txn.x=1 proc.a.b:uint64=7", "x=1 txn.x txn.x:int=a"),
            ("gen-config", "haproxy", _) => ("2.6 2.8 3.0 3.2 3.4", "2.4 3 3.40 x"),
            ("gen-config", "prefix", _) => ("a my_guard2", "A 1a a.b a-b _a"),
            (
                _,
                _,
                "DIR" | "FILE" | "PATH" | "FILTER" | "NAME" | "URL" | "NAME=VALUE" | "KIND=NAME",
            ) => {
                return None;
            }
            (_, _, "PROTOCOL" | "SCOPE" | "WHICH" | "HOST:PORT|unix:PATH") => return None,
            (_, "log-format", _) => return None,
            _ => panic!("what does --{option} {value} of {command} take?"),
        })
    }

    #[test]
    fn every_option_takes_what_is_within_its_bounds_and_refuses_what_is_beyond() {
        let definition = Cli::definition(&Program::default());
        let mut count = 0;
        // `show-config` has the options of `run`.
        let commands = definition.get_subcommands();
        for command in commands.filter(|command| command.get_name() != "show-config") {
            let name = command.get_name();
            let takes_value = |option: &&clap::Arg| option.get_action().takes_values();
            for option in command.get_arguments().filter(takes_value) {
                let Some(long) = option.get_long() else { continue };
                let value = option.get_value_names().unwrap_or_default()[0].as_str();
                let Some((taken, refused)) = bounds(name, long, value) else { continue };
                let message = if matches!(name, "call" | "load") { "m" } else { "" };
                let outcome =
                    |value| parse(&format!("spoa-agent {name} --{long}={value} {message}"));
                for value in taken.split(' ') {
                    // Some need another option beside them.
                    let refused = outcome(value)
                        .err()
                        .filter(|kind| *kind != ErrorKind::MissingRequiredArgument);
                    assert_eq!(refused, None, "{name} --{long}={value}");
                }
                for value in refused.split(' ') {
                    let kind = outcome(value).err();
                    let is_refused =
                        matches!(kind, Some(ErrorKind::ValueValidation | ErrorKind::InvalidValue));
                    assert!(is_refused, "{name} --{long}={value}: {kind:?}");
                }
                count += 1;
            }
        }
        assert!(count >= 35, "only {count} options have bounds");
    }

    #[test]
    fn every_limit_has_an_option_that_the_log_names() {
        let definition = Cli::definition(&Program::default());
        let run = definition.find_subcommand("run").expect("it is a command");
        let options: Vec<_> = run.get_arguments().filter_map(clap::Arg::get_long).collect();
        for limit in Limit::ALL {
            let option = limit_options::option(limit);
            let name = option.strip_prefix("--").unwrap_or_default();
            assert!(options.contains(&name), "{limit:?} is {option}, which is no option of run");
        }
    }
}
