//! Log: what the library reports through `tracing`, and on stderr without a subscriber.
//!
//! A first agent has no subscriber. It should still report that it listens, that a message has no
//! handler, or that an argument is missing.

use std::{
    fmt::{self, Write},
    io,
    os::fd::AsFd,
    sync::{
        OnceLock,
        atomic::{
            AtomicBool,
            Ordering::{Acquire, Release},
        },
    },
    thread,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber, dispatcher,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
    subscriber::NoSubscriber,
};

use crate::spop::ForeignText;

/// The prefix of the library's event targets.
const CRATE: &str = "spoa_actors";

/// How many bytes of a line are shown. With its head and end, a line is below 4 KiB, which a pipe
/// takes atomically.
const LONGEST: usize = 3 * 1024;

/// How often a line retries before it is dropped: another program may have filled the pipe
/// meanwhile.
const PATIENCE: u32 = 100;

/// Set if an agent has started in a process without a subscriber.
static STDERR: OnceLock<Dispatch> = OnceLock::new();

/// `tracing::error!`, and on stderr without a subscriber.
macro_rules! error_ {
    ($($event:tt)+) => { $crate::log::report(|| tracing::error!($($event)+)) };
}

/// `tracing::warn!`, and on stderr without a subscriber.
macro_rules! warn_ {
    ($($event:tt)+) => { $crate::log::report(|| tracing::warn!($($event)+)) };
}

pub(crate) use {error_ as error, warn_ as warn};

/// From now on, writes events to stderr if there is no subscriber, unless the process has had one.
///
/// A subscriber that is set later, for the process or a thread, is used first: nothing is
/// installed.
pub(crate) fn fall_back_to_stderr() {
    if !dispatcher::has_been_set() {
        STDERR.get_or_init(|| Dispatch::new(Stderr));
    }
}

/// Emits an event, on stderr without a subscriber.
#[cold]
pub(crate) fn report(event: impl FnOnce()) {
    let is_unheard = || dispatcher::get_default(|current| current.is::<NoSubscriber>());
    match STDERR.get() {
        Some(stderr) if is_unheard() => dispatcher::with_default(stderr, event),
        _ => event(),
    }
}

/// Writes the events of the library, one per line, in the format of `tracing_subscriber::fmt`.
struct Stderr;

impl Subscriber for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let is_ours = metadata.target().starts_with(CRATE);
        is_ours && metadata.is_event() && *metadata.level() <= Level::INFO
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }

    fn event(&self, event: &Event<'_>) {
        write(io::stderr(), &line(event).to_string());
    }

    // Spans are ignored.

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// `WARN spoa_actors: what happened name=value`
struct Line {
    level: Level,
    said: String,
}

fn line(event: &Event<'_>) -> Line {
    let mut line = Line { level: *event.metadata().level(), said: String::new() };
    event.record(&mut line);
    line
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // If a `Debug` fails midway, what it has written is shown.
        let _ = match field.name() {
            "message" => write!(self.said, "{value:?}"),
            name => write!(self.said, " {name}={value:?}"),
        };
    }
}

/// One line, whatever the text contains.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = ForeignText::of(&self.said).up_to(LONGEST);
        writeln!(f, "{} {CRATE}: {said}", self.level)
    }
}

/// Writes a line, or drops it if stderr is not read: a full pipe would stop the arbiter.
fn write(file: impl AsFd, line: &str) {
    // One thread at a time: the space that two have seen can be enough for one only.
    static IS_WRITING: AtomicBool = AtomicBool::new(false);
    let take_turn = || {
        let is_free = !IS_WRITING.swap(true, Acquire);
        if !is_free {
            thread::yield_now();
        }
        is_free
    };
    if !(0..PATIENCE).any(|_| take_turn()) {
        return;
    }
    let mut is_ready = [PollFd::new(&file, PollFlags::OUT)];
    if poll(&mut is_ready, Some(&Timespec::default())).is_ok_and(|ready| ready == 1) {
        // Not through std, whose lock another thread can hold while it waits for the reader.
        let _ = rustix::io::write(&file, line.as_bytes());
    }
    IS_WRITING.store(false, Release);
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc, Mutex, PoisonError,
            atomic::{AtomicUsize, Ordering::SeqCst},
            mpsc,
        },
        time::Duration,
    };

    use super::*;

    /// Stores the lines.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<String>>);

    impl Subscriber for Kept {
        fn event(&self, event: &Event<'_>) {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push_str(&line(event).to_string());
        }

        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            Stderr.enabled(metadata)
        }

        fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
            Stderr.new_span(span)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    fn lines(events: impl FnOnce()) -> String {
        let kept = Kept::default();
        dispatcher::with_default(&Dispatch::new(kept.clone()), events);
        kept.0.lock().unwrap().clone()
    }

    #[test]
    fn an_event_is_one_line_with_its_fields() {
        let lines = lines(|| {
            warn!(suppressed = 0, name = "a b", absent = None::<u8>, "no {}", "route");
            error!("a bug");
            tracing::debug!("a detail");
            tracing::warn!(target: "another", "what others report");
        });
        assert_eq!(
            lines,
            "WARN spoa_actors: no route suppressed=0 name=\"a b\"\nERROR spoa_actors: a bug\n"
        );
    }

    #[test]
    fn what_others_have_chosen_ends_no_line_and_makes_none_too_long() {
        let hostile = "\nERROR \u{1b}[2J\u{202e}";
        let escaped = r"\nERROR \u{1b}[2J\u{202e}";
        let said = lines(|| warn!(name = %hostile, "{hostile}"));
        assert_eq!(said, format!("WARN spoa_actors: {escaped} name={escaped}\n"));
        let long = "x\n".repeat(100_000);
        let said = lines(|| warn!("{long}"));
        assert_eq!(said.matches('\n').count(), 1);
        assert!(said.ends_with("… (200000 bytes)\n"));
        assert!(said.len() < 4096, "{}", said.len());
    }

    #[test]
    fn no_thread_waits_for_a_pipe_that_nobody_reads_though_two_have_seen_its_last_room() {
        let (ended, ends) = mpsc::channel();
        for _ in 0..2000 {
            let (_reader, writer) = io::pipe().unwrap();
            (0..15).for_each(|_| write(&writer, &"x".repeat(4096)));
            let (writer, ready) = (Arc::new(writer), Arc::new(AtomicUsize::new(0)));
            for _ in 0..2 {
                let (writer, ready, ended) = (Arc::clone(&writer), ready.clone(), ended.clone());
                thread::spawn(move || {
                    let line = "x".repeat(LONGEST);
                    ready.fetch_add(1, SeqCst);
                    while ready.load(SeqCst) < 2 {
                        thread::yield_now();
                    }
                    write(&*writer, &line);
                    ended.send(()).unwrap();
                });
            }
            (0..2).for_each(|_| ends.recv_timeout(Duration::from_secs(60)).unwrap());
        }
    }
}
