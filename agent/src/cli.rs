//! The command line: four commands, of which `run` is the default.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};
use spoa_actors::{Limits, Tls};
use spoa_load::{
    Argument, DEFAULT_ADDRESS, Endpoint, LOAD_HELP, LoadOptions,
    options::{address, count, duration, message_name},
};

use crate::{
    admin_options::AdminOptions, limit_options::LimitOptions, options,
    telemetry::options::TelemetryOptions, timeout_options::TimeoutOptions,
};

const EXAMPLES: &str = "\
Examples:
  spoa-agent                                          serve on 127.0.0.1:12345
  spoa-agent --listen 0.0.0.0:12345                   serve on all interfaces
  spoa-agent --admin 127.0.0.1:9901                   and show at http://127.0.0.1:9901/ what it does
  spoa-agent run --unix /run/spoa.sock --unix-mode 660
  spoa-agent --listen 0.0.0.0:12345 --tls-cert agent.pem --tls-key agent.key
  spoa-agent call check-client-ip ip=127.0.0.1        ask, and print the actions
  spoa-agent load check-client-ip ip=127.0.0.1        ask without end, and measure
  spoa-agent healthcheck                              exit 0 if the agent that runs here is healthy";

const RUN_HELP: &str = "\
Environment:
  RUST_LOG        what is logged to stderr, unless --log says it
  OTEL_...        telemetry, in the words of the standard; options win over them: OTEL_SDK_DISABLED,
                  OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_PROPAGATORS,
                  OTEL_TRACES_EXPORTER and OTEL_METRICS_EXPORTER (otlp or none),
                  OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG, OTEL_METRIC_EXPORT_INTERVAL,
                  OTEL_BSP_MAX_QUEUE_SIZE, OTEL_BSP_MAX_EXPORT_BATCH_SIZE, OTEL_BSP_SCHEDULE_DELAY
  OTEL_EXPORTER_OTLP_...
                  the same with _TRACES_ or _METRICS_ in it, for one of them: ENDPOINT, PROTOCOL,
                  HEADERS, TIMEOUT, COMPRESSION, CERTIFICATE, CLIENT_CERTIFICATE, CLIENT_KEY

Exit codes:
  0  ended by SIGTERM or SIGINT, after the notice period if HAProxy checks its health; a second
     signal, 1 s or more later, ends it at once
  1  it could not start
  2  wrong usage";

const CALL_HELP: &str = "\
Arguments of the message:
  ip=127.0.0.1      the type is inferred: true and false are bool, whole numbers int64 (uint64
                    above 9223372036854775807), IPv4 and IPv6 addresses; all else is a string
  ip:ipv4=127.0.0.1 the type is given: null, bool, int32, uint32, int64 (or int), uint64, ipv4,
                    ipv6, string (or str), binary (or bin)
  body:bin=0xcafe   a binary is hexadecimal
  referer:null      no value
  =127.0.0.1        an argument without a name

Output:
  One line for every action, or `no actions`: that is also the answer to a message that the agent
  does not know, or whose handler failed. A warning on stderr names the possible causes, and the
  agent's log says which it was.
  With --json one line, such as
    {\"actions\":[{\"action\":\"set-var\",\"scope\":\"sess\",\"name\":\"ip_score\",\"type\":\"int64\",\"value\":20}]}
  Addresses are strings. Binaries, and strings that are no UTF-8, are 0x and hexadecimal digits,
  and have \"encoding\":\"hex\".

Exit codes:
  0  the agent answered
  1  the agent cannot be reached, refused, broke the protocol, or answered too late
  2  wrong usage
  3  the agent answered without an action, and --fail-empty was given

Examples:
  spoa-agent call check-client-ip ip=127.0.0.1
  spoa-agent call --unix /run/spoa.sock --json check-client-ip ip=2001:db8::1
  spoa-agent call check-client-ip ip=192.0.2.1 -- get-ip-reputation ip=192.0.2.1";

const HEALTHCHECK_HELP: &str = "\
It does what `option spop-check` of HAProxy does.

Without --addr and --unix it finds the agent that runs here, of this user or of anybody if it is
root, and asks each of its listeners, in TLS and with a PROXY header where the listener wants them.
Any certificate will do unless --tls-ca is given. If no agent is found, it asks 127.0.0.1:12345.
An agent in another container is not found.

Exit codes:
  0  healthy: every listener that was asked
  1  not healthy
  2  wrong usage, or several agents run here and none was named";

/// A SPOE agent for HAProxy, and the tools to ask one.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunOptions,
}

