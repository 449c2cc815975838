//! The command: serves until a signal, then prints how many messages came.

use std::{
    io,
    num::NonZero,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use spoa_actors::{Agent, ForeignText, Listen, Registry, Route, RunningAgent, Signals};
use thiserror::Error;

use super::{
    listen_options::ListenOptions, observer::Observer, printed, seen::Seen,
    set_variable::SetVariable, starter::starter, starter_file::StarterFile,
};
use crate::{failure::Failure, program::called, run::RunError, telemetry::line_queue::LineQueue};

/// How long stdout can delay the end.
const LAST_LINES: Duration = Duration::from_secs(1);

#[derive(Debug, Error)]
enum ListenError {
    #[error("cannot create {}: {cause}{}", .path.display(), fix(.cause))]
    Create { path: PathBuf, cause: io::Error },
    #[error("cannot write {}: {cause}", .path.display())]
    Write { path: PathBuf, cause: io::Error },
}

fn fix(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AlreadyExists => "; name a file that does not exist yet",
        _ => "",
    }
}

/// Answers every message and prints what comes, until SIGTERM or SIGINT.
pub(crate) async fn listen(options: ListenOptions) -> Result<(), Failure> {
    let mut signals = Signals::listen().map_err(|error| Failure::from(RunError::from(error)))?;
    let lines = LineQueue::start(io::stdout()).map_err(RunError::Runtime)?;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut observer = Observer {
        answer: Arc::new(SetVariable::actions(&options.set)),
        lines: lines.clone(),
        seen,
        all: options.all,
        changed: None,
    };
    let file = written(&options, &mut observer)?;
    let handler = observer.clone();
    let registry = Registry::new().catch_all(Route::handler(move || handler.clone()));
    let announce = |running: &RunningAgent| {
        let tcp = running.local_addresses().iter().map(ToString::to_string);
        let unix = options.unix.iter().map(|path| format!("unix {}", path.display()));
        let places = tcp.chain(unix).collect::<Vec<_>>().join(", ");
        let line =
            format!("{} listens on {places} and prints what comes; end it with Ctrl-C", called());
        lines.push(format!("{}\n", ForeignText::of(&line)).as_bytes());
    };
    let served = bind(&options).map(|agent| agent.serve_until(registry, &mut signals, announce));
    let ended = match served {
        Ok(served) => served.await.map(drop).map_err(RunError::from),
        Err(error) => Err(error),
    };
    observer.print_counts();
    lines.flush_within(LAST_LINES);
    drop(observer);
    if let Some((path, file)) = file {
        file.end().map_err(|cause| Failure::Failed(ListenError::Write { path, cause }.into()))?;
    }
    Ok(ended?)
}

/// The configuration file, if one is written.
fn written(
    options: &ListenOptions,
    observer: &mut Observer,
) -> Result<Option<(PathBuf, StarterFile)>, Failure> {
    let Some(path) = options.write.clone() else { return Ok(None) };
    let (seen, set) = (Arc::clone(&observer.seen), options.set.clone());
    let text = move || {
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        starter(&seen, &set)
    };
    match StarterFile::create(&path, text) {
        Ok((file, changed)) => {
            observer.changed = Some(changed);
            Ok(Some((path, file)))
        }
        Err(cause) => Err(Failure::Failed(ListenError::Create { path, cause }.into())),
    }
}

/// One worker thread is enough to look at what comes.
fn bind(options: &ListenOptions) -> Result<Agent, RunError> {
    let mut agent = Agent::new().arbiters(NonZero::<usize>::MIN);
    for address in options.addresses() {
        agent = agent.listen_on(Listen::tcp(address))?;
    }
    for path in &options.unix {
        agent = agent.listen_on(Listen::unix(path))?;
    }
    Ok(agent)
}

impl Observer {
    fn print_counts(&self) {
        let seen = self.seen();
        for message in &seen.messages {
            self.lines.push(printed::count(&message.name, message.count).as_bytes());
        }
        if seen.others > 0 {
            self.lines.push(printed::count(b"others", seen.others).as_bytes());
        }
    }
}
