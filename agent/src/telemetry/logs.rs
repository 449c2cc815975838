//! Logs: lines on stderr for people or machines, with a filter that can be changed at run time.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use clap::ValueEnum;
use spoa_actors::ForeignText;
use thiserror::Error;
use tracing::Metadata;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt, FilterFn, ParseError, filter_fn},
    fmt::{self, format::JsonFields},
    reload,
};

use crate::telemetry::{
    json_line::JsonLine,
    line_queue::{LineQueue, LostLines},
    one_line::OneLine,
};

/// The target of the spans round handlers' calls.
pub(crate) const HANDLE: &str = "spoa_actors::handle";

/// What serves the admin endpoint and carries telemetry to the collector, and what of it is of use unless
/// more is asked for: no complaint about what somebody else has sent, as there is one for each time.
const QUIET: [&str; 8] = [
    "actix_http=off",
    "actix_server=warn",
    "opentelemetry=error",
    "h2=warn",
    "hyper=warn",
    "reqwest=warn",
    "tonic=warn",
    "tower=warn",
];

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum LogFormat {
    /// human on a terminal, json otherwise
    #[default]
    Auto,
    /// Text, in colour on a terminal
    Human,
    /// One JSON object per line
    Json,
}

/// Why a filter cannot be used.
#[derive(Debug, Error)]
pub(crate) enum LogFilterError {
    #[error(
        "{:?} is not a log filter: {}; write for example info,spoa_actors=debug",
        ForeignText::new(.directive),
        ForeignText::of(.why)
    )]
    Directive { directive: String, why: String },
    #[error("the log has ended")]
    Gone,
}

/// The log: its filter, for those who change it at run time, and the way of its lines.
#[derive(Clone, Debug)]
pub(crate) struct Logs {
    handle: reload::Handle<EnvFilter, Registry>,
    lines: LineQueue,
}

/// A layer of the subscriber.
pub(crate) type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

impl Logs {
    /// The log, and the layer that hands what is logged to the queue in front of stderr.
    pub(crate) fn new(
        lines: LineQueue,
        filter: &str,
        format: LogFormat,
    ) -> Result<(Self, BoxedLayer), LogFilterError> {
        let is_terminal = io::stderr().is_terminal();
        let format = match format {
            LogFormat::Auto if is_terminal => LogFormat::Human,
            LogFormat::Auto => LogFormat::Json,
            given => given,
        };
        Self::to(lines, filter, format, is_terminal)
    }

    fn to(
        lines: LineQueue,
        filter: &str,
        format: LogFormat,
        ansi: bool,
    ) -> Result<(Self, BoxedLayer), LogFilterError> {
        let (filter, handle) = reload::Layer::new(parse(filter)?);
        // Whatever the level: a warning out of a traced call tells which trace it belongs to.
        let filter = filter.or(traced_calls());
        // A log that cannot be written must not end anything; without this, its complaint would.
        let writer = lines.clone();
        let layer = fmt::layer().with_writer(move || writer.clone()).log_internal_errors(false);
        let layer = match format {
            LogFormat::Json => layer
                .fmt_fields(JsonFields::new())
                .event_format(JsonLine)
                .with_filter(filter)
                .boxed(),
            LogFormat::Auto | LogFormat::Human => {
                layer.with_ansi(ansi).fmt_fields(OneLine).with_filter(filter).boxed()
            }
        };
        Ok((Self { handle, lines }, layer))
    }

    /// The counts of lost lines.
    pub(crate) fn lost(&self) -> LostLines {
        self.lines.lost()
    }

    /// Waits until everything is written, up to `limit`.
    pub(crate) fn flush_within(&self, limit: Duration) -> bool {
        self.lines.flush_within(limit)
    }

    /// The filter that is in use.
    pub(crate) fn filter(&self) -> String {
        self.handle.with_current(ToString::to_string).unwrap_or_default()
    }

    /// Uses another filter from now on.
    ///
    /// # Errors
    ///
    /// If it is no filter; the old one stays in use.
    pub(crate) fn set_filter(&self, filter: &str) -> Result<(), LogFilterError> {
        self.handle.reload(parse(filter)?).map_err(|_| LogFilterError::Gone)
    }
}

fn traced_calls() -> FilterFn<fn(&Metadata<'_>) -> bool> {
    filter_fn(|metadata| metadata.is_span() && metadata.target() == HANDLE)
}

/// Reads the directives one by one, so that an error names the one that is wrong.
fn parse(text: &str) -> Result<EnvFilter, LogFilterError> {
    // A regular expression may take minutes to be made, in which the admin endpoint would be silent.
    let filter = || EnvFilter::builder().with_regex(false);
    let given: Vec<_> = text.split(',').map(str::trim).filter(|given| !given.is_empty()).collect();
    for &directive in &given {
        filter().parse(directive).map_err(|error| wrong(directive, &error))?;
    }
    let all = [&["info"], &QUIET[..], &given].concat().join(",");
    filter().parse(&all).map_err(|error| wrong(&all, &error))
}