/// What shall be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve until SIGTERM or SIGINT; the default without a command
    #[command(after_help = RUN_HELP)]
    Run(RunOptions),
    /// Ask an agent once, as HAProxy would, and print the actions of its answer
    #[command(after_help = CALL_HELP)]
    Call(CallOptions),
    /// Ask an agent as often as it can answer, check every answer, and measure
    #[command(after_help = LOAD_HELP)]
    Load(LoadOptions),
    /// Tell whether an agent is healthy
    #[command(after_help = HEALTHCHECK_HELP)]
    Healthcheck(HealthcheckOptions),
}

/// Where and how the agent serves.
#[derive(Args, Debug)]
pub(crate) struct RunOptions {
    /// A TCP address to listen on, all those of a name; may be repeated, port 0 takes a free one
    /// [default: 127.0.0.1:12345 if there is no --unix]
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    listen: Vec<String>,
    /// The path of a UNIX socket to listen on; may be repeated
    #[arg(long, value_name = "PATH")]
    pub(crate) unix: Vec<PathBuf>,
    /// The permission bits of the UNIX sockets, such as 660 [default: as the umask leaves them]
    #[arg(long, value_name = "OCTAL", value_parser = options::mode, requires = "unix")]
    pub(crate) unix_mode: Option<u32>,
    /// Speak TLS on the TCP addresses, with the certificate of this file in PEM and those between it
    /// and its CA; it is read again when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key in PEM of the certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Ask for a certificate of the client (mutual TLS), signed by a CA of this file in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_client_ca: Option<PathBuf>,
    /// Take only connections that begin with a PROXY header, on TCP and UNIX: `send-proxy` or
    /// `send-proxy-v2` on HAProxy's server line up to 3.2; 3.3 and newer ignore them for agents and
    /// need a relay
    #[arg(long)]
    pub(crate) proxy_protocol: bool,
    /// How many arbiters, each with a thread of its own, share the connections [default: one per
    /// core]
    #[arg(long, value_name = "N", value_parser = count::<usize>(1..=1024, "4"))]
    pub(crate) arbiters: Option<usize>,
    /// Let an ACK whose connection has gone leave on another of the same engine; HAProxy up to 3.0
    /// offers it, and then waits for such an ACK until `timeout processing`
    #[arg(long = "async")]
    pub(crate) asynchronous: bool,
    /// Never send an ACK without actions: HAProxy 3.1.0 to 3.1.4 let its stream wait until `timeout
    /// processing`
    #[arg(long)]
    pub(crate) fill_empty_acks: bool,
    #[command(flatten)]
    pub(crate) admin: AdminOptions,
    #[command(flatten)]
    pub(crate) limits: LimitOptions,
    #[command(flatten)]
    pub(crate) timeouts: TimeoutOptions,
    #[command(flatten)]
    pub(crate) telemetry: TelemetryOptions,
}

/// What shall be asked, and whom.
#[derive(Args, Debug)]
pub(crate) struct CallOptions {
    /// The name of the message, as after `spoe-message` in HAProxy's configuration
    #[arg(value_parser = message_name)]
    pub(crate) message: String,
    /// The arguments of the message
    #[arg(value_name = "NAME[:TYPE]=VALUE")]
    pub(crate) arguments: Vec<Argument>,
    /// Further messages of the same NOTIFY, each behind a `--`
    #[arg(last = true, value_name = "MESSAGE NAME=VALUE")]
    pub(crate) further: Vec<String>,
    #[command(flatten)]
    pub(crate) endpoint: Endpoint,
    /// How long all of it may take
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "5s")]
    pub(crate) timeout: Duration,
    /// Print the answer as JSON, long values as a whole
    #[arg(long)]
    pub(crate) json: bool,
    /// Exit with 3 if the answer has no actions
    #[arg(long)]
    pub(crate) fail_empty: bool,
}

/// Whose health is asked for.
#[derive(Args, Debug)]
pub(crate) struct HealthcheckOptions {
    #[command(flatten)]
    pub(crate) endpoint: Endpoint,
    /// How long all of it may take
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "2s")]
    pub(crate) timeout: Duration,
    /// Print nothing: the exit code says it
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

impl Cli {
    /// The command that was given, or `run`.
    pub(crate) fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Run(self.run))
    }
}

impl Command {
    /// Whether a failure is told by the exit code alone.
    pub(crate) fn is_quiet(&self) -> bool {
        matches!(self, Self::Healthcheck(options) if options.quiet)
    }
}

impl RunOptions {
    /// The TCP addresses to listen on: the default one only if nothing else was asked for.
    pub(crate) fn addresses(&self) -> Vec<&str> {
        if self.listen.is_empty() && self.unix.is_empty() {
            return vec![DEFAULT_ADDRESS];
        }
        self.listen.iter().map(String::as_str).collect()
    }

    /// What the TCP addresses speak TLS with, if they do.
    pub(crate) fn tls(&self) -> Option<Tls> {
        let tls = Tls::new(self.tls_cert.as_ref()?, self.tls_key.as_ref()?);
        Some(match &self.tls_client_ca {
            Some(path) => tls.client_ca(path),
            None => tls,
        })
    }

