//! Load options: what `load` sends, how often, and where.

use std::{str::FromStr, time::Duration};

use clap::Args;
use spoa_actors::{Message, spop::MAX_FRAME_SIZE_FLOOR};

use crate::{
    ask::{
        argument::Argument,
        endpoint_options::EndpointOptions,
        message::{MessageError, message},
        value::Value,
    },
    option_values::{self, FRAME, count, duration, duration_or_zero, message_name, pid},
};

/// The number of NOTIFYs that HAProxy has in flight on a connection.
const WINDOW_OF_HAPROXY: u32 = 20;

/// The help after the options of `load`: lines of up to 80 characters.
pub(crate) const LOAD_HELP: &str = "\
Messages and their arguments are written as for `spoa-agent call`.

Closed loop (default): every connection keeps --window NOTIFYs in flight, and
sends the next one after an ACK. Use it to find the agent's highest rate.
Open loop (--rate): NOTIFYs have fixed times. A latency counts from the time of
its NOTIFY, even if the window was full then. Use it to find how long clients
would wait.

Every ACK is checked: FIN, no ABORT, the ids of a NOTIFY in flight on its
connection, a complete list of actions, within max-frame-size. ACKs in
another order are counted, and are not an error.

Output:
  A table, or one JSON object with --json. Frames are NOTIFYs with a correct ACK
  since the end of the warm-up; seconds count until the last ACK. CPU times are
  user and system time together. If no ACK has an action, a warning on stderr
  names the possible causes; --expect 0 suppresses it.

Exit codes:
  0  every NOTIFY was answered, and every answer was correct
  1  at least one was not, or the agent cannot be reached
  2  wrong usage

Examples:
  spoa-agent load check-client-ip ip=192.0.2.1
  spoa-agent load -c 16 -w 20 -d 30s --warmup 2s check-client-ip ip=::1
  spoa-agent load --rate 10k -c 8 --json check-client-ip ip=192.0.2.1
  spoa-agent load -n 100k --fill 10:100 --binary body:8k unknown
  spoa-agent load -c 10k -w 0 --pid $(pidof spoa-agent) any";

/// What `load` sends, how often, and where.
#[derive(Args, Clone, Debug)]
pub(crate) struct LoadOptions {
    /// The name of the message, as after `spoe-message` in HAProxy's configuration
    #[arg(value_parser = message_name)]
    pub(crate) message: String,
    /// The arguments of the message
    #[arg(value_name = "NAME[:TYPE]=VALUE")]
    pub(crate) arguments: Vec<Argument>,
    #[command(flatten)]
    pub(crate) endpoint: EndpointOptions,
    /// Open this number of connections
    #[arg(long, short, value_name = "N", default_value = "1")]
    #[arg(value_parser = count::<u32>(1..=100_000, "16 or 1k"))]
    pub(crate) connections: u32,
    /// Keep this number of NOTIFYs in flight on each connection
    ///
    /// With 0, none are sent, and the connections stay open. [default: 1, or with --rate 20, as in
    /// HAProxy]
    #[arg(long, short, value_name = "N", value_parser = count::<u32>(0..=100_000, "20"))]
    window: Option<u32>,
    /// Send NOTIFYs for this time, after the warm-up
    #[arg(long, short, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    pub(crate) duration: Duration,
    /// Send exactly this number of NOTIFYs, however long it takes
    #[arg(long, short = 'n', value_name = "N", conflicts_with_all = ["duration", "warmup"])]
    #[arg(value_parser = count::<u64>(1..=u64::MAX, "10000 or 10k"))]
    pub(crate) frames: Option<u64>,
    /// First send NOTIFYs for this time, and count only errors
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration_or_zero)]
    pub(crate) warmup: Duration,
    /// Open loop: send this number of NOTIFYs per second, over all connections
    #[arg(long, value_name = "N", value_parser = count::<u32>(1..=10_000_000, "10k"))]
    pub(crate) rate: Option<u32>,
    /// Add N string arguments, `a1` to `aN`, of this size each
    #[arg(long, value_name = "N:SIZE")]
    fill: Option<Fill>,
    /// Add a binary argument of this size
    #[arg(long, value_name = "NAME:SIZE")]
    binary: Option<Binary>,
    /// Expect exactly this number of actions in every ACK
    #[arg(long, value_name = "N", value_parser = count::<u64>(0..=u64::MAX, "1"))]
    pub(crate) expect: Option<u64>,
    /// Announce this max-frame-size to the agent
    #[arg(long, value_name = "SIZE", default_value = "16380", value_parser = frame_size())]
    pub(crate) max_frame_size: u32,
    /// Limit the time of waiting for an answer
    ///
    /// This is the answer to a HELLO; after --duration, all missing ACKs; with --frames, the next
    /// ACK.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Report CPU time and memory of this process, the agent on this machine
    #[arg(long, value_name = "PID", value_parser = pid)]
    pub(crate) pid: Option<u32>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print no progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

