//! Audit: each call is handed to a function or a channel, with its answer.

use std::{cell::Cell, fmt, rc::Rc, sync::mpsc::SyncSender, time::Duration};

use tokio::time::Instant;

use crate::{
    error::HandlerError,
    handler::{Call, Reply},
    layer::{Layer, Next},
    observe::{LayerCount, Outcome, count},
    spop::{Actions, Message, MessageRef, TypedData},
    supervision::panics,
};

/// So much of a text or a binary is handed on, in bytes.
const LONGEST: usize = 4 << 10;

/// Hands each call on, with the arguments that you choose and its answer.
///
/// ```
/// use std::{sync::mpsc, thread};
///
/// use spoa_actors::{Actions, Registry, Route, layers::Audit};
///
/// let (records, audit) = mpsc::sync_channel(1_000);
/// thread::spawn(move || {
///     for record in audit {
///         println!("{record}");
///     }
/// });
/// let check = Route::new(|| Actions::new())
///     .layer(move || Audit::channel(records.clone()).arguments(["ip", "path"]));
/// let registry = Registry::new().on("check-request", check);
/// ```
///
/// A record never waits: if the channel is full, it is dropped. The function is called on the arbiter, when
/// the answer is known, so it must not block; if it panics, its record is dropped.
///
/// It counts `recorded` and `dropped`.
pub struct Audit {
    arguments: Box<[Box<str>]>,
    recorder: Rc<Recorder>,
}

/// A call and what came of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AuditRecord {
    /// The messages of the call with the chosen arguments, of which texts are cut at 4 KiB: one, unless the
    /// route takes several together.
    pub messages: Vec<Message>,
    /// What happened to it: `deadline_exceeded` if its answer did not come in time, or its connection has
    /// closed meanwhile.
    pub outcome: Outcome,
    /// The actions of the answer; none unless it was answered.
    pub actions: Actions,
    /// What went wrong; empty if it was answered.
    pub error: String,
    /// How long it took.
    pub took: Duration,
}

struct Recorder {
    record: Box<dyn Fn(AuditRecord) -> bool>,
    recorded: Cell<u64>,
    dropped: Cell<u64>,
}

impl Audit {
    /// Calls a function with each record.
    pub fn to(record: impl Fn(AuditRecord) + 'static) -> Self {
        Self::new(move |call| {
            record(call);
            true
        })
    }

    /// Sends each record into a channel that has room for it.
    #[must_use]
    pub fn channel(records: SyncSender<AuditRecord>) -> Self {
        Self::new(move |record| records.try_send(record).is_ok())
    }

    fn new(record: impl Fn(AuditRecord) -> bool + 'static) -> Self {
        let (recorded, dropped) = (Cell::default(), Cell::default());
        let recorder = Recorder { record: Box::new(record), recorded, dropped };
        Self { arguments: Box::default(), recorder: Rc::new(recorder) }
    }

    /// The arguments that are handed on: none unless this is called.
    #[must_use]
    pub fn arguments<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.arguments = names.into_iter().map(|name| name.into().into()).collect();
        self
    }

    fn chosen(&self, message: &MessageRef<'_>) -> Message {
        let is_chosen = |name: &[u8]| self.arguments.iter().any(|chosen| chosen.as_bytes() == name);
        let chosen = message.args().filter(|arg| is_chosen(arg.name));
        chosen.fold(Message::new(message.name()), |copy, arg| copy.arg(arg.name, cut(arg.value)))
    }
}

fn cut(value: TypedData<'_>) -> TypedData<'_> {
    match value {
        TypedData::String(text) => TypedData::String(text.get(..LONGEST).unwrap_or(text)),
        TypedData::Binary(bytes) => TypedData::Binary(bytes.get(..LONGEST).unwrap_or(bytes)),
        value => value,
    }
}

impl Layer for Audit {
    fn call(&self, call: &Call<'_>, next: Next<'_>, actions: &mut Actions) -> Reply {
        let messages = call.messages().iter().map(|message| self.chosen(message)).collect();
        let (begun, recorder) = (Instant::now(), Rc::clone(&self.recorder));
        let entry = Entry { messages, begun, recorder };
        let mut answer = Actions::new();
        match next.call(call, &mut answer) {
            Reply::Answered => {
                actions.append_all(&answer);
                entry.record(Ok(answer));
                Reply::Answered
            }
            Reply::Failed(error) => {
                entry.record(Err(&error));
                Reply::Failed(error)
            }
            Reply::Later(pending) => Reply::Later(Box::pin(async move {
                let answer = pending.await;
                entry.record(answer.as_ref().map(Actions::clone));
                answer
            })),
        }
    }

    fn counts(&self) -> Vec<LayerCount> {
        let Recorder { recorded, dropped, .. } = &*self.recorder;
        LayerCount::all("audit", [("recorded", recorded), ("dropped", dropped)])
    }
}

/// A call whose record is still to be made; one that is dropped has had no answer.
struct Entry {
    messages: Vec<Message>,
    begun: Instant,
    recorder: Rc<Recorder>,
}

impl Entry {
    fn record(mut self, answer: Result<Actions, &HandlerError>) {
        self.finish(answer);
    }

    /// Hands the record on, once.
    fn finish(&mut self, answer: Result<Actions, &HandlerError>) {
        let messages = std::mem::take(&mut self.messages);
        if messages.is_empty() {
            return;
        }
        let took = self.begun.elapsed();
        // The words of an error are code of the handler.
        let is_recorded = panics::catch(|| {
            let (outcome, error) = match &answer {
                Ok(_) => (Outcome::Answered, String::new()),
                Err(error) => (error.outcome(), error.to_string()),
            };
            let actions = answer.unwrap_or_default();
            (self.recorder.record)(AuditRecord { messages, outcome, actions, error, took })
        });
        count(match is_recorded {
            Ok(true) => &self.recorder.recorded,
            Ok(false) | Err(_) => &self.recorder.dropped,
        });
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.finish(Err(&HandlerError::DeadlineExceeded));
    }
}

/// `check-request(ip=192.0.2.1) answered in 1.2ms: set-var txn.allowed true`
impl fmt::Display for AuditRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for message in &self.messages {
            write!(f, "{message} ")?;
        }
        write!(f, "{} in {:?}", self.outcome.label(), self.took)?;
        match (self.error.is_empty(), self.actions.is_empty()) {
            (false, _) => write!(f, ": {}", self.error),
            (true, false) => write!(f, ": {}", self.actions),
            (true, true) => Ok(()),
        }
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit").field("arguments", &self.arguments).finish_non_exhaustive()
    }
}