    /// What the agent takes from its peers.
    pub(crate) fn limits(&self) -> Limits {
        self.limits.limits(&self.timeouts)
    }

    /// What `call` needs to be told to reach the TCP addresses, and the UNIX sockets.
    pub(crate) fn call_options(&self) -> [String; 2] {
        let proxy = if self.proxy_protocol { " --proxy-protocol" } else { "" };
        let tls = match (&self.tls_cert, &self.tls_client_ca) {
            (None, _) => "",
            (_, None) => " --tls-ca CA.pem",
            (_, Some(_)) => " --tls-ca CA.pem --tls-cert CLIENT.pem --tls-key CLIENT.key",
        };
        [format!("{proxy}{tls}"), proxy.to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, error::ErrorKind};
    use spoa_actors::Limit;

    use super::*;
    use crate::limit_options;

    fn parse(words: &str) -> Result<Command, ErrorKind> {
        Cli::try_parse_from(words.split_whitespace())
            .map(Cli::into_command)
            .map_err(|error| error.kind())
    }

    fn run_options(words: &str) -> RunOptions {
        match parse(words) {
            Ok(Command::Run(options)) => options,
            other => panic!("{words} is {other:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn run_is_the_default() {
        assert_eq!(run_options("spoa-agent").addresses(), [DEFAULT_ADDRESS]);
        assert_eq!(run_options("spoa-agent run").addresses(), [DEFAULT_ADDRESS]);
        let listening = run_options("spoa-agent --listen [::1]:1 --listen localhost:2");
        assert_eq!(listening.addresses(), ["[::1]:1", "localhost:2"]);
        assert!(run_options("spoa-agent --unix a --unix b").addresses().is_empty());
    }

    #[test]
    fn the_defaults_are_those_of_the_library() {
        let options = run_options("spoa-agent");
        let limits = options.limits();
        assert!(limits.memory <= Limits::default().memory, "a cgroup may allow less");
        assert_eq!(Limits { memory: Limits::default().memory, ..limits }, Limits::default());
        assert!(options.admin.admin.is_none());
        assert!(options.arbiters.is_none() && !options.fill_empty_acks && !options.asynchronous);
    }

    #[test]
    fn wrong_usage_is_refused() {
        use ErrorKind::{
            ArgumentConflict, MissingRequiredArgument, UnknownArgument, ValueValidation,
        };
        for (words, kind) in [
            ("spoa-agent run --listen localhost", ValueValidation),
            ("spoa-agent run --admin 9901", ValueValidation),
            ("spoa-agent run --admin unix:", ValueValidation),
            ("spoa-agent run --admin-host a", MissingRequiredArgument),
            ("spoa-agent run --admin-token-file a", MissingRequiredArgument),
            ("spoa-agent run --arbiters 0", ValueValidation),
            ("spoa-agent run --deadline 5", ValueValidation),
            ("spoa-agent run --max-frame-size 255", ValueValidation),
            ("spoa-agent run --max-connections 0", ValueValidation),
            ("spoa-agent run --max-connections 16777217", ValueValidation),
            ("spoa-agent run --max-in-flight 18446744073709551615", ValueValidation),
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
            ("run", "arbiters", _) => ("1 1k 1024", "0 1025 -1 x"),
            ("run", _, "N") => ("1 1k 16m 16777216", "0 -1 x 1e3 16777217 17m"),
            ("run", "max-frame-size", _) => ("256 4294967295 16k", "0 255 4294967296 4g -1 x 16kb"),
            ("run", _, "SIZE") => ("1 1k 4m 64GiB", "0 0MiB -1 1MB 99999999999GiB"),
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
            (_, _, "FILE" | "PATH" | "FILTER" | "NAME" | "URL" | "NAME=VALUE" | "KIND=NAME") => {
                return None;
            }
            (_, _, "PROTOCOL" | "SCOPE" | "WHICH" | "HOST:PORT|unix:PATH") => return None,
            (_, "log-format", _) => return None,
            _ => panic!("what does --{option} {value} of {command} take?"),
        })
    }

    #[test]
    fn every_option_takes_what_is_within_its_bounds_and_refuses_what_is_beyond() {
        let definition = Cli::command();
        let mut count = 0;
        for command in definition.get_subcommands() {
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
        let definition = Cli::command();
        let run = definition.find_subcommand("run").expect("it is a command");
        let options: Vec<_> = run.get_arguments().filter_map(clap::Arg::get_long).collect();
        for limit in Limit::ALL {
            let option = limit_options::option(limit);
            let name = option.strip_prefix("--").unwrap_or_default();
            assert!(options.contains(&name), "{limit:?} is {option}, which is no option of run");
        }
    }
}
