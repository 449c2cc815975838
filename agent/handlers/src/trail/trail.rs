//! Trail: lines that wait to be written, and the thread that writes them.

use std::{
    io, mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

use super::sink::Sink;

/// How long to wait before what could not be written is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Lines on their way to where they are written. Its thread ends when all clones are dropped and everything is
/// written, or cannot be.
#[derive(Clone, Debug)]
pub struct Trail(Arc<Handle>);

/// All trails of the process, for its end.
static ALL: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());

/// Waits until the lines of all trails of the process are written, up to `limit`: at its end, as their threads end
/// with it.
pub fn flush_all(limit: Duration) {
    let all = mem::take(&mut *ALL.lock().unwrap_or_else(PoisonError::into_inner));
    let end = Instant::now() + limit;
    for shared in all.iter().filter_map(Weak::upgrade) {
        // What is not written by then is lost with the process.
        let _ = shared.flush_within(end.saturating_duration_since(Instant::now()));
    }
}

/// What became of the lines of a trail.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TrailCounts {
    /// They are written.
    pub written: u64,
    /// They found the queue full.
    pub full: u64,
    /// They could not be written.
    pub failed: u64,
}

#[derive(Debug)]
struct Handle(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// How many bytes may wait; as many again may be on their way into the file.
    size: usize,
    /// Lines wait, or all clones are dropped.
    filled: Condvar,
    /// All that waited is written.
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    is_writing: bool,
    is_closed: bool,
    counts: TrailCounts,
}

impl Trail {
    /// A trail of which up to `size` bytes wait.
    ///
    /// # Errors
    ///
    /// If there is no thread for it.
    pub fn start(sink: impl Sink, size: usize) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            size,
            filled: Condvar::new(),
            emptied: Condvar::new(),
        });
        let handle = Handle(Arc::clone(&shared));
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| other.strong_count() > 0);
        all.push(Arc::downgrade(&shared));
        drop(all);
        thread::Builder::new().name("trail".to_owned()).spawn(move || shared.write_all(sink))?;
        Ok(Self(Arc::new(handle)))
    }

    /// Takes a line, with the line feed at its end, if there is room for it; counts it otherwise. It never waits
    /// for the file.
    pub fn push(&self, line: &[u8]) {
        let mut state = self.0.0.state();
        if state.waiting.len() + line.len() > self.0.0.size {
            state.counts.full += 1;
            return;
        }
        state.waiting.extend_from_slice(line);
        drop(state);
        self.0.0.filled.notify_one();
    }

    /// Waits until everything is written, up to `limit`; returns whether it is.
    #[must_use]
    pub fn flush_within(&self, limit: Duration) -> bool {
        self.0.0.flush_within(limit)
    }

    /// What became of its lines.
    #[must_use]
    pub fn counts(&self) -> TrailCounts {
        self.0.0.state().counts
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.state().is_closed = true;
        self.0.filled.notify_one();
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && !self.is_writing
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flush_within(&self, limit: Duration) -> bool {
        let state = self.state();
        let waited = self.emptied.wait_timeout_while(state, limit, |state| !state.is_empty());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_empty()
    }

    /// What the thread does.
    fn write_all(&self, mut sink: impl Sink) {
        let mut batch = Vec::new();
        let mut trouble = Trouble::default();
        while self.take(&mut batch) {
            let mut from = 0;
            loop {
                let mut written = from;
                let outcome = sink.write(&batch, &mut written);
                let lines = count(&batch[from..written.min(batch.len())]);
                self.state().counts.written += lines;
                from = written;
                match outcome {
                    Ok(()) => {
                        trouble.is_over(&sink.name());
                        break;
                    }
                    Err(error) => trouble.begins(&sink.name(), &error),
                }
                if self.pause() {
                    break;
                }
            }
            self.done(count(&batch[from.min(batch.len())..]));
            batch.clear();
        }
    }

    /// Waits for lines, and takes all that wait; false at the end.
    fn take(&self, batch: &mut Vec<u8>) -> bool {
        let has_nothing = |state: &mut State| state.waiting.is_empty() && !state.is_closed;
        let waited = self.filled.wait_while(self.state(), has_nothing);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        mem::swap(batch, &mut state.waiting);
        state.is_writing = !batch.is_empty();
        state.is_writing
    }

    /// Waits before another try; true if nobody is left for whom it would be made.
    fn pause(&self) -> bool {
        let is_open = |state: &mut State| !state.is_closed;
        let waited = self.filled.wait_timeout_while(self.state(), PAUSE, is_open);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_closed
    }

    fn done(&self, failed: u64) {
        let mut state = self.state();
        state.is_writing = false;
        state.counts.failed += failed;
        self.emptied.notify_all();
    }
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|&&byte| byte == b'\n').count() as u64
}

/// Whether the last try failed: it is logged once, not with every line.
#[derive(Default)]
struct Trouble(bool);

impl Trouble {
    fn begins(&mut self, name: &str, error: &io::Error) {
        if !mem::replace(&mut self.0, true) {
            tracing::error!(
                file = name,
                %error,
                "audit file not written: lines wait, and are dropped when the queue is full; free \
                 space on the disk, or check the file's permissions"
            );
        }
    }

    fn is_over(&mut self, name: &str) {
        if mem::replace(&mut self.0, false) {
            tracing::info!(file = name, "audit file written again");
        }
    }
}