fn wrong(directive: &str, why: &ParseError) -> LogFilterError {
    LogFilterError::Directive { directive: directive.to_owned(), why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use std::{
        panic,
        sync::{Arc, Mutex},
        time::Instant,
    };

    use tracing::subscriber::with_default;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::telemetry::report_panic;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter: &str, format: LogFormat, log: impl FnOnce(&Logs)) -> String {
        let lines = Lines::default();
        let queue = LineQueue::start(lines.clone()).unwrap();
        let (logs, layer) = Logs::to(queue, filter, format, false).unwrap();
        with_default(Registry::default().with(layer), || log(&logs));
        assert!(logs.flush_within(Duration::from_secs(10)));
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_of_json_has_its_fields_and_those_of_the_call_that_it_is_in() {
        let lines = logged("warn,[lookup]=info", LogFormat::Json, |_| {
            let call = tracing::info_span!(target: HANDLE, "handle", trace_id = "4bf9", tries = 1);
            call.in_scope(|| {
                tracing::warn!(cause = "disk", stream_id = 7, "cannot answer");
                tracing::info!("not to be seen");
                let lookup = tracing::info_span!("lookup", tries = 2, path = "a\"b");
                lookup.in_scope(|| tracing::warn!("slow"));
            });
        });
        let lines: Vec<serde_json::Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [first, second] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!((&first["message"], &first["level"]), (&"cannot answer".into(), &"WARN".into()));
        assert_eq!((&first["cause"], &first["stream_id"]), (&"disk".into(), &7.into()));
        assert_eq!((&first["trace_id"], &first["tries"]), (&"4bf9".into(), &1.into()));
        assert_eq!((&second["trace_id"], &second["tries"]), (&"4bf9".into(), &2.into()));
        assert_eq!((&second["message"], &second["path"]), (&"slow".into(), &"a\"b".into()));
    }

    #[test]
    fn an_event_of_a_handler_is_one_short_line_whatever_it_holds() {
        let hostile = "bob\n2026-01-01T00:00:00Z ERROR forged \u{202e}\u{9b}2J\u{1b}[2J\u{2028}";
        for format in [LogFormat::Human, LogFormat::Json] {
            let lines = logged("", format, |_| {
                let span = tracing::info_span!(target: HANDLE, "handle", user = hostile);
                span.in_scope(|| {
                    let long = "x".repeat(1_000_000);
                    tracing::warn!(name = hostile, shown = %hostile, long, "no user {hostile}");
                });
            });
            let line = lines.strip_suffix('\n').unwrap();
            assert!(line.chars().all(ForeignText::is_plain), "{line}");
            assert!(line.len() < 6000 && line.contains("bytes)"), "{} bytes", line.len());
            assert_eq!(line.matches(r"bob\n2026").count(), 4, "{line}");
        }
    }

    #[test]
    fn a_panic_is_one_line_whatever_it_says() {
        let lines = logged("", LogFormat::Human, |_| {
            let usual = panic::take_hook();
            panic::set_hook(Box::new(report_panic));
            let ended = panic::catch_unwind(|| panic!("as {}", "asked\n2026 ERROR forged"));
            panic::set_hook(usual);
            assert!(ended.is_err());
        });
        let said = r"thread panic: as asked\n2026 ERROR forged; report this bug";
        assert!(lines.contains(said) && lines.lines().count() == 1, "{lines}");
        assert!(lines.contains("location=agent/src/telemetry/logs.rs:"), "{lines}");
    }

    #[test]
    fn the_filter_can_be_changed() {
        let lines = logged("", LogFormat::Human, |logs| {
            tracing::debug!("one");
            logs.set_filter("debug").unwrap();
            tracing::debug!("two");
            assert!(logs.set_filter("a=b=c").is_err());
            tracing::debug!("three");
            logs.set_filter("off").unwrap();
            tracing::error!("four");
        });
        assert!(!lines.contains("one") && lines.contains("two"), "{lines}");
        assert!(lines.contains("three") && !lines.contains("four"), "{lines}");
    }

    #[test]
    fn a_filter_that_is_none_is_named_with_its_fix() {
        let error = parse("info, spoa_actors=loud").unwrap_err().to_string();
        assert!(error.starts_with("\"spoa_actors=loud\" is not a log filter: "), "{error}");
        assert!(error.ends_with("write for example info,spoa_actors=debug"), "{error}");
    }

    #[test]
    fn what_carries_telemetry_is_quiet_unless_it_is_asked_for() {
        let logged = |filter| {
            logged(filter, LogFormat::Human, |_| {
                tracing::debug!(target: "h2::codec", "a frame");
                tracing::warn!(target: "hyper", "a connection");
                tracing::error!(target: "actix_http::h1::dispatcher", "a bad request");
                tracing::warn!(target: "opentelemetry_sdk", "bad baggage");
            })
        };
        let usual = logged("debug");
        assert!(!usual.contains("a frame") && usual.contains("a connection"), "{usual}");
        assert!(!usual.contains("a bad request") && !usual.contains("bad baggage"), "{usual}");
        assert!(logged("debug,h2=debug").contains("a frame"));
        assert!(logged("debug,actix_http=error").contains("a bad request"));
    }

    #[test]
    fn a_filter_is_read_at_once_whatever_it_says_of_values() {
        let costly = format!("[handle{{x=\"[01]*1{}\"}}]=debug", "[01]".repeat(64));
        let begun = Instant::now();
        parse(&costly).unwrap();
        parse(&format!("info,{costly}")).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}
