//! Help: the text after the options of a command. Lines have up to 80 characters, because clap
//! breaks longer ones. The text names `spoa-agent`; `Program::words` replaces the name.

use crate::program::Program;

/// The column of a comment after a command, if there is room.
const COLUMN: usize = 42;

/// Of the program.
pub(crate) fn examples(program: &Program) -> String {
    let mut help = "Examples:\n".to_owned();
    for (words, comment) in [
        ("spoa-agent", "serve on 127.0.0.1:12345"),
        ("spoa-agent --listen 0.0.0.0:12345", "serve on all interfaces"),
        ("spoa-agent --admin 127.0.0.1:9901", "with a status page at this address"),
        ("spoa-agent --unix /run/spoa.sock --unix-mode 660", ""),
        ("spoa-agent --listen 0.0.0.0:12345 --tls-cert agent.pem --tls-key agent.key", ""),
        ("spoa-agent call check-client-ip ip=127.0.0.1", "ask once, print the actions"),
        ("spoa-agent load check-client-ip ip=127.0.0.1", "ask many times, and measure"),
        ("spoa-agent healthcheck", "exit 0 if the agent here is healthy"),
        ("spoa-agent listen", "print what HAProxy sends"),
        ("spoa-agent kinds", "list the kinds of handlers and data"),
    ] {
        let command = program.words(words);
        let gap = COLUMN.checked_sub(command.chars().count()).filter(|&gap| gap > 1).unwrap_or(4);
        let line = format!("  {command}{:gap$}{comment}", "");
        help.push_str(line.trim_end());
        help.push('\n');
    }
    help + "\nAll options of `run`, which work without the word `run` too:\n  "
        + &program.words("spoa-agent run --help")
}

/// Of `run`.
pub(crate) const RUN: &str = "\
Values:
  A SIZE is written as in HAProxy's configuration: 16k, 4m and 1g are powers of
  1024, and so are 16KiB, 4MiB and 1GiB. An N can end in k (thousands) or m
  (millions). A DURATION has a unit: 500ms, 2s, 1m or 12h.

  A BOOL is true or false; `--async` is the same as `--async=true`.

Precedence:
  Options, then the environment, then the file of --config, then defaults.

Environment:
  SPOA_...   each option of `run`, in capitals: SPOA_MAX_CONNECTIONS is
             --max-connections; several values have commas between
  RUST_LOG   the filter of the log, unless --log is given
  NO_COLOR   no colours in errors and help
  OTEL_...   telemetry, as defined by OpenTelemetry; options override them:
             OTEL_SDK_DISABLED, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES,
             OTEL_PROPAGATORS, OTEL_TRACES_EXPORTER and OTEL_METRICS_EXPORTER
             (otlp or none), OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG,
             OTEL_METRIC_EXPORT_INTERVAL, OTEL_BSP_MAX_QUEUE_SIZE,
             OTEL_BSP_MAX_EXPORT_BATCH_SIZE, OTEL_BSP_SCHEDULE_DELAY
  OTEL_EXPORTER_OTLP_...
             ENDPOINT, PROTOCOL, HEADERS, TIMEOUT, COMPRESSION, CERTIFICATE,
             CLIENT_CERTIFICATE, CLIENT_KEY; with the prefix TRACES_ or
             METRICS_, for traces or metrics alone

Exit codes:
  0  ended by SIGTERM or SIGINT, after the notice period if HAProxy checks its
     health; a second signal, 1 s or more later, ends it at once
  1  it could not start
  2  wrong usage";

/// Of `call`.
pub(crate) const CALL: &str = "\
Arguments of the message:
  ip=127.0.0.1       the type is inferred: true and false are bool, whole
                     numbers int64 (uint64 above 9223372036854775807), IPv4 and
                     IPv6 addresses; anything else is a string
  ip:ipv4=127.0.0.1  the type is given: null, bool, int32, uint32, int64 (or
                     int), uint64, ipv4, ipv6, string (or str), binary (or bin)
  body:bin=0xcafe    a binary is hexadecimal
  referer:null       no value
  =127.0.0.1         an argument without a name