fn frame_size() -> impl Fn(&str) -> Result<u32, String> + Clone + Send + Sync + 'static {
    option_values::size(u64::from(MAX_FRAME_SIZE_FLOOR)..=*FRAME.end(), "16k")
}

/// `N:SIZE`
#[derive(Clone, Copy, Debug)]
struct Fill {
    count: usize,
    bytes: usize,
}

/// `NAME:SIZE`
#[derive(Clone, Debug)]
struct Binary {
    name: String,
    bytes: usize,
}

impl LoadOptions {
    /// The number of NOTIFYs in flight on a connection.
    pub(crate) fn window(&self) -> u32 {
        self.window.unwrap_or(if self.rate.is_some() { WINDOW_OF_HAPROXY } else { 1 })
    }

    /// The message that is sent.
    pub(crate) fn message(&self) -> Result<Message, MessageError> {
        let mut arguments = self.arguments.clone();
        if let Some(Fill { count, bytes }) = self.fill {
            let value = || Value::String("x".repeat(bytes));
            let named = |number| Argument { name: format!("a{number}"), value: value() };
            arguments.extend((1..=count).map(named));
        }
        if let Some(Binary { name, bytes }) = self.binary.clone() {
            // Varied bytes, so that compression does not help.
            let value = Value::Binary((0..=u8::MAX).cycle().take(bytes).collect());
            arguments.push(Argument { name, value });
        }
        message(&self.message, &arguments)
    }
}

impl FromStr for Fill {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "write how many and their size, such as 10:100 or 10:1k".to_owned();
        let (number, bytes) = text.split_once(':').ok_or_else(form)?;
        let number = count::<usize>(1..=255, "10:100")(number);
        let number = number.map_err(|error| format!("before the colon, {error}"))?;
        let bytes = option_values::size(FRAME, "10:1k")(bytes);
        Ok(Self {
            count: number,
            bytes: bytes.map_err(|error| format!("after the colon, {error}"))?,
        })
    }
}

impl FromStr for Binary {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "write a name and a size, such as body:8000 or body:8k".to_owned();
        let (name, bytes) = text.rsplit_once(':').ok_or_else(form)?;
        let bytes = option_values::size(FRAME, "body:8k")(bytes);
        let bytes = bytes.map_err(|error| format!("after the colon, {error}"))?;
        Ok(Self { name: name.to_owned(), bytes })
    }
}

#[cfg(test)]
mod tests {
    use clap::{Parser, error::ErrorKind};

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        options: LoadOptions,
    }

    fn parse(words: &str) -> Result<LoadOptions, ErrorKind> {
        let words = std::iter::once("load").chain(words.split_whitespace());
        let parsed = Cli::try_parse_from(words);
        parsed.map(|cli| cli.options).map_err(|error| error.kind())
    }

    #[test]
    fn no_line_of_the_help_is_broken_by_clap() {
        let longest = LOAD_HELP.lines().max_by_key(|line| line.chars().count()).unwrap();
        assert!(longest.chars().count() <= 80, "{longest}");
    }

    #[test]
    fn the_window_is_1_or_that_of_haproxy_with_a_rate() {
        for (words, window) in [("m", 1), ("m --rate 5", 20), ("m --window 0", 0)] {
            assert_eq!(parse(words).unwrap().window(), window, "{words}");
        }
    }

    #[test]
    fn arguments_are_added_behind_those_that_are_written() {
        let options = parse("m ip=::1 --fill 2:3 --binary body:4").unwrap();
        let expected = "m(ip=::1, a1=\"xxx\", a2=\"xxx\", body=0x00010203)";
        assert_eq!(options.message().unwrap().to_string(), expected);
        assert!(parse("m x=1 --fill 255:0").unwrap().message().is_err());
    }

    #[test]
    fn wrong_usage_is_refused() {
        use ErrorKind::{ArgumentConflict, MissingRequiredArgument, ValueValidation};
        for (words, kind) in [
            ("", MissingRequiredArgument),
            ("ip=::1", ValueValidation),
            ("m ip", ValueValidation),
            ("m --connections 0", ValueValidation),
            ("m --window 100001", ValueValidation),
            ("m --frames 0", ValueValidation),
            ("m --frames 1 --duration 1s", ArgumentConflict),
            ("m --frames 1 --warmup 1s", ArgumentConflict),
            ("m --duration 0s", ValueValidation),
            ("m --warmup 5", ValueValidation),
            ("m --rate 0", ValueValidation),
            ("m --fill 3", ValueValidation),
            ("m --fill 256:1", ValueValidation),
            ("m --fill 1:x", ValueValidation),
            ("m --binary 5", ValueValidation),
            ("m --max-frame-size 255", ValueValidation),
            ("m --addr a:1 --unix b", ArgumentConflict),
        ] {
            assert_eq!(parse(words).err(), Some(kind), "{words}");
        }
        assert!(parse("m --warmup 0s").is_ok());
    }
}