Output:
  One line per action, or `no actions`. An agent also answers without actions if
  it has no handler for the message, or if the handler failed. A warning on
  stderr has the possible causes, and the agent's log has the actual one.

  With --json one line, such as
    {\"actions\":[{\"action\":\"set-var\",\"scope\":\"sess\",\"name\":\"ip_score\",
    \"type\":\"int64\",\"value\":20}]}
  Addresses are strings. Binaries, and strings that are not UTF-8, are 0x and
  hexadecimal digits, with \"encoding\":\"hex\".

Exit codes:
  0  the agent answered
  1  the agent cannot be reached, refused, broke the protocol, or answered too
     late
  2  wrong usage
  3  the agent answered without an action, and --fail-empty was given

Examples:
  spoa-agent call check-client-ip ip=127.0.0.1
  spoa-agent call --unix /run/spoa.sock --json check-client-ip ip=127.0.0.1
  spoa-agent call check-client-ip ip=127.0.0.1 -- get-ip-reputation ip=127.0.0.1";

/// Of `check`.
pub(crate) const CHECK: &str = "\
It prints all findings at once, each with its place and its fix. It opens no
socket and changes nothing.

Exit codes:
  0  the agent would start with this file; there may be warnings
  1  there are errors
  2  wrong usage";

/// Of `show-config`.
pub(crate) const SHOW_CONFIG: &str = "\
It takes the options of `run`, and opens no socket. Each line ends with where
its value comes from: an option, an environment variable, a line of the file,
or the default. A secret is never printed.

Exit codes:
  0  printed
  1  the file has errors
  2  wrong usage";

/// Of `gen-config`.
pub(crate) const GEN_CONFIG: &str = "\
It prints the SPOE file, the lines of a frontend, the backend of the agent and
the pages that clients see. A comment above each line names the line of the
configuration file that it comes from. With --write, they are files:
haproxy.spoa.cfg, spoa.spoe.conf, denied.html and challenge.html.

Examples:
  spoa-agent gen-config --haproxy 3.2 --config spoa-agent.toml
  spoa-agent gen-config --haproxy 2.8 --config a.toml --write /etc/haproxy

Exit codes:
  0  printed, or written
  1  the configuration file has errors, or a file is there already
  2  wrong usage";

/// Of `healthcheck`.
pub(crate) const HEALTHCHECK: &str = "\
It does the same as `option spop-check` of HAProxy.

Without --addr and --unix, it finds the agent of this user on this machine, or
of any user if it runs as root. It checks each listener of the agent, with TLS
and a PROXY header if the listener requires them. Without --tls-ca, it accepts
any certificate. If it finds no agent, it checks 127.0.0.1:12345. It does not
find agents in other containers.

Exit codes:
  0  healthy: every listener that was checked
  1  not healthy
  2  wrong usage, or several agents run here, without an address";

/// Of `explain`.
pub(crate) const EXPLAIN: &str = "\
Arguments are written as for `call`. The handlers run one after the other, with
the data, services and programs of the file, and each prints what it looked at
and what it found. Handlers that record verdicts, such as audit, do not run.

Exit codes:
  0  explained
  1  the file has errors, a handler does not start, the message lacks a required
     argument, or the deadline is over
  2  wrong usage, or the file does not have this message

Example:
  spoa-agent explain check-request ip=192.0.2.1 path=/ --config spoa-agent.toml";

/// Of `init`.
pub(crate) const INIT: &str = "\
Purposes:
  geoip          the country of the client, by a database
  ip-reputation  lists of addresses
  rate-limit     a limit of requests per client
  rules          conditions over the arguments of a message
  take-over      HAProxy's files of another agent as they are

The file has a listener, a message, handlers and tests. It never overwrites one.

Exit codes:
  0  written
  1  the file exists, or cannot be written
  2  wrong usage

Examples:
  spoa-agent init rules
  spoa-agent init geoip /etc/spoa-agent/spoa-agent.toml";

/// Of `test`.
pub(crate) const TEST: &str = "\
A test has a message, cases, and data in place of that of the file:

  [[test]]
  name = \"France may not reach the admin pages\"
  message = \"check-request\"
  data = { geo = { \"198.51.100.0/24\" = { country = \"FR\" } } }
  cases = [
      { args = { ip = \"198.51.100.7\", path = \"/admin\" },
        expect = { action = \"deny\", \"geo.country\" = \"FR\", status = \"unset\" } },
  ]

Each test starts its handlers anew: limits count from zero. Services and
programs are those of the file.

Exit codes:
  0  all tests passed
  1  a test failed, or the file has errors
  2  wrong usage

Example:
  spoa-agent test spoa-agent.toml";

/// Of `listen`.
pub(crate) const LISTEN: &str = "\
It prints the first message of each name and form in full: names, types, lengths
of texts and binaries in bytes, and the beginning of each value. Then it prints
how many have come: 10, 100, 1000 and so on. Arguments without a name are $1, $2
and so on.

Values are printed, and can be secret, such as cookies. --write writes none.

Exit codes:
  0  ended by SIGTERM or SIGINT
  1  it could not start, or could not write the file
  2  wrong usage

Examples:
  spoa-agent listen
  spoa-agent listen --set txn.allowed=true --set sess.score:int=20
  spoa-agent listen --unix /run/spoa.sock --write spoa-agent.toml";

/// Of `kinds`.
pub(crate) const KINDS: &str = "\
The page of a kind is in Markdown. It has the settings of the kind itself, and
those of every handler, or of all data.

Exit codes:
  0  printed
  1  cannot print
  2  there is no such kind

Examples:
  spoa-agent kinds
  spoa-agent kinds rules";

/// Of `schema`.
pub(crate) const SCHEMA: &str = "\
Editors with Taplo, such as VS Code with Even Better TOML, complete and explain
the keys of a file that begins with this line:

  #:schema ./spoa-agent.schema.json

Exit codes:
  0  printed
  1  cannot print

Example:
  spoa-agent schema > spoa-agent.schema.json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_broken_by_clap() {
        let examples = examples(&Program::default());
        let lines =
            [&examples, RUN, CALL, CHECK, HEALTHCHECK, EXPLAIN, INIT, TEST, LISTEN, KINDS, SCHEMA];
        let lines = lines.into_iter().flat_map(str::lines);
        let longest = lines.max_by_key(|line| line.chars().count()).unwrap();
        assert!(longest.chars().count() <= 80, "{longest}");
    }
}
